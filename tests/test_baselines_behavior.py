"""The baselines on sounds with known responses: ripples, chirps, tones, levels."""

import jax.numpy as jnp
import numpy as np
import pytest

import jtfs_jax
from jtfs_jax import analysis, baselines, synth

N, FS = 2**13, 8192.0
pytestmark = pytest.mark.usefixtures("quick_compile")
RIPPLES = [(4.0, 1.0), (-4.0, 1.0), (8.0, 0.5), (-8.0, 0.5), (16.0, 1.0), (-16.0, 1.0)]


@pytest.fixture(scope="module")
def ear():
    return baselines.auditory_filterbank(N, sample_rate=FS)


@pytest.fixture(scope="module")
def cortex(ear):
    return baselines.cortical_filterbank(ear.n_channels, ear.n_frames, frame_rate=ear.frame_rate)


@pytest.fixture(scope="module")
def ripples():
    f_m, scale = np.array(RIPPLES, np.float32).T
    options = {"n_samples": N, "sample_rate": FS, "f_min": 200.0, "n_octaves": 4.0}
    return synth.ripple(f_m, scale, **options)


@pytest.fixture(scope="module")
def spectrograms(ear, ripples):
    return baselines.auditory_spectrogram(ear, ripples)


def test_ripples_peak_at_their_rate_and_scale_in_the_cortex(cortex, spectrograms):
    r = np.asarray(baselines.cortical(cortex, spectrograms, output="mean")).mean(axis=-1)
    for (f_m, scale), u in zip(RIPPLES, r, strict=True):
        spin, row, column = np.unravel_index(u.argmax(), u.shape)
        assert (cortex.scales[row], cortex.rates[column]) == (scale, abs(f_m))
        assert cortex.spins[spin] == np.sign(f_m)
        assert u[spin, row, column] > 4 * u[1 - spin, row, column]


def test_spectrograms_upside_down_swap_spins_of_the_cortex(cortex):
    y = jnp.asarray(
        np.random.default_rng(0).random((cortex.n_channels, cortex.n_frames), np.float32)
    )
    r, flipped = (np.asarray(baselines.cortical(cortex, z)) for z in (y, y[::-1]))
    np.testing.assert_allclose(flipped[::-1], r[..., ::-1, :], atol=1e-5 * r.max())


def test_ripples_are_one_line_of_the_modulation_power_spectrum(ear, spectrograms):
    P = np.asarray(baselines.modulation_power_spectrum(analysis.log_compress(spectrograms, 1e-3)))
    axes = baselines.modulation_axes(ear.n_channels, ear.n_frames, frame_rate=ear.frame_rate)
    for (f_m, scale), power in zip(RIPPLES, P, strict=True):
        row, column = np.unravel_index(power.argmax(), power.shape)
        assert axes.scale[row] == pytest.approx(scale, abs=axes.scale[1])
        assert axes.rate[column] == pytest.approx(f_m, abs=1)


def test_spins_are_those_of_jtfs(ear, cortex):
    """A rising chirp and its reversal, in all representations with a direction."""

    def chirps(n):
        chirp = np.asarray(synth.exponential_chirp(300.0, 2400.0, n_samples=n, sample_rate=FS))
        return np.stack([chirp, chirp[::-1]]) * np.hanning(n).astype(np.float32)

    joint = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2, T="global", F="global")
    spin_ratio = np.asarray(analysis.spin_ratio(joint, jtfs_jax.jtfs(joint, chirps(1024))))
    of_jtfs, x = np.sign(np.log(spin_ratio)), chirps(N)
    y = baselines.auditory_spectrogram(ear, x)
    r = np.asarray(baselines.cortical(cortex, y, output="mean")).sum(axis=(-3, -2, -1))
    P = np.asarray(baselines.modulation_power_spectrum(y))
    half = P.shape[-1] // 2  # the column of rate 0
    rising, falling = P[:, 1:, half + 1 :].sum((1, 2)), P[:, 1:, :half].sum((1, 2))
    mel, gabor = baselines.mel_filterbank(N, sample_rate=FS), baselines.gabor_filterbank()
    g = np.asarray(baselines.gabor_features(gabor, baselines.log_mel_spectrogram(mel, x)))
    energies, spins = (g**2).sum(axis=-1), np.array(gabor.spins)
    for k, sign in enumerate([1, -1]):
        assert of_jtfs[k] == sign
        assert np.log(r[k, 0] / r[k, 1]) * sign > 0.3
        assert np.log(rising[k] / falling[k]) * sign > 0.5
        assert np.log(energies[k, spins > 0].sum() / energies[k, spins < 0].sum()) * sign > 0.5


def test_the_cortex_is_homogeneous_and_saturation_is_not(ear, cortex, ripples):
    x = ripples[:1]

    def response(ear, x):
        y = baselines.auditory_spectrogram(ear, x)
        return baselines.cortical(cortex, y, output="mean")

    once, thrice = (np.asarray(response(ear, c * x)) for c in (1.0, 3.0))
    np.testing.assert_allclose(thrice, 3 * once, atol=1e-5 * once.max())
    options = {"saturation": 1e-3, "lateral_inhibition": False}
    saturated = baselines.auditory_filterbank(N, sample_rate=FS, **options)
    loud, louder = (baselines.auditory_spectrogram(saturated, c * x) for c in (100.0, 300.0))
    np.testing.assert_allclose(louder[..., 10:-10], loud[..., 10:-10], atol=0.02)
    assert 0.45 < np.median(loud) <= 0.5


def test_a_gain_leaves_gabor_features_and_modulation_power(ripples):
    """Except for averages: far above the level, a gain only adds a constant to logarithms."""
    mel = baselines.mel_filterbank(N, sample_rate=FS, f_min=250.0, f_max=3000.0, level=1e-9)
    gabor = baselines.gabor_filterbank()
    soft, loud = (baselines.log_mel_spectrogram(mel, c * ripples[0]) for c in (1.0, 8.0))
    np.testing.assert_allclose(loud - soft, np.log(8), atol=1e-4)
    is_average = (np.array(gabor.rates) == 0) & (np.array(gabor.scales) == 0)
    g = [np.asarray(baselines.gabor_features(gabor, y)) for y in (soft, loud)]
    np.testing.assert_allclose(g[1][~is_average], g[0][~is_average], atol=1e-3)
    assert np.abs(g[1][is_average] - g[0][is_average]).min() > 0.5
    powers = [np.asarray(baselines.modulation_power_spectrum(y)) for y in (soft, loud)]
    np.testing.assert_allclose(powers[1], powers[0], atol=1e-4 * powers[0].max())


def test_tones_are_in_their_channels(ear):
    f = np.array([300.0, 800.0, 2000.0], np.float32)
    x = np.sin(2 * np.pi * f[:, None] * np.arange(N, dtype=np.float32) / np.float32(FS))
    plain = baselines.auditory_filterbank(N, sample_rate=FS, lateral_inhibition=False)
    y = np.asarray(baselines.auditory_spectrogram(plain, x))[..., 60]
    np.testing.assert_allclose(plain.frequencies[y.argmax(axis=1)], f, rtol=0.02)
    # Half the energy is at ± 0.83 σ, with σ = 0.141 of the frequency for a quality factor of 4.
    for row in y:
        wide = plain.frequencies[row > row.max() * np.sqrt(0.5)]
        expected = 24 * np.log2((1 + 0.83 * 0.141) / (1 - 0.83 * 0.141))
        assert len(wide) == pytest.approx(expected, abs=1.2)
    # The next higher channel removes the lower side and leaves a narrower response.
    sharp = np.asarray(baselines.auditory_spectrogram(ear, x))[..., 60]
    peak = ear.frequencies[sharp.argmax(axis=1)]
    assert (peak > f).all()
    for row, inhibited in zip(y, sharp, strict=True):
        assert (inhibited > inhibited.max() / 2).sum() <= 0.75 * (row > row.max() / 2).sum()
    mel = baselines.mel_filterbank(N, sample_rate=FS, level=1e-9)
    band = np.asarray(baselines.log_mel_spectrogram(mel, jnp.asarray(x)))[..., 50].argmax(axis=1)
    np.testing.assert_allclose(mel.frequencies[band], f, rtol=0.12)
