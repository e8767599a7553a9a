"""Metamers of several channels and of any length, and the interchannel image."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise, relative_error

import jtfs_jax
from jtfs_jax import analysis, resynthesis
from jtfs_jax.resynthesis import colored_noise, interchannel, loudness, metamer, resynthesize

N, LONG = 2048, 9001
pytestmark = pytest.mark.usefixtures("quick_compile")
segmented_jtfs = jtfs_jax.segmented(jtfs_jax.jtfs)


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=6, Q=6, J_fr=2, T=2**7)


@pytest.fixture(scope="module")
def segment_bank():
    return jtfs_jax.filterbank(None, J=6, Q=6, J_fr=2, T=2**7)


@functools.cache
def stereo(n, seed=0):
    """A gliding tone on the left, and noise that the channels partly share."""
    t = np.arange(n) / n
    tone = np.sin(2 * np.pi * n * 0.02 * (2 ** (3 * t) - 1) / (3 * np.log(2)))
    common, left, right = noise(3, n, seed=seed, dtype=float)
    x = [tone + 0.3 * (common + 0.3 * left), 0.3 * tone + 0.3 * (common + 0.3 * right)]
    return np.array(x, np.float32)


def wavelet_coefficients(x):
    """Wavelet coefficients of one band, from an analytic Gaussian filter."""
    f = np.fft.fftfreq(N)
    return np.fft.ifft(np.fft.fft(x) * np.exp(-0.5 * ((f - 0.12) / 0.01) ** 2) * (f > 0))


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_mixtures_are_channels_sums_and_differences(bank, n_channels):
    x = noise(2, n_channels, N)
    pairs = [(a, b) for a in range(n_channels) for b in range(a + 1, n_channels)]
    mixed = [x[:, c] for c in range(n_channels)]
    for a, b in pairs:
        mixed += [(x[:, a] + x[:, b]) / math.sqrt(2), (x[:, a] - x[:, b]) / math.sqrt(2)]
    found = interchannel(jtfs_jax.jtfs)(bank, x)
    wanted = jtfs_jax.jtfs(bank, jnp.stack(mixed, axis=1))
    assert found.S2.shape[:2] == (2, n_channels**2)
    assert relative_error(found, wanted) < 1e-6


def test_it_is_one_object_for_one_transform():
    """One object per transform, so that programs are compiled once."""
    assert interchannel(jtfs_jax.jtfs) == interchannel(jtfs_jax.jtfs)
    assert hash(interchannel(segmented_jtfs)) == hash(interchannel(segmented_jtfs))
    assert interchannel(jtfs_jax.jtfs) != interchannel(jtfs_jax.time_scattering)


def test_image_is_its_definition():
    """Compare a band of noise with an independent computation of the same band."""
    bank = jtfs_jax.filterbank(N, J=6, Q=8, pad_mode="periodic")
    a, b = noise(2, N, dtype=float)
    x = np.stack([2 * a, a + b])
    image = analysis.interchannel_image(bank, x, n_parts=2)
    frequencies = jtfs_jax.wavelet_frequencies(bank)
    nearest = np.abs(frequencies - 0.12).argmin()
    psi = bank.wavelets1[nearest]
    f = np.fft.fftfreq(N)
    hat = np.exp(-0.5 * ((f - psi.xi) / psi.sigma) ** 2) * (f > 0)
    first, second = np.fft.ifft(np.fft.fft(x) * hat).reshape(2, 2, -1)
    powers = (np.abs([first, second]) ** 2).mean(axis=-1)
    common = (first * second.conj()).real.mean(axis=-1)
    np.testing.assert_allclose(
        image.level_difference[nearest], 10 * np.log10(powers[0] / powers[1]), atol=0.1
    )
    np.testing.assert_allclose(
        image.correlation[nearest], common / np.sqrt(powers.prod(axis=0)), atol=0.02
    )


@pytest.mark.parametrize(
    ("second", "correlation", "level"), [(1.0, 1, 0), (-0.1, -1, 20), (0.0, 0, np.inf)]
)
def test_images_of_copies(bank, second, correlation, level):
    x = noise(N)
    image = analysis.interchannel_image(bank, np.stack([x, second * x]))
    np.testing.assert_allclose(image.correlation, correlation, atol=1e-3)
    np.testing.assert_allclose(image.level_difference, level, atol=1e-2)


def test_silence_has_an_image(bank):
    image = analysis.interchannel_image(bank, np.zeros((2, N), np.float32))
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(image))


@pytest.mark.parametrize(
    ("mixing", "correlation", "level"),
    [
        ([[1, 0], [1, 0]], 1, 0),
        ([[1, 0], [-0.5, 0]], -1, 6.02),
        ([[1, 0], [0, 0.25]], 0, 12.04),
        ([[1, 0], [0.8, 0.6]], 0.8, 0),
    ],
    ids=str,
)
def test_noise_has_the_image_of_the_mixtures(mixing, correlation, level):
    bank = jtfs_jax.filterbank(2**14, J=6, Q=6, J_fr=2, T=2**7)
    x = np.array(mixing) @ noise(2, 2**14, dtype=float)
    s1 = interchannel(jtfs_jax.time_scattering)(bank, x).S1
    y = colored_noise(bank, s1, interchannel=True, n_sounds=2)
    assert y.shape == (2, 2, 2**14)
    image = analysis.interchannel_image(bank, y)
    high = jtfs_jax.wavelet_frequencies(bank) > 0.05  # with many periods of the noise
    np.testing.assert_allclose(image.correlation[:, high].mean(), correlation, atol=0.05)
    np.testing.assert_allclose(image.level_difference[:, high].mean(), level, atol=0.5)


def test_a_metamer_keeps_the_image_that_separate_ones_lose(bank):
    x = stereo(N)
    target = analysis.interchannel_image(bank, x)
    weight = np.asarray(target.power / target.power.sum())

    def distance(y):
        image = analysis.interchannel_image(bank, y)
        return float(np.sum(weight * np.abs(image.correlation - target.correlation)))

    joint = metamer(bank, x, transform=interchannel(jtfs_jax.jtfs), n_steps=30)
    alone = [
        metamer(bank, channel, n_steps=30, key=jax.random.key(seed)).y[0]
        for seed, channel in enumerate(x)
    ]
    assert joint.y.shape == (1, 2, N)
    assert joint.error[-1, 0] < 0.05
    assert distance(joint.y[0]) < 0.2
    assert distance(jnp.stack(alone)) > 2 * distance(joint.y[0])


def test_one_channel_is_the_sound_itself(bank):
    x = stereo(N)[0]
    found = metamer(bank, x[None], transform=interchannel(jtfs_jax.jtfs), n_steps=4)
    wanted = metamer(bank, x, n_steps=4)
    np.testing.assert_allclose(found.error, wanted.error, rtol=1e-4)
    np.testing.assert_allclose(found.y[:, 0], wanted.y, atol=1e-3)


def test_batches_and_counts(bank):
    """Sounds for two targets equal the sounds for each target alone."""
    x = np.stack([stereo(N), stereo(N, seed=5)])
    transform = interchannel(jtfs_jax.time_scattering)
    both = metamer(bank, x, transform=transform, n_sounds=2, n_steps=3)
    assert both.y.shape == (2, 2, 2, N)
    assert both.error.shape == (4, 2, 2)
    alone = metamer(bank, x[1], transform=transform, n_sounds=2, n_steps=3)
    np.testing.assert_allclose(both.error[:, :, 1], alone.error, rtol=1e-3)


def test_a_run_in_parts_is_one_run(bank):
    x, transform = stereo(N), interchannel(jtfs_jax.jtfs)
    whole = metamer(bank, x, transform=transform, n_steps=4)
    first = metamer(bank, x, transform=transform, n_steps=2)
    second = metamer(bank, x, transform=transform, n_steps=2, state=first.state)
    np.testing.assert_array_equal(second.y, whole.y)
    np.testing.assert_array_equal(second.error, whole.error[3:])


def test_composed_targets_start_from_their_own_image(bank):
    S = interchannel(jtfs_jax.jtfs)(bank, stereo(N))
    result = resynthesize(
        bank,
        resynthesis.swap_spins(bank, S),
        transform=interchannel(jtfs_jax.jtfs),
        n_steps=2,
    )
    assert result.y.shape == (1, 2, N)
    assert result.error[-1, 0] < result.error[0, 0]


@pytest.mark.parametrize(("channels", "T"), [(2, 2**7), (1, "global"), (1, 0)])
def test_metamers_of_any_length(channels, T):
    """Targets longer than the filterbank, with the target's coefficients at every frame."""
    options = {"J": 5, "Q": 4, "J_fr": 2, "T": T}
    bank = jtfs_jax.filterbank(None, **options)
    x, wrap = (stereo(LONG)[0], lambda f: f) if channels == 1 else (stereo(LONG), interchannel)
    result = metamer(bank, x, transform=wrap(segmented_jtfs), n_steps=8)
    assert result.y.shape == (1, *x.shape)
    one_call = jtfs_jax.filterbank(LONG, **options)
    S, R = (wrap(jtfs_jax.jtfs)(one_call, sound) for sound in (result.y[0], x))
    assert relative_error(S, R) == pytest.approx(float(result.error[-1, 0]), rel=0.05)
    assert result.error[-1, 0] < 0.8 * result.error[0, 0]


def test_noise_and_loudness_of_any_length_are_those_of_one_call(segment_bank):
    whole = jtfs_jax.filterbank(2**14, J=6, Q=6, J_fr=2, T=2**7)
    x = stereo(2**14)[0]
    s1 = jtfs_jax.time_scattering(whole, x).S1
    in_segments = jtfs_jax.segmented(jtfs_jax.time_scattering)(segment_bank, x).S1
    found = loudness(segment_bank, in_segments, n_samples=2**14)
    np.testing.assert_allclose(found, loudness(whole, s1), rtol=1e-4)
    found = colored_noise(segment_bank, in_segments, n_samples=2**14, n_sounds=2)
    wanted = colored_noise(whole, s1, n_sounds=2)
    assert relative_error(found, wanted) < 1e-4


def test_stationary_noise_has_no_seams(segment_bank):
    """Over many stretches, the power is the same in all parts, within statistical error."""
    n = 2**17
    s1 = jnp.ones((len(segment_bank.wavelets1), 2**10))
    s1 = s1 * jnp.sqrt(jnp.array([psi.sigma for psi in segment_bank.wavelets1]))[:, None]  # white
    y = np.asarray(colored_noise(segment_bank, s1, n_samples=n)[0])
    power = np.square(y).reshape(-1, 2**10).mean(axis=1)
    assert power.std() / power.mean() < 2 * math.sqrt(2 / 2**10)


ERRORS = {
    "no channels": (
        lambda bank: interchannel(jtfs_jax.jtfs)(bank, noise(N)),
        r"x must have the axes \(\*batch, channel, time\)",
    ),
    "no channels for a metamer": (
        lambda bank: metamer(bank, noise(N), transform=interchannel(jtfs_jax.jtfs)),
        r"x must have .* the axes \(\*batch, channel, time\)",
    ),
    "mixtures": (
        lambda bank: colored_noise(bank, jnp.ones((3, 30, 16)), interchannel=True),
        "s1 must have",
    ),
    "length": (
        lambda bank: metamer(bank, noise(LONG)),
        "x has 9001 samples .* jtfs_jax.segmented",
    ),
    "frames of another length": (
        lambda bank: colored_noise(bank, jtfs_jax.jtfs(bank, noise(N)).S1, n_samples=LONG),
        "give n_samples",
    ),
    "no start": (
        lambda bank: resynthesize(
            bank, jtfs_jax.jtfs(bank, noise(N)), transform=segmented_jtfs, n_steps=1
        ),
        "y0 must be sounds if transform is segmented",
    ),
    "target of one channel": (
        lambda bank: resynthesize(
            bank, jtfs_jax.jtfs(bank, noise(N)), transform=interchannel(jtfs_jax.jtfs)
        ),
        "target must have an axis of mixtures",
    ),
    "three channels": (
        lambda bank: analysis.interchannel_image(bank, noise(3, N)),
        "x must have two channels",
    ),
    "parts": (
        lambda bank: analysis.interchannel_image(bank, noise(2, N), n_parts=0),
        "n_parts must be",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_invalid_arguments(bank, case):
    call, match = ERRORS[case]
    with pytest.raises(ValueError, match=match):
        call(bank)
