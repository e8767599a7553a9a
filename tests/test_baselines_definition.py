"""The baselines against their equations, written literally in NumPy and float64."""

import itertools

import numpy as np
import pytest
import reference_filters
from helpers import noise, relative_error

from jtfs_jax import baselines

FS = 2000.0
pytestmark = pytest.mark.usefixtures("quick_compile")


# ---- The ear -------------------------------------------------------------------------------------


def envelopes(frequencies, quality, x):
    """|x ⋆ ψ| of Morlet wavelets with equivalent rectangular bandwidth frequency / quality."""
    n = 8 * len(x)
    x_hat = np.fft.fft(x, n)
    rows = []
    for f in frequencies:
        psi_hat = reference_filters.morlet(n, f / FS, f / FS / quality / np.sqrt(np.pi))
        rows.append(np.abs(np.fft.ifft(x_hat * psi_hat))[: len(x)])
    return np.array(rows)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lateral_inhibition": False, "quality": 12.0, "frame_s": 0.0035, "tau_s": 0.05},
        {"saturation": 0.2, "tau_s": 0.0004},
    ],
)
def test_auditory_spectrogram(options):
    n = 700
    ear = baselines.auditory_filterbank(n, sample_rate=FS, f_min=200.0, **options)
    x = noise(n, dtype=np.float64)
    f = ear.frequencies
    np.testing.assert_allclose(f[:-1] / f[1:], 2 ** (1 / 24))
    assert f[-1] / 2 ** (1 / 24) < 200 <= f[-1]
    inhibition = options.get("lateral_inhibition", True)
    if inhibition:  # it needs one more channel, above the highest
        f = np.concatenate([[f[0] * 2 ** (1 / 24)], f])
    assert f[0] > 0.95 * FS / 2
    y = envelopes(f, options.get("quality", 4.0), x)
    if "saturation" in options:
        y = 1 / (1 + np.exp(-y / options["saturation"])) - 0.5
    if inhibition:
        y = np.array([np.maximum(y[k] - y[k - 1], 0) for k in range(1, len(y))])
    stride = round(options.get("frame_s", 0.008) * FS)
    alpha = np.exp(-1 / (options.get("tau_s", 0.008) * FS))
    frames, state = [], np.zeros(len(y))
    for t in range(-(-n // stride) * stride):
        state = alpha * state + (1 - alpha) * (y[:, t] if t < n else 0)
        if t % stride == stride - 1:
            frames.append(state)
    expected = np.array(frames).T
    assert (
        relative_error(baselines.auditory_spectrogram(ear, x.astype(np.float32)), expected) < 1e-4
    )
    assert ear.frame_rate == FS / stride
    np.testing.assert_allclose(ear.times, (np.arange(expected.shape[1]) + 1) * stride / FS)


# ---- The cortex ----------------------------------------------------------------------------------


def rate_filter(rate, n, frame_rate, end):
    t = np.arange(n) * rate / frame_rate
    h = rate * np.sin(2 * np.pi * t) * t**2 * np.exp(-3.5 * t)
    hat = np.fft.fft(h - np.mean(h), 2 * n)[:n]
    gain, phase = np.abs(hat) / np.abs(hat).max(), np.angle(hat)
    peak = np.argmax(gain)
    if end == "low":
        gain[:peak] = 1
        phase[0] = 0  # not 0 only because of rounding
    if end == "high":
        gain[peak + 1 :] = 1
    return gain * np.exp(1j * phase)


def scale_filter(scale, n, density, end):
    r = np.arange(n) / n * density / 2 / scale
    gain = r**2 * np.exp(1 - r**2)
    total, peak = gain.sum(), np.argmax(gain)
    if end == "low":
        gain[:peak] = 1
    if end == "high":
        gain[peak + 1 :] = 1
    return gain / gain.sum() * total


def literal_cortex(y, frame_rate, density, rates, scales, open_ends):
    """R (spin, scale, rate, channel, frame), one channel and frame at a time."""
    n_channels, n_frames = y.shape
    m, n = (2 ** int(np.ceil(np.log2(size))) for size in y.shape)
    over_channels = np.array([np.fft.fft(y[:, p], 2 * m)[:m] for p in range(n_frames)])
    spectrum = np.array([np.fft.fft(over_channels[:, k], 2 * n) for k in range(m)])

    def end(index, count):
        return {0: "low", count - 1: "high"}.get(index) if open_ends else None

    R = np.zeros((2, len(scales), len(rates), n_channels, n_frames), complex)
    for j, rate in enumerate(rates):
        h = rate_filter(rate, n, frame_rate, end(j, len(rates)))
        for s in range(2):
            if s == 0:
                h_hat = np.concatenate([h, np.zeros(n)])
            else:
                h_hat = np.zeros(2 * n, complex)
                h_hat[0] = h[0]
                for k in range(1, n):
                    h_hat[2 * n - k] = np.conj(h[k])
            over_time = np.array([np.fft.ifft(h_hat * row)[:n_frames] for row in spectrum])
            for i, scale in enumerate(scales):
                g = scale_filter(scale, m, density, end(i, len(scales)))
                for p in range(n_frames):
                    R[s, i, j, :, p] = np.fft.ifft(over_time[:, p] * g, 2 * m)[:n_channels]
    return R


@pytest.mark.parametrize("shape", [(21, 50), (16, 64)])
@pytest.mark.parametrize("open_ends", [False, True])
def test_cortical(shape, open_ends):
    rates, scales = (3.0, 8.0, 20.0), (0.4, 1.0, 3.0)
    settings = {"frame_rate": 90.0, "rates": rates, "scales": scales, "open_ends": open_ends}
    cortex = baselines.cortical_filterbank(*shape, **settings, channels_per_octave=10.0)
    y = noise(*shape)
    expected = literal_cortex(y.astype(float), 90.0, 10.0, rates, scales, open_ends)
    assert relative_error(baselines.cortical(cortex, y, output="complex"), expected) < 1e-5
    assert relative_error(baselines.cortical(cortex, y), np.abs(expected)) < 1e-5
    mean = baselines.cortical(cortex, y, output="mean")
    assert relative_error(mean, np.abs(expected).mean(axis=-1)) < 1e-5


# ---- The modulation power spectrum ---------------------------------------------------------------


@pytest.mark.parametrize("shape", [(9, 14), (8, 15)])
def test_modulation_power_spectrum(shape):
    n_rows, n_frames = shape
    y = noise(*shape) + np.float32(3)
    axes = baselines.modulation_axes(n_rows, n_frames, frame_rate=100.0, rows_per_octave=12.0)
    k, p = np.arange(n_rows)[:, None] / 12, np.arange(n_frames) / 100
    expected = np.array(
        [
            [
                np.abs(np.sum((y - y.mean()) * np.exp(-2j * np.pi * (scale * k + rate * p)))) ** 2
                for rate in axes.rate
            ]
            for scale in axes.scale
        ]
    )
    found = np.asarray(baselines.modulation_power_spectrum(y))
    assert relative_error(found, expected / y.size**2) < 1e-5
    assert (np.diff(axes.rate) > 0).all()
    weights = np.where((axes.scale == 0) | (axes.scale == 6), 1, 2)
    assert np.sum(weights[:, None] * found) == pytest.approx(y.var(), rel=1e-4)


# ---- Log-mel spectrograms and Gabor features -----------------------------------------------------


def test_log_mel_spectrogram():
    n, n_bands, low, high, level = 610, 6, 50.0, 950.0, 1e-2
    options = {"n_bands": n_bands, "f_min": low, "f_max": high, "level": level}
    mel = baselines.mel_filterbank(n, sample_rate=FS, **options)
    x = noise(n, dtype=np.float64)

    def to_mel(f):
        return 2595 * np.log10(1 + f / 700)

    step = (to_mel(high) - to_mel(low)) / (n_bands + 1)
    corners = [700 * (10 ** ((to_mel(low) + i * step) / 2595) - 1) for i in range(n_bands + 2)]
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(50) / 50)
    expected = np.zeros((n_bands, 31))
    for p in range(31):
        frame = [x[t] if 0 <= t < n else 0 for t in range(20 * p - 25, 20 * p + 25)]
        spectrum = np.abs(np.fft.rfft(2 * window / window.sum() * frame, 128))
        for k in range(n_bands):
            rising = (np.arange(65) / 128 * FS - corners[k]) / (corners[k + 1] - corners[k])
            falling = (corners[k + 2] - np.arange(65) / 128 * FS) / (
                corners[k + 2] - corners[k + 1]
            )
            weights = np.clip(np.minimum(rising, falling), 0, None)
            magnitude = weights @ spectrum / weights.sum()
            expected[n_bands - 1 - k, p] = np.log(1 + magnitude / level)
    assert relative_error(baselines.log_mel_spectrogram(mel, x.astype(np.float32)), expected) < 1e-5
    np.testing.assert_allclose(mel.frequencies, corners[-2:0:-1])
    np.testing.assert_allclose(mel.times, np.arange(31) / 100)
    assert mel.frame_rate == 100


def literal_gabor(omega_k, omega_n, n_bands):
    """A filter on its own grid, {(k, n): value}."""

    def hann(omega, size):
        width = np.pi * 3.5 / abs(omega) if omega else size
        return {k: np.cos(np.pi * k / width) ** 2 for k in range(-200, 201) if abs(k) < width / 2}

    rows, frames = hann(omega_k, 3 * n_bands), hann(omega_n, 40)
    window = np.array([[a * b for b in frames.values()] for a in rows.values()])
    wave = np.array([[np.exp(1j * (omega_k * k + omega_n * n)) for n in frames] for k in rows])
    g = window * wave
    if omega_k or omega_n:
        g = g - window * g.mean() / window.mean()
    g = np.real(g / np.abs(np.fft.fft2(g)).max())
    return {(k, n): g[i, j] for i, k in enumerate(rows) for j, n in enumerate(frames)}


def test_gabor_filters_of_23_bands():
    """41 filters and 311 features, as in the publication."""
    gabor = baselines.gabor_filterbank(frame_rate=100.0)
    features = list(zip(gabor.scales, gabor.rates, gabor.spins, gabor.bands, strict=True))
    filters = {feature[:3] for feature in features}
    assert (len(features), len(filters)) == (311, 41)
    rates, scales = sorted({rate for _, rate, _, _ in features}), sorted({f[0] for f in features})
    # π/2 is a quarter of a cycle; the publication has, in Hz and cycles/band:
    np.testing.assert_allclose(rates, [0, 6.2, 9.9, 15.7, 25], atol=0.05)
    np.testing.assert_allclose(scales, [0, 0.029, 0.06, 0.122, 0.25], atol=0.0005)
    for scale, rate, spin in filters:
        assert abs(spin) == (scale > 0 and rate > 0)
        bands = [band for *filter_, band in features if tuple(filter_) == (scale, rate, spin)]
        assert len(bands) == {0: 1, 1: 1, 2: 3, 3: 7, 4: 23}[scales.index(scale)]
        assert bands == sorted(22 - band for band in bands)  # symmetric about the middle


def test_gabor_features():
    n_bands, n_frames = 11, 30
    gabor = baselines.gabor_filterbank(n_bands)
    y = noise(n_bands, n_frames)
    found = np.asarray(baselines.gabor_features(gabor, y))
    features = list(zip(gabor.scales, gabor.rates, gabor.spins, strict=True))
    for scale, rate, spin in sorted(set(features)):
        omega_k = 2 * np.pi * scale * (-1 if spin < 0 else 1)
        g = literal_gabor(omega_k, 2 * np.pi * rate / 100, n_bands)
        indices = [i for i, feature in enumerate(features) if feature == (scale, rate, spin)]
        for i, p in itertools.product(indices[::2], (0, 13, 29)):
            expected = sum(
                value * y[min(max(gabor.bands[i] + k, 0), 10), min(max(p + n, 0), 29)]
                for (k, n), value in g.items()
            )
            assert found[i, p] == pytest.approx(expected, abs=1e-5)
