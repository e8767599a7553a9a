"""Plots of joint wavelets and filterbanks."""

import itertools

import numpy as np
import pytest
import reference_filters
from matplotlib import colors
from matplotlib.figure import Figure

import jtfs_jax
from jtfs_jax import analysis, plot

RATE, N = 8000.0, 4096
J, Q, J_FR = 8, 8, 3


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=J, Q=Q, J_fr=J_FR, T=256, F=4)


@pytest.fixture(scope="module")
def table(bank):
    return jtfs_jax.path_table(bank, sample_rate=RATE)


@pytest.fixture
def ax():
    return Figure(figsize=(3.5, 2.4), layout="constrained").add_subplot()


def values(picture):
    return np.asarray(picture.get_array())


def data(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def peak(picture, width, height):
    """Peak of an image's 2D spectrum, in cycles per unit of width and height."""
    size = (8 * picture.shape[0], 8 * picture.shape[1])
    spectrum = np.abs(np.fft.rfft2(picture.T, size[::-1])).T[: size[0] // 2]
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    rate = np.fft.fftfreq(size[1], width / picture.shape[1])[column]
    scale = np.fft.fftfreq(size[0], height / picture.shape[0])[row]
    # A real wave has two peaks; the rate of the peak with positive scale gives the direction.
    return -rate, scale


@pytest.mark.parametrize("spin", [1, -1])
def test_joint_wavelet_oscillates_at_its_rate_and_scale(bank, table, ax, spin):
    p = int(np.flatnonzero((table.spin == spin) & (table.n2 == 4))[1])
    image = plot.joint_wavelet(bank, p, sample_rate=RATE, ax=ax)
    left, right, bottom, top = image.get_extent()
    picture = values(image)
    assert picture[picture.shape[0] // 2, picture.shape[1] // 2] == pytest.approx(1, abs=1e-3)
    assert np.abs(picture).max() <= 1
    # Crests rise if the phase decreases with log-frequency and increases with time.
    rate, scale = peak(picture, right - left, top - bottom)
    assert rate == pytest.approx(spin * table.rate[p], rel=0.1)
    assert scale == pytest.approx(table.scale[p], rel=0.1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "log-frequency (octaves)")
    assert image.get_cmap().name == "RdBu_r"


def test_joint_wavelet_is_the_impulse_response(bank, table, ax):
    """Compare with the definition: an inverse Fourier transform over time, and one over rows."""
    n2, n_fr, n = 4, 1 + len(bank.wavelets_fr), bank.n_padded
    p = int(np.flatnonzero((table.n2 == n2) & (table.n_fr == n_fr))[0])
    image = plot.joint_wavelet(bank, p, ax=ax)
    picture = values(image)
    _, right, _, top = image.get_extent()
    psi2 = reference_filters.filters(N, J=J, Q=Q).psi2[n2]
    in_time = np.fft.ifft(reference_filters.morlet(n, psi2.xi, psi2.sigma))
    kernel = reference_filters.filters_fr(len(bank.wavelets1), J1=J, Q1=Q, J_fr=J_FR).psi[n_fr].h
    psi = np.multiply.outer(kernel, in_time)
    for row, column in [(5, 50), (96, 96), (96, 120), (150, 96)]:
        t = round((2 * (column + 0.5) / picture.shape[1] - 1) * right)
        n1 = round(-(2 * (row + 0.5) / picture.shape[0] - 1) * top * Q)
        expected = np.real(psi[n1, t]) / np.abs(psi).max()
        x = (t / right + 1) / 2 * picture.shape[1] - 0.5
        y = (-n1 / Q / top + 1) / 2 * picture.shape[0] - 0.5
        assert bilinear(picture, y, x) == pytest.approx(expected, abs=5e-3)


def bilinear(picture, y, x):
    (i, v), (j, u) = divmod(y, 1), divmod(x, 1)
    i, j = int(i), int(j)
    below = (1 - u) * picture[i, j] + u * picture[i, j + 1]
    return (1 - v) * below + v * ((1 - u) * picture[i + 1, j] + u * picture[i + 1, j + 1])


def test_gallery_has_a_wavelet_in_each_cell(bank, table, ax):
    n2, n_fr = [3, 5], [2, 0, 2 + len(bank.wavelets_fr)]
    image = plot.gallery(bank, n2=n2, n_fr=n_fr, sample_rate=RATE, ax=ax)
    picture = values(image)
    size = picture.shape[0] // 3, picture.shape[1] // 2
    duration, octaves = ax.get_title().removeprefix("each cell: ").split(" s by ")
    width, height = float(duration), float(octaves.removesuffix(" octaves"))
    for row, column in itertools.product(range(3), range(2)):
        cell = picture[row * size[0] :, column * size[1] :][: size[0], : size[1]]
        rate, scale = peak(cell, width, height)
        shown = number(ax.get_yticklabels()[row]), number(ax.get_xticklabels()[column])
        assert abs(rate) == pytest.approx(shown[1], rel=0.15)
        assert np.copysign(scale, rate) == pytest.approx(shown[0], rel=0.15) or shown[0] == 0
    shown = [number(label) for label in ax.get_xticklabels()]
    assert shown == pytest.approx([table.rate[table.n2 == n][0] for n in (5, 3)], rel=0.05)
    scale = table.scale[table.n_fr == 2][0]
    shown = [number(label) for label in ax.get_yticklabels()]
    assert shown == pytest.approx([-scale, 0, scale], rel=0.05)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "rate (Hz)",
        "scale (cycles/octave)\n← falling   rising →",
    )


def number(label):
    return float(label.get_text().replace("−", "-").replace("k", "e3"))


@pytest.mark.parametrize("filters", ["first", "second"])
def test_filterbank_over_time(bank, ax, filters):
    *wavelets, low_pass, total = plot.filters(bank, filters, sample_rate=RATE, ax=ax)
    defined = reference_filters.filters(N, J=J, Q=Q, T=256)
    first_live = min(n2 for n2 in jtfs_jax.path_table(bank).n2 if n2 >= 0)
    expected = {"first": defined.psi1, "second": defined.psi2[first_live:]}[filters]
    responses = [*(psi.hat for psi in expected), defined.phi]
    for line, psi in zip([*wavelets, low_pass], responses, strict=True):
        f, gain = data(line)
        at = np.round(f / RATE * defined.n_pad).astype(int)
        np.testing.assert_allclose(gain, np.abs(psi[at % defined.n_pad]), atol=2e-6)
    sum_ = analysis.littlewood_paley(bank, filters, sample_rate=RATE)
    np.testing.assert_array_equal(np.transpose(data(total)), np.c_[sum_.frequency, sum_.total])
    quantity = {"first": "frequency", "second": "rate"}[filters]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (f"{quantity} (Hz)", "gain (sum: energy)")
    assert ax.get_xlim()[1] == RATE / 2


def test_filterbank_along_frequency(bank, ax):
    *wavelets, low_pass, total = plot.filters(bank, "frequential", ax=ax)
    n = len(bank.wavelets_fr)
    for up, down, psi in zip(wavelets[:n], wavelets[n:], bank.wavelets_fr, strict=True):
        assert peak_of(up) == pytest.approx(psi.xi * Q, abs=0.1)
        assert peak_of(down) == pytest.approx(-psi.xi * Q, abs=0.1)
        assert (up.get_label(), down.get_label()) == ("rising", "falling")
        assert colors.same_color(up.get_color(), wavelets[0].get_color())
    assert peak_of(low_pass) == pytest.approx(0, abs=0.05)
    scale, energy = data(total)
    np.testing.assert_allclose(energy, energy[::-1])
    squares = [np.interp(scale, *sorted_data(line)) ** 2 for line in [*wavelets, low_pass]]
    np.testing.assert_allclose(energy, np.sum(squares, axis=0), atol=0.05)
    assert ax.get_xlim() == (-Q / 2, Q / 2)
    assert ax.get_xlabel() == "scale (cycles/octave)"


def sorted_data(line):
    x, y = data(line)
    return x[x.argsort()], y[x.argsort()]


def peak_of(line):
    x, y = data(line)
    return x[np.argmax(y)]
