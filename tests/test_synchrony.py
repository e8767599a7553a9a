"""Measures against their definitions, and on sounds with known results."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax
from jtfs_jax.analysis import band_synchrony
from jtfs_jax.resynthesis import metamer

N = 8192
TONES = 0.4 * 2.0 ** -np.arange(0.5, 4, 0.8)  # cycles/sample


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=8, Q=8, T=2**10)


def clicks():
    x = np.zeros(N)
    x[np.cumsum(np.random.default_rng(0).integers(400, 1200, 10))] = 1
    return x


def dispersed_clicks():
    """Clicks with low frequencies delayed by 300 samples per octave."""
    f = np.maximum(np.fft.rfftfreq(N), 2**-10)
    delays = -300 * np.log2(2 * f)
    phase = -2 * np.pi * np.cumsum(delays) / N
    return np.fft.irfft(np.fft.rfft(clicks()) * np.exp(1j * phase), N)


def white_noise():
    return noise(N, dtype=np.float64)


def tones(*, alike):
    """Tones, each modulated by its own slow random envelope, or all by the same envelope."""
    t = np.arange(N)
    rng = np.random.default_rng(0)
    rates = np.arange(4, 17) / N
    x = np.zeros(N)
    phases = rng.uniform(0, 2 * np.pi, rates.size)
    for k, f in enumerate(TONES):
        if not alike:
            phases = rng.uniform(0, 2 * np.pi, rates.size)
        envelope = np.cos(2 * np.pi * rates[:, None] * t + phases[:, None]).sum(0)
        x += (1 + 0.95 * envelope / np.abs(envelope).max()) * np.sin(2 * np.pi * f * t + k)
    # Faded at the ends, where reflected tones have kinks; the fade itself is common, though.
    return x * np.hanning(N) ** 0.2 if alike else x


def windowed_noise():
    """Noise with loud moments common to all bands."""
    return white_noise() * (1 + np.cos(2 * np.pi * 20 * np.arange(N) / N)) ** 4


def chirp():
    t = np.arange(N) / N
    return np.sin(2 * np.pi * N * 0.01 * (2 ** (5 * t) - 1) / (5 * np.log(2)))


KNOWN = {
    "a click": (np.eye(1, N, 3000)[0], 0.99, 1.0),
    "clicks": (clicks(), 0.97, 1.0),
    "tones modulated alike": (tones(alike=True), 0.9, 1.0),
    "noise modulated alike": (windowed_noise(), 0.5, 1.0),
    "white noise": (white_noise(), -0.03, 0.03),
    "tones modulated independently": (tones(alike=False), -0.2, 0.2),
    "clicks with delays": (dispersed_clicks(), -0.2, 0.2),
    "a chirp": (chirp(), -0.2, 0.1),
    "silence": (np.zeros(N), 0.0, 0.0),
}


@pytest.mark.parametrize("name", KNOWN)
def test_synchrony_of_known_sounds(bank, name):
    x, low, high = KNOWN[name]
    assert low <= float(band_synchrony(bank, x.astype(np.float32))) <= high + 1e-6


def test_synchrony_is_what_it_says():
    """The definition in NumPy: convolutions over time of a signal continued by reflection."""
    n, T = 1024, 200.0
    bank = jtfs_jax.filterbank(n, J=6, Q=4, T=T)
    x = noise(n)
    x[300:340] *= 20
    f = np.fft.fftfreq(2 * n)

    def convolved(u, sigma):
        mirrored = np.concatenate([u, u[::-1]])
        return np.fft.ifft(np.fft.fft(mirrored) * np.exp(-0.5 * (f / sigma) ** 2)).real[:n]

    u1 = np.asarray(jtfs_jax.scalogram(bank, x), np.float64)
    v = [u - convolved(u, 0.1 / T) for u in u1]
    for octaves in [(0.0, np.inf), (0.9, 2.1)]:
        common = total = 0.0
        for i, a in enumerate(bank.wavelets1):
            for j, b in enumerate(bank.wavelets1[i + 1 :], i + 1):
                variance = a.sigma**2 + b.sigma**2
                overlap = np.exp(-((a.xi - b.xi) ** 2) / variance) * 2 * a.sigma * b.sigma
                distance = np.log2(a.xi / b.xi)
                if overlap / variance <= 1e-3 and octaves[0] <= distance <= octaves[1]:
                    p, q = convolved(v[i], b.sigma), convolved(v[j], a.sigma)
                    common += p @ q
                    total += np.linalg.norm(p) * np.linalg.norm(q)
        found = float(band_synchrony(bank, x, octaves=octaves))
        assert abs(found - common / total) < 1e-4
        assert 0.05 < abs(found) < 0.95


def test_synchrony_ignores_gain_and_the_direction_of_time(bank):
    x = windowed_noise().astype(np.float32)
    found = band_synchrony(bank, np.stack([x, 1e-6 * x, 1e4 * x, x[::-1]]))
    np.testing.assert_allclose(found, found[0], rtol=1e-3)


def test_synchrony_of_batches(bank):
    x = np.stack([clicks(), white_noise(), chirp()]).astype(np.float32)
    found = band_synchrony(bank, x[:, None])
    assert found.shape == (3, 1)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found[:, 0], [band_synchrony(bank, row) for row in x], atol=1e-5)
    np.testing.assert_allclose(jax.vmap(band_synchrony, (None, 0))(bank, x), found[:, 0], atol=1e-5)


def test_synchrony_leaves_out_what_is_slower_than_T(bank):
    # One swell, common to all bands, over independent bands.
    x = (white_noise() * np.hanning(N)).astype(np.float32)
    shorter, own, longer = (float(band_synchrony(bank, x, T=T)) for T in (2**7, None, "global"))
    assert abs(shorter) < 0.03 < longer
    assert shorter - 0.01 < own < longer
    assert own == float(band_synchrony(bank, x, T=2**10))


def test_synchrony_has_a_gradient(bank):
    gradient = jax.grad(lambda x: band_synchrony(bank, x))
    x = windowed_noise().astype(np.float32)
    assert np.isfinite(gradient(jnp.zeros(N))).all()
    assert np.isfinite(gradient(np.eye(1, N, 3000, dtype=np.float32)[0])).all()
    step = 1e-2 * x.std() * np.sqrt(N) * gradient(x) / jnp.linalg.norm(gradient(x))
    assert band_synchrony(bank, x + step) > band_synchrony(bank, x) > band_synchrony(bank, x - step)


@pytest.mark.usefixtures("quick_compile")
def test_joint_metamers_keep_the_synchrony_that_those_of_time_scattering_lose():
    n = 2048
    bank = jtfs_jax.filterbank(n, J=7, Q=6, T=2**9, J_fr=2)
    x = clicks()[:n].astype(np.float32)
    metamers = [
        metamer(bank, x, transform=transform, n_steps=30).y
        for transform in (jtfs_jax.jtfs, jtfs_jax.time_scattering)
    ]
    joint, of_time = (float(band_synchrony(bank, y)[0]) for y in metamers)
    assert joint > 0.5
    assert of_time < 0.25


@pytest.mark.usefixtures("quick_compile")
def test_synchrony_where_T_is_longer_than_the_signal():
    bank = jtfs_jax.filterbank(500, J=9, Q=4)
    assert bank.T == 512
    assert abs(band_synchrony(bank, white_noise()[:500].astype(np.float32))) < 0.2


@pytest.mark.parametrize(
    ("options", "match"),
    {
        "T": ({"T": N + 1}, "T must be"),
        "order": ({"octaves": (2.0, 1.0)}, "octaves must be a pair of numbers"),
        "not a pair": ({"octaves": (1.0,)}, "octaves must be a pair of numbers"),
        "too near": ({"octaves": (0.0, 0.1)}, "octaves must leave pairs .* widen"),
        "too far": ({"octaves": (20.0, 30.0)}, "octaves must leave pairs"),
    }.values(),
)
def test_errors_of_synchrony(bank, options, match):
    with pytest.raises(ValueError, match=match):
        band_synchrony(bank, np.ones(N, np.float32), **options)


def test_octaves_may_be_a_list(bank):
    x = noise(N)
    found = band_synchrony(bank, x, octaves=[0.0, 2.0])  # pyright: ignore[reportArgumentType]
    assert found == band_synchrony(bank, x, octaves=(0.0, 2.0))


def test_synchrony_needs_bands_that_do_not_overlap():
    bank = jtfs_jax.filterbank(1024, J=3, Q=1)
    with pytest.raises(ValueError, match="raise its J or its Q"):
        band_synchrony(bank, np.ones(1024, np.float32))
