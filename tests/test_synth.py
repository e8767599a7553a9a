"""Test signals against their formulas in NumPy and float64, and their guarantees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax
from jtfs_jax import analysis, synth

N, FS = 2**16, 44100.0
LONG = {"n_samples": N, "sample_rate": FS}
SHORT = {"n_samples": 256, "sample_rate": 1000.0}


def number(value):
    """A parameter rounded to float32."""
    return np.float64(np.float32(value))


def times(*, center=False):
    return (np.arange(N) - center * N / 2) / FS


def integral(t, gamma):
    """∫₀ᵗ 2^(γs) ds."""
    u = number(gamma) * np.log(2)
    return np.expm1(u * t) / u if u else t


def sine(phase):
    return np.sin(2 * np.pi * phase)


def am_chirp(f_c, f_m, gamma):
    t = times(center=True)
    window = np.exp(-0.5 * (number(gamma) * t / 0.2) ** 2)
    return window * sine(number(f_m) * t) * sine(number(f_c) * integral(t, gamma))


def shepard(f_c, gamma):
    t = times(center=True)
    x = np.zeros(N)
    for k in range(-40, 41):
        p = k + number(gamma) * t
        heard = (np.abs(p) < 5) & (number(f_c) * 2.0**p < FS / 2)
        x += heard * np.exp(-0.5 * p**2) * sine(number(f_c) * 2.0**k * integral(t, gamma))
    return x


def windowed_tones(f_c, t_c, duration):
    x = np.zeros(N)
    for f, center in zip(np.broadcast_to(f_c, 3), np.broadcast_to(t_c, 3), strict=True):
        s = (times() - number(center)) / duration
        ramp = np.clip((0.5 - np.abs(s)) / 0.25, 0, 1)
        x += 0.5 * (1 - np.cos(np.pi * ramp)) * sine(number(f) * (times() - number(center)))
    return x


F_C = np.array([300.0, 2000.0, 15000.0], np.float32)
SIGNALS = {
    "am_tone": lambda: (
        synth.am_tone(15000.3, 7.1, depth=0.5, **LONG),
        (1 + 0.5 * np.cos(2 * np.pi * number(7.1) * times()))
        * np.cos(2 * np.pi * number(15000.3) * times()),
    ),
    **{
        f"am_chirp {gamma}": lambda gamma=gamma: (
            synth.am_chirp(512.0, 8.3, gamma, **LONG),
            am_chirp(512.0, 8.3, gamma),
        )
        for gamma in (4.0, -0.3, 1e-6, 0.0)
    },
    "shepard up": lambda: (synth.shepard(1000.0, 9.0, **LONG), shepard(1000.0, 9.0)),
    "shepard down": lambda: (synth.shepard(500.0, -0.7, **LONG), shepard(500.0, -0.7)),
    "shepard's tone": lambda: (synth.shepard(900.0, 0.0, **LONG), shepard(900.0, 0.0)),
    "tones": lambda: (
        synth.windowed_tones(F_C, [0.3, 0.7, 1.2], 0.4, **LONG),
        windowed_tones(F_C, [0.3, 0.7, 1.2], 0.4),
    ),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_follow_their_formulas_in_float32(name):
    found, expected = SIGNALS[name]()
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, atol=3e-6 * max(np.abs(expected).max(), 1))


@pytest.mark.parametrize("f_stop", [6000.0, 50.0, 100.0])
def test_exponential_chirps_go_from_the_one_to_the_other_frequency(f_stop):
    x = synth.exponential_chirp(100.0, f_stop, **LONG)
    gamma = np.log2(f_stop / 100) * FS / N
    u = gamma * np.log(2)
    expected = np.cos(2 * np.pi * 100 * (np.expm1(u * times()) / u if u else times()))
    # float32 resolves f_stop, and therefore the phase, to 1e-7.
    np.testing.assert_allclose(x, expected, atol=2e-7 * 2 * np.pi * f_stop * N / FS)


def test_ripples_follow_their_formula():
    key = jax.random.key(3)
    x = synth.ripple(8.0, -0.4, **LONG, f_min=400.0, n_octaves=6.0, n_partials=12, key=key)
    expected = np.zeros(N)
    for i, phase in enumerate(np.asarray(jax.random.uniform(key, (12,)), float)):
        f = 400 * 2.0 ** (i / 2)
        envelope = 1 + 0.9 * sine(8.0 * times() + 0.4 * i / 2)
        # float32 resolves frequencies between octaves to 1e-7 only, so phases differ from these.
        expected += (f < FS / 2) * envelope * sine(number(np.exp2(i / 2) * 400) * times() + phase)
    np.testing.assert_allclose(x, expected / np.sqrt(12), atol=2e-2)


def test_dispersion_is_a_delay_for_each_octave():
    n, fs = 4096, 4096.0
    x = noise(2, 1, n)
    delay = np.array([0.01, -0.2, 0.0], np.float32)
    found = synth.disperse(x, delay, f_c=300.0, sample_rate=fs)
    f = np.fft.rfftfreq(n, 1 / fs)
    phase = f * np.log2(np.maximum(f, 1e-9) / 300) - f / np.log(2)
    expected = np.fft.irfft(
        np.fft.rfft(x.astype(float)) * np.exp(-2j * np.pi * delay.astype(float)[:, None] * phase), n
    )
    assert found.shape == (2, 3, n)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    np.testing.assert_allclose(found[:, 2], x[:, 0], atol=1e-5)


def test_dispersion_makes_chirps_of_clicks():
    n, fs = 8192, 8192.0
    click = jnp.zeros(n).at[n // 2].set(1.0)
    x = np.asarray(synth.disperse(click, 0.1, f_c=512.0, sample_rate=fs), float)
    # The center of gravity in time of the band around f is at τ(f).
    for octave in (-2, 0, 1, 2):
        f = np.fft.rfftfreq(n, 1 / fs)
        band = np.exp(-0.5 * ((f - 512 * 2.0**octave) / 30) ** 2)
        energy = np.fft.irfft(np.fft.rfft(x) * band, n) ** 2
        center = (energy * np.arange(n)).sum() / energy.sum() / fs
        assert abs(center - 0.5 - 0.1 * octave) < 0.01
    back = synth.disperse(x, -0.1, f_c=512.0, sample_rate=fs)
    np.testing.assert_allclose(back, click, atol=1e-4)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 1.0, 2.5])
def test_noise_has_the_spectrum_of_its_power_law(exponent):
    n = 4096
    exponents = jnp.full((64,), exponent)
    x = synth.power_law_noise(jax.random.key(1), exponents, n_samples=n)
    density = (np.abs(np.fft.rfft(np.asarray(x, float))) ** 2).mean(0)
    assert density[0] < 1e-6 * density.max()
    edges = 2 ** np.arange(3, 11)
    levels = np.log2(np.add.reduceat(density, edges)[:-1] / np.diff(edges))
    slopes = np.polyfit(np.log2(edges[:-1]), levels, 1)
    assert abs(slopes[0] + exponent) < 0.05
    assert 0.8 < np.asarray(x).var() < 1.2
    # Each signal is a separate draw.
    assert np.abs(np.corrcoef(np.diff(x[:8])) - np.eye(8)).max() < 0.2 + 0.3 * max(exponent - 1, 0)


@pytest.mark.usefixtures("quick_compile")
def test_chirps_have_derivatives_of_two_orders(x64):
    weights = noise(256, dtype=np.float64)

    def score(theta):
        return jnp.vdot(weights, synth.am_chirp(theta[0], theta[1], theta[2], **SHORT))

    gradient, hessian = jax.jit(jax.grad(score)), jax.jit(jax.hessian(score))
    steps = 1e-5 * np.eye(3)
    for gamma in (0.0, 1.5, -1e-9):
        theta = np.array([50.0, 3.0, gamma])
        slopes = [(score(theta + step) - score(theta - step)) / 2e-5 for step in steps]
        curvatures = [(gradient(theta + step) - gradient(theta - step)) / 2e-5 for step in steps]
        np.testing.assert_allclose(gradient(theta), slopes, rtol=1e-5)
        np.testing.assert_allclose(hessian(theta), np.stack(curvatures), rtol=1e-4)


@pytest.mark.usefixtures("quick_compile")
def test_derivatives_in_float32_are_those_in_float64(x64):
    def jacobian(dtype):
        def chirp(theta):
            x = synth.am_chirp(theta[0], theta[1], theta[2], n_samples=2**13, sample_rate=2.0**13)
            y = synth.shepard(theta[0], theta[2], n_samples=2**13, sample_rate=2.0**13)
            return jnp.stack([x, y])

        return jax.jit(jax.jacfwd(chirp))(jnp.array([600.5, 8.25, 1.25], dtype))

    single, double = jacobian(jnp.float32), jacobian(jnp.float64)
    assert single.dtype == jnp.float32
    assert double.dtype == jnp.float64
    np.testing.assert_allclose(
        single, double, atol=1e-5 * np.abs(double).max(axis=1, keepdims=True).max()
    )


@pytest.mark.usefixtures("quick_compile")
def test_all_signals_have_finite_gradients():
    def total(theta):
        f, gamma, depth = theta[0], theta[1], theta[2]
        signals = [
            synth.exponential_chirp(f, f * (1 + gamma), **SHORT),
            synth.am_tone(f, f / 9, depth=depth, **SHORT),
            synth.windowed_tones(f * jnp.array([1.0, 2.0]), 0.1 + gamma, 0.1 + depth, **SHORT),
            synth.shepard(f, gamma, n_partials=4, **SHORT),
            synth.ripple(5.0 + gamma, depth, n_partials=4, f_min=f, **SHORT),
            synth.power_law_noise(jax.random.key(0), gamma, n_samples=256),
            synth.disperse(jnp.ones(256).at[9].set(2.0), gamma, f_c=f, sample_rate=1000.0),
        ]
        return sum(jnp.sum(x**3) for x in signals)

    theta = jnp.array([40.0, 0.0, 0.0])
    derivatives = jax.jit(lambda theta: jax.jvp(jax.grad(total), (theta,), (jnp.ones(3),)))
    gradient, product = derivatives(theta)
    assert np.isfinite(gradient).all()
    assert np.isfinite(product).all()
    assert np.all(gradient != 0)


@pytest.mark.usefixtures("quick_compile")
def test_parameters_broadcast_to_batches():
    gamma, f_m = np.array([[0.5], [-2.0]]), np.array([4.0, 8.0, 16.0])
    x = synth.am_chirp(100.0, f_m, gamma, **SHORT)
    assert x.shape == (2, 3, 256)
    one = synth.am_chirp(100, 8, -2, **SHORT)
    np.testing.assert_allclose(x[1, 1], one, atol=1e-6)
    mapped = jax.vmap(lambda g: synth.am_chirp(100.0, 8.0, g, **SHORT))(gamma[:, 0])
    np.testing.assert_allclose(mapped, x[:, 1], atol=1e-6)
    tones = synth.windowed_tones(np.array([100.0, 200.0]), gamma / 20 + 0.1, 0.1, **SHORT)
    assert tones.shape == (2, 256)
    assert synth.shepard(100.0, gamma, **SHORT).shape == (2, 1, 256)
    assert synth.ripple(f_m, gamma, n_partials=3, **SHORT).shape == (2, 3, 256)
    assert synth.power_law_noise(jax.random.key(0), gamma, n_samples=9).shape == (2, 1, 9)


ERRORS = {
    "shapes": (
        lambda: synth.am_chirp(np.ones(2), np.ones(3), 1.0, **SHORT),
        r"broadcast, got \(2,\) of f_c, \(3,\) of f_m",
    ),
    "complex": (lambda: synth.am_tone(1j, 1.0, **SHORT), "f_c must have real numbers"),
    "n_samples": (
        lambda: synth.am_tone(1.0, 1.0, n_samples=0, sample_rate=1.0),
        "n_samples must be an integer of at least 1",
    ),
    "sample_rate": (
        lambda: synth.am_tone(1.0, 1.0, n_samples=8, sample_rate=-1.0),
        "sample_rate must be a positive number",
    ),
    "n_partials": (lambda: synth.shepard(1.0, 1.0, n_partials=0, **SHORT), "n_partials must be"),
    "noise": (
        lambda: synth.power_law_noise(jax.random.key(0), 1.0, n_samples=1),
        "n_samples must be at least 2",
    ),
    "key": (lambda: synth.ripple(1.0, 1.0, key=jnp.ones(2), **SHORT), "key must be a single"),
    "seed": (lambda: synth.power_law_noise(3, 1.0, n_samples=9), "key must be a single"),  # pyright: ignore[reportArgumentType]
    "scalar": (lambda: synth.disperse(1.0, 0.1, f_c=1.0, sample_rate=1.0), "last axis"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_argument(name):
    make, match = ERRORS[name]
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.usefixtures("quick_compile")
def test_paths_of_their_rate_scale_and_spin_answer_to_ripples_and_dispersed_clicks():
    grid = {"n_samples": 2**12, "sample_rate": 4096.0}
    bank = jtfs_jax.filterbank(2**12, J=(7, 10), Q=(12, 1), J_fr=4, T="global", F="global")
    rising, falling = synth.ripple(12.0, jnp.array([0.9, -0.9]), f_min=100.0, n_octaves=4, **grid)
    click = jnp.zeros(2**12).at[2**11].set(1.0)
    later = synth.disperse(click, 0.1, f_c=300.0, sample_rate=4096.0)
    S = jtfs_jax.jtfs(bank, jnp.stack([rising, falling, later, later[::-1]]))
    table = jtfs_jax.path_table(bank, sample_rate=4096.0)
    spinned = np.flatnonzero(table.spin)
    for s, spin in zip(S.S2, (1, -1), strict=False):
        answer = spinned[np.argmax(s[spinned, 0, 0])]
        assert table.spin[answer] == spin
        assert abs(np.log2(table.rate[answer] / 12)) <= 0.6
        assert abs(np.log2(table.scale[answer] / 0.9)) <= 0.6
    ratios = analysis.spin_ratio(bank, S)
    assert ratios[0] > 2
    assert ratios[1] < 1 / 2
    assert ratios[2] > 10
    assert ratios[3] < 1 / 10
