"""Pictures of second-order coefficients, of joint wavelets, and of filterbanks."""

import itertools

import jax
import numpy as np
import pytest
import reference
from matplotlib import colors
from matplotlib.figure import Figure

import jtfs_jax
from jtfs_jax import analysis, plot, synth

RATE, N = 8000.0, 4096
J, Q, J_FR = 8, 8, 3


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=J, Q=Q, J_fr=J_FR, T=256, F=4)


@pytest.fixture(scope="module")
def rising():
    chirp = synth.exponential_chirp(200.0, 3000.0, n_samples=N, sample_rate=RATE)
    return np.asarray(chirp) * np.hanning(N).astype(np.float32)


@pytest.fixture(scope="module")
def S(bank, rising):
    return jtfs_jax.jtfs(bank, rising)


@pytest.fixture(scope="module")
def table(bank):
    return jtfs_jax.path_table(bank, sample_rate=RATE)


@pytest.fixture
def ax():
    return Figure(figsize=(3.5, 2.4), layout="constrained").add_subplot()


def random_coefficients(bank):
    """Coefficients of the right shapes, none of which is like the other."""
    shapes = jax.eval_shape(jtfs_jax.jtfs, bank, np.zeros(bank.n_samples, np.float32))
    random = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: np.float32(random.uniform(0.1, 1, leaf.shape)), shapes)


def cell_at(mesh, x, y):
    """The value of the cell of a mesh that has this point."""
    column = np.searchsorted(corners(mesh)[0, :, 0], x) - 1
    rows = corners(mesh)[:, 0, 1]
    row = (np.searchsorted(rows, y) if rows[0] < rows[-1] else np.sum(rows > y)) - 1
    return values(mesh)[row, column]


def values(picture):
    return np.asarray(picture.get_array())


def corners(mesh):
    return np.asarray(mesh.get_coordinates())


def data(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def decibels(u, reference=None):
    u = np.asarray(u, float)
    return 20 * np.log10(np.maximum(u / (reference or u.max()), 1e-6))


@pytest.mark.parametrize(("band", "frame"), [(None, None), (2, 5), (3, None), (None, 0)])
def test_scale_rate_has_each_path_at_its_rate_and_scale(bank, table, ax, band, frame):
    S = random_coefficients(bank)
    mesh = plot.scale_rate(bank, S, band=band, frame=frame, sample_rate=RATE, reference=0.5, ax=ax)
    drawn = 0
    for p in np.flatnonzero(table.n2 >= 0):
        u = np.asarray(S.S2[p])[: table.n_rows[p]]
        u = u if band is None else u[band : band + 1]
        u = u if frame is None else u[:, frame]
        scale = table.scale[p] * (-1 if table.spin[p] < 0 else 1)
        expected = decibels(u.mean() if u.size else 0, 0.5)
        assert cell_at(mesh, table.rate[p], scale) == pytest.approx(expected, abs=1e-4)
        drawn += 1
    assert drawn == values(mesh).size
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate (Hz)", "scale (cycles/octave)")
    assert ax.get_xscale() == "log"
    # Cells of scales are as high as each other: that of 0 as those of wavelets.
    borders = ax.transData.transform(corners(mesh)[:, 0])[:, 1]
    np.testing.assert_allclose(np.diff(borders), np.diff(borders).mean(), rtol=1e-6)


def test_a_rising_chirp_is_bright_above_zero(bank, S, ax):
    mesh = plot.scale_rate(bank, S, ax=ax)
    level, scales = values(mesh), corners(mesh)[:, 0, 1]
    assert level.max() == pytest.approx(0)
    row = level.max(axis=1).argmax()
    assert scales[row] > 0
    assert level[row].max() > level[: len(level) // 2].max() + 6
    assert ax.get_xlabel() == "rate (cycles/sample)"


def test_path_has_its_bands_and_frames(bank, S, table, ax):
    p = int(np.argmax(np.asarray(analysis.path_energies(bank, S)) * (table.spin > 0)))
    mesh = plot.path(bank, S, p, sample_rate=RATE, ax=ax)
    u = np.asarray(S.S2[p])[: table.n_rows[p]]
    np.testing.assert_allclose(values(mesh), decibels(u), atol=1e-4)
    times = jtfs_jax.frame_times(bank, sample_rate=RATE)
    frequencies = jtfs_jax.band_frequencies(bank, sample_rate=RATE)
    for band, frame in [(0, 0), (1, 7), (table.n_rows[p] - 1, len(times) - 1)]:
        level = cell_at(mesh, times[frame] + 1e-6, frequencies[band])
        assert level == pytest.approx(decibels(u)[band, frame], abs=1e-4)
    assert ax.get_xlim() == pytest.approx((0, N / RATE))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "frequency (Hz)")
    assert float(ax.get_title().split(" Hz, ")[0]) == pytest.approx(table.rate[p], rel=0.05)
    scale = ax.get_title().split(" Hz, ")[1].removesuffix(" cycles/octave")
    assert scale[0] == "+"
    assert float(scale) == pytest.approx(table.scale[p], rel=0.05)


@pytest.mark.parametrize("widths", [{"T": 0}, {"F": 0}, {"T": "global", "F": "global"}])
def test_coefficients_of_any_averaging(widths, ax):
    bank = jtfs_jax.filterbank(512, J=5, Q=4, J_fr=2, **widths)
    S, table = random_coefficients(bank), jtfs_jax.path_table(bank)
    mesh = plot.scale_rate(bank, S, reference=1.0, ax=ax)
    p = len(table) - 1
    u = S.S2[p][: table.n_rows[p]] if not isinstance(S.S2, dict) else list(S.S2.values())[p]
    expected = decibels(np.mean(u), 1.0)
    assert cell_at(mesh, table.rate[p], -table.scale[p]) == pytest.approx(expected, abs=1e-4)
    ax.clear()
    mesh = plot.path(bank, S, p, reference=1.0, ax=ax)
    np.testing.assert_allclose(values(mesh), decibels(u, 1.0), atol=1e-4)
    ax.clear()
    assert len(plot.energy_profile(bank, S, ax=ax)) == len(table)
    ax.figure.draw_without_rendering()


def test_energy_profile_marks_pairs(bank, S, table, ax):
    bars = plot.energy_profile(bank, S, sample_rate=RATE, ax=ax)
    heights = np.array([bar.get_height() for bar in bars])
    energies = np.square(np.asarray(S.S2, float)).sum((1, 2))
    np.testing.assert_allclose(heights, 100 * energies / energies.sum(), rtol=1e-4)
    centers = [bar.get_x() + bar.get_width() / 2 for bar in bars]
    np.testing.assert_allclose(centers, np.arange(len(table)), atol=1e-9)
    legend = ax.get_legend()
    assert legend is not None
    keys = {
        text.get_text(): handle.get_facecolor()
        for text, handle in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    for p, bar in enumerate(bars):
        pair = {1: "rising", -1: "falling", 0: "β = 0"}[int(table.spin[p])]
        if table.n2[p] < 0:
            pair = "α = 0" if table.n_fr[p] else "both 0"
        assert bar.get_facecolor() == keys[pair]
    assert len(set(keys.values())) == len(keys) == 5
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate (Hz)", "energy (% of S2)")
    for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        rate = float(label.get_text().replace("k", "e3"))
        assert rate == pytest.approx(table.rate[round(tick)], rel=0.05)


def test_animation_shows_path_after_path(bank, S, table, ax, tmp_path):
    paths = [3, 40, 12]
    animation = plot.animation(bank, S, paths=paths, sample_rate=RATE, ax=ax)
    meshes, titles = [], []

    def record(frame, n_frames):
        meshes.append(values(ax.collections[0]))
        titles.append(ax.get_title())

    animation.save(tmp_path / "paths.gif", writer="pillow", dpi=30, progress_callback=record)
    top = max(float(S.S2[p].max()) for p in paths)
    for p, mesh, title in zip(paths, meshes, titles, strict=True):
        expected = decibels(S.S2[p][: table.n_rows[p]], top)
        np.testing.assert_allclose(mesh, expected, atol=1e-4)
        assert title.startswith(f"{float(f'{table.rate[p]:.2g}'):g} Hz, ")
    assert (tmp_path / "paths.gif").read_bytes().startswith(b"GIF8")


def peak(picture, width, height):
    """Where the spectrum of a picture is greatest, in cycles over its unit of width and height."""
    size = (8 * picture.shape[0], 8 * picture.shape[1])
    spectrum = np.abs(np.fft.rfft2(picture.T, size[::-1])).T[: size[0] // 2]
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    rate = np.fft.fftfreq(size[1], width / picture.shape[1])[column]
    scale = np.fft.fftfreq(size[0], height / picture.shape[0])[row]
    # A real wave has two peaks: that of positive scale tells the direction by its rate.
    return -rate, scale


@pytest.mark.parametrize("spin", [1, -1])
def test_joint_wavelet_oscillates_at_its_rate_and_scale(bank, table, ax, spin):
    p = int(np.flatnonzero((table.spin == spin) & (table.n2 == 4))[1])
    image = plot.joint_wavelet(bank, p, sample_rate=RATE, ax=ax)
    left, right, bottom, top = image.get_extent()
    picture = values(image)
    assert picture[picture.shape[0] // 2, picture.shape[1] // 2] == pytest.approx(1, abs=1e-3)
    assert np.abs(picture).max() <= 1
    # Crests rise if phase falls with log-frequency as it grows with time.
    rate, scale = peak(picture, right - left, top - bottom)
    assert rate == pytest.approx(spin * table.rate[p], rel=0.1)
    assert scale == pytest.approx(table.scale[p], rel=0.1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "log-frequency (octaves)")
    assert image.get_cmap().name == "RdBu_r"


def test_joint_wavelet_is_the_impulse_response(bank, table, ax):
    """Against the definition: an inverse Fourier transform over time, and one over rows."""
    n2, n_fr, n = 4, 1 + len(bank.wavelets_fr), bank.n_padded
    p = int(np.flatnonzero((table.n2 == n2) & (table.n_fr == n_fr))[0])
    image = plot.joint_wavelet(bank, p, ax=ax)
    picture = values(image)
    _, right, _, top = image.get_extent()
    psi2 = reference.filters(N, J=J, Q=Q).psi2[n2]
    in_time = np.fft.ifft(reference.morlet(n, psi2.xi, psi2.sigma))
    kernel = reference.filters_fr(len(bank.wavelets1), J1=J, Q1=Q, J_fr=J_FR).psi[n_fr].h
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
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate (Hz)", "scale (cycles/octave)")


def number(label):
    return float(label.get_text().replace("−", "-").replace("k", "e3"))


@pytest.mark.parametrize("filters", ["first", "second"])
def test_filterbank_over_time(bank, ax, filters):
    *wavelets, low_pass, total = plot.filterbank(bank, filters, sample_rate=RATE, ax=ax)
    defined = reference.filters(N, J=J, Q=Q, T=256)
    first_live = min(n2 for n2 in jtfs_jax.path_table(bank).n2 if n2 >= 0)
    expected = {"first": defined.psi1, "second": defined.psi2[first_live:]}[filters]
    responses = [*(psi.hat for psi in expected), defined.phi]
    for line, psi in zip([*wavelets, low_pass], responses, strict=True):
        f, gain = data(line)
        at = np.round(f / RATE * defined.n_pad).astype(int)
        np.testing.assert_allclose(gain, np.abs(psi[at % defined.n_pad]), atol=2e-6)
    sum_ = analysis.littlewood_paley(bank, filters, sample_rate=RATE)
    np.testing.assert_array_equal(np.transpose(data(total)), np.c_[sum_.frequency, sum_.total])
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "frequency (Hz)",
        "gain (sum: energy)",
    )
    assert ax.get_xlim()[1] == RATE / 2


def test_filterbank_along_frequency(bank, ax):
    *wavelets, low_pass, total = plot.filterbank(bank, "frequential", ax=ax)
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
    assert ax.get_xlabel() == "frequency (cycles/octave)"


def sorted_data(line):
    x, y = data(line)
    return x[x.argsort()], y[x.argsort()]


def peak_of(line):
    x, y = data(line)
    return x[np.argmax(y)]


def test_overview_shows_both_spins_of_the_loudest_path(bank, rising, S, table):
    figure = plot.overview(bank, rising, sample_rate=RATE)
    up, down = (ax for ax in figure.axes if "cycles/octave" in ax.get_title())
    energies = np.asarray(analysis.path_energies(bank, S))
    loudest = int(np.argmax(np.where(table.spin != 0, energies, 0)))
    assert table.spin[loudest] == 1
    levels = [values(ax.collections[0]) for ax in (up, down)]
    expected = decibels(S.S2[loudest][: table.n_rows[loudest]])
    np.testing.assert_allclose(levels[0], expected, atol=1e-2)
    assert levels[0].max() == pytest.approx(0)
    assert levels[1].max() < -6
    assert up.get_title() == down.get_title().replace("−", "+")
    assert_tidy(figure)


def assert_tidy(figure):
    """Nothing reaches out of the figure, and no label lies on another."""
    figure.draw_without_rendering()
    page = figure.bbox.padded(1)
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert page.x0 <= box.x0, (ax.get_title(), ax.get_xlabel())
        assert box.x1 <= page.x1
        assert page.y0 <= box.y0
        assert box.y1 <= page.y1
        for axis in (ax.xaxis, ax.yaxis):
            labels = [label for label in axis.get_ticklabels(which="both") if label.get_text()]
            low, high = sorted(axis.get_view_interval())
            position = 0 if axis is ax.xaxis else 1
            inside = [label for label in labels if low <= label.get_position()[position] <= high]
            boxes = [label.get_window_extent() for label in inside]
            assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2)), axis


PICTURES = {
    "scalogram": lambda bank, S, x, **kw: plot.scalogram(bank, x, **kw),
    "scale_rate": lambda bank, S, x, **kw: plot.scale_rate(bank, S, **kw),
    "path": lambda bank, S, x, **kw: plot.path(bank, S, 20, **kw),
    "energy_profile": lambda bank, S, x, **kw: plot.energy_profile(bank, S, **kw),
    "joint_wavelet": lambda bank, S, x, **kw: plot.joint_wavelet(bank, 20, **kw),
    "gallery": lambda bank, S, x, **kw: plot.gallery(bank, **kw),
    "first": lambda bank, S, x, **kw: plot.filterbank(bank, "first", **kw),
    "frequential": lambda bank, S, x, **kw: plot.filterbank(bank, "frequential", **kw),
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("sample_rate", [RATE, None])
def test_no_overlaps_in_a_column(bank, S, rising, ax, name, sample_rate):
    artist = PICTURES[name](bank, S, rising, sample_rate=sample_rate, ax=ax)
    if hasattr(artist, "get_cmap"):
        bar = plot.colorbar(artist)
        signed = name in ("joint_wavelet", "gallery")
        assert bar.ax.get_ylabel() == ("real part (re peak)" if signed else "level (dB)")
    assert_tidy(ax.figure)


BAD = {
    "batch": (lambda b, S: plot.scale_rate(b, batch_of(S)), "S must be that of one sound"),
    "other bank": (lambda b, S: plot.path(other_bank(), S, 0), "S must have the"),
    "S2": (lambda b, S: plot.energy_profile(b, S.S2), "S must be what jtfs returns"),
    "band": (lambda b, S: plot.scale_rate(b, S, band=99), "band must be an integer between 0 and"),
    "frame": (lambda b, S: plot.scale_rate(b, S, frame=-1), "frame must be an integer between 0"),
    "path": (lambda b, S: plot.path(b, S, -1), "path must be an integer between 0 and"),
    "wavelet": (lambda b, S: plot.joint_wavelet(b, 999), "path must be an integer between 0"),
    "n2": (lambda b, S: plot.gallery(b, n2=[99]), "n2 must have indices between 3 and 8"),
    "no n_fr": (
        lambda b, S: plot.gallery(b, n_fr=[]),
        "n_fr must have indices between 0 and 8, at least one",
    ),
    "paths": (lambda b, S: plot.animation(b, S, paths=[]), "paths must have at least one"),
    "interval": (lambda b, S: plot.animation(b, S, interval=0), "interval must be a positive"),
    "filters": (
        lambda b, S: plot.filterbank(b, "third"),  # pyright: ignore[reportArgumentType]
        'filters must be "first"',
    ),
}


def batch_of(S):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[None], S)


def other_bank():
    return jtfs_jax.filterbank(N, J=6, Q=8, J_fr=2)


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(bank, S, name):
    draw, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        draw(bank, S)


def test_where_no_wavelet_of_the_second_order_acts(ax):
    bank = jtfs_jax.filterbank(64, J=1, Q=1, J_fr=1)
    S = random_coefficients(bank)
    for draw in (
        lambda: plot.scale_rate(bank, S, ax=ax),
        lambda: plot.gallery(bank, ax=ax),
        lambda: plot.overview(bank, np.ones(64, np.float32)),
    ):
        with pytest.raises(ValueError, match="raise J"):
            draw()


def test_a_band_without_averaging_is_refused():
    bank = jtfs_jax.filterbank(512, J=5, Q=4, J_fr=2, F=0)
    with pytest.raises(ValueError, match="band and frame must be None where T=0 or F=0"):
        plot.scale_rate(bank, random_coefficients(bank), band=1)
