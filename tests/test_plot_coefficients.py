"""Plots of second-order coefficients; labels do not overlap in any plot."""

import itertools
from dataclasses import replace

import jax
import numpy as np
import pytest
from helpers import coefficients
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


def cell_at(mesh, x, y):
    """Value of the mesh cell that contains this point."""
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


def amplitudes(levels, reference):
    """Amplitudes with these levels in decibels."""
    return reference * 10 ** (levels / 20)


def assert_levels(levels, u, reference=None):
    """Assert the levels of u, which end at 120 dB below the reference."""
    reference = np.max(u) if reference is None else reference
    assert levels.min() >= -120
    found = amplitudes(levels, reference)
    np.testing.assert_allclose(found, u, rtol=1e-4, atol=1.01e-6 * reference)


@pytest.mark.parametrize(("band", "frame"), [(None, None), (2, 5), (3, None), (None, 0)])
def test_scale_rate_has_each_path_at_its_rate_and_scale(bank, table, ax, band, frame):
    """A factor of 10 is 20 dB; other cells, and rows that a path lacks, do not count."""
    levels = -20.0 * (np.arange(len(table)) % 5)
    bands, frames = (slice(k, None if k is None else k + 1) for k in (band, frame))
    S = coefficients(bank)
    S2 = np.ones_like(S.S2)
    S2[:, bands, frames] = 0.5 * 10 ** (levels[:, None, None] / 20)
    for p, n_rows in enumerate(table.n_rows):
        S2[p, n_rows:] = 9
    S = replace(S, S2=S2)
    mesh = plot.scale_rate(bank, S, band=band, frame=frame, sample_rate=RATE, reference=0.5, ax=ax)
    drawn = 0
    for p in np.flatnonzero(table.n2 >= 0):
        scale = table.scale[p] * (-1 if table.spin[p] < 0 else 1)
        expected = levels[p] if band is None or band < table.n_rows[p] else -120
        assert cell_at(mesh, table.rate[p], scale) == pytest.approx(expected, abs=1e-4)
        drawn += 1
    assert drawn == values(mesh).size
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "rate (Hz)",
        "scale (cycles/octave)\n← falling   rising →",
    )
    assert ax.get_xscale() == "log"
    # All scales have cells of equal height, including scale 0.
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
    assert_levels(values(mesh), u)
    times = jtfs_jax.frame_times(bank, sample_rate=RATE)
    frequencies = jtfs_jax.band_frequencies(bank, sample_rate=RATE)
    for band, frame in [(0, 0), (1, 7), (table.n_rows[p] - 1, len(times) - 1)]:
        level = cell_at(mesh, times[frame] + 1e-6, frequencies[band])
        assert level == pytest.approx(values(mesh)[band, frame])
    assert ax.get_xlim() == pytest.approx((0, N / RATE))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "frequency (Hz)")
    assert ax.get_title() == jtfs_jax.describe_path(bank, p, sample_rate=RATE)
    assert ax.get_title().endswith(", rising")


@pytest.mark.parametrize("widths", [{"T": 0}, {"F": 0}, {"T": "global", "F": "global"}])
def test_coefficients_of_any_averaging(widths, ax):
    bank = jtfs_jax.filterbank(512, J=5, Q=4, J_fr=2, **widths)
    S, table = jax.tree.map(np.abs, coefficients(bank)), jtfs_jax.path_table(bank)
    mesh = plot.scale_rate(bank, S, reference=1.0, ax=ax)
    p = len(table) - 1
    u = list(jtfs_jax.by_path(bank, S).values())[p]
    level = cell_at(mesh, table.rate[p], -table.scale[p])
    assert amplitudes(level, 1.0) == pytest.approx(np.mean(u), rel=1e-4)
    ax.clear()
    mesh = plot.path(bank, S, p, reference=1.0, ax=ax)
    assert_levels(values(mesh), u, 1.0)
    ax.clear()
    assert len(plot.energy_profile(bank, S, ax=ax)) == len(table)
    ax.figure.draw_without_rendering()


def test_energy_profile_marks_pairs(bank, S, table, ax):
    bars = plot.energy_profile(bank, S, sample_rate=RATE, ax=ax)
    heights = np.array([bar.get_height() for bar in bars])
    energies = np.asarray(analysis.path_energies(bank, S), float)
    np.testing.assert_allclose(heights, 100 * energies / energies.sum(), rtol=1e-4)
    left = np.array([bar.get_x() for bar in bars])
    right = left + [bar.get_width() for bar in bars]
    np.testing.assert_allclose(np.sort(left)[1:], np.sort(right)[:-1], atol=1e-9)  # no gaps
    where = left.argsort()
    assert (np.diff(table.rate[where]) >= 0).all()  # as in scale_rate
    scale = (np.where(table.spin < 0, -1, 1) * table.scale)[where]
    assert (np.diff(scale)[np.diff(table.rate[where]) == 0] > 0).all()
    legend = ax.get_legend()
    assert legend is not None
    keys = {
        text.get_text(): handle.get_facecolor()
        for text, handle in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    pairs = {"phi_t*phi_f": "both 0", "phi_t*psi_f": "α = 0", "psi_t*phi_f": "β = 0"}
    for p, bar in enumerate(bars):
        pair = pairs.get(table.kind[p]) or ("rising" if table.spin[p] > 0 else "falling")
        assert bar.get_facecolor() == keys[pair]
    assert len(set(keys.values())) == len(keys) == 5
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate (Hz)", "energy (% of S2)")
    for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        rate = float(label.get_text().replace("k", "e3"))
        assert rate == pytest.approx(table.rate[where][round(tick)], rel=0.05)


def test_animation_shows_path_after_path(bank, S, table, ax, tmp_path):
    indices = [3, 40, 12]
    animation = plot.animation(bank, S, indices=indices, sample_rate=RATE, ax=ax)
    meshes, titles = [], []

    def record(frame, n_frames):
        meshes.append(values(ax.collections[0]))
        titles.append(ax.get_title())

    animation.save(tmp_path / "paths.gif", writer="pillow", dpi=30, progress_callback=record)
    top = max(float(S.S2[p].max()) for p in indices)
    for p, mesh, title in zip(indices, meshes, titles, strict=True):
        assert_levels(mesh, S.S2[p][: table.n_rows[p]], top)
        assert title == jtfs_jax.describe_path(bank, p, sample_rate=RATE)
    assert (tmp_path / "paths.gif").read_bytes().startswith(b"GIF8")


def test_overview_shows_both_spins_of_the_loudest_path(bank, rising, S, table):
    figure = plot.overview(bank, rising, sample_rate=RATE, title="rising.wav")
    assert figure.get_suptitle() == "rising.wav"
    up, down = (
        next(ax for ax in figure.axes if ax.get_title() == name) for name in ("rising", "falling")
    )
    energies = np.asarray(analysis.path_energies(bank, S))
    loudest = int(np.argmax(np.where(table.spin != 0, energies, 0)))
    assert table.spin[loudest] == 1
    levels = [values(ax.collections[0]) for ax in (up, down)]
    assert_levels(levels[0], S.S2[loudest][: table.n_rows[loudest]])
    assert levels[0].max() == pytest.approx(0)
    assert levels[1].max() < -6
    words = jtfs_jax.describe_path(bank, loudest, sample_rate=RATE)
    assert words == f"{figure.subfigs[1].get_suptitle()}, rising"
    assert_tidy(figure)


def assert_tidy(figure):
    """Assert that nothing extends beyond the figure and no labels overlap."""
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
    "first": lambda bank, S, x, **kw: plot.filters(bank, "first", **kw),
    "frequential": lambda bank, S, x, **kw: plot.filters(bank, "frequential", **kw),
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("sample_rate", [RATE, None])
def test_no_overlaps_in_a_column(bank, S, rising, ax, name, sample_rate):
    artist = PICTURES[name](bank, S, rising, sample_rate=sample_rate, ax=ax)
    if hasattr(artist, "get_cmap"):
        bar = plot.colorbar(artist)
        signed = name in ("joint_wavelet", "gallery")
        label = "real part (re peak)" if signed else "level (dB re maximum)"
        assert bar.ax.get_ylabel() == label
    assert_tidy(ax.figure)


BAD = {
    "batch": (lambda b, S: plot.scale_rate(b, batch_of(S)), "S must come from one sound"),
    "other bank": (lambda b, S: plot.path(other_bank(), S, 0), "S must have the"),
    "S2": (lambda b, S: plot.energy_profile(b, S.S2), "S must be the result of jtfs"),
    "band": (lambda b, S: plot.scale_rate(b, S, band=99), "band must be an integer between 0 and"),
    "frame": (lambda b, S: plot.scale_rate(b, S, frame=-1), "frame must be an integer between 0"),
    "reference": (lambda b, S: plot.path(b, S, 3, reference=0.0), "reference must be a positive"),
    "path": (lambda b, S: plot.path(b, S, -1), "index must be an integer between 0 and"),
    "wavelet": (lambda b, S: plot.joint_wavelet(b, 999), "index must be an integer between 0"),
    "n2": (lambda b, S: plot.gallery(b, n2=[99]), "n2 must have indices between 3 and 8"),
    "no n_fr": (
        lambda b, S: plot.gallery(b, n_fr=[]),
        "n_fr must have indices between 0 and 8, at least one",
    ),
    "indices": (lambda b, S: plot.animation(b, S, indices=[]), "indices must have at least one"),
    "interval": (lambda b, S: plot.animation(b, S, interval=0), "interval must be a positive"),
    "filters": (
        lambda b, S: plot.filters(b, "third"),  # pyright: ignore[reportArgumentType]
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
    S = coefficients(bank)
    for draw in (
        lambda: plot.scale_rate(bank, S, ax=ax),
        lambda: plot.gallery(bank, ax=ax),
        lambda: plot.overview(bank, np.ones(64, np.float32)),
    ):
        with pytest.raises(ValueError, match="raise J"):
            draw()


def test_a_band_without_averaging_is_refused():
    bank = jtfs_jax.filterbank(512, J=5, Q=4, J_fr=2, F=0)
    with pytest.raises(ValueError, match="band and frame must be None if T=0 or F=0"):
        plot.scale_rate(bank, coefficients(bank), band=1)
