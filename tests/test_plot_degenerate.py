"""Plots with little to show: one frame, one band, silence, NaN, short axes."""

import jax
import numpy as np
import pytest
from helpers import coefficients, noise
from matplotlib.figure import Figure

import jtfs_jax
from jtfs_jax import plot

RATE, N = 8000.0, 512

pytestmark = pytest.mark.usefixtures("quick_compile")

WIDTHS = {
    "averages": {},
    "both global": {"T": "global", "F": "global"},
    "T global": {"T": "global"},
    "F global": {"F": "global"},
    "one frame": {"J": 9, "T": N},
    "one scale": {"J_fr": 1},
    "one band": {"Q": 1, "J": 4, "J_fr": 2, "F": 4},
    "no T": {"T": 0},
    "no F": {"F": 0},
    "neither": {"T": 0, "F": 0},
}
SOUNDS = ("noise", "silence", "NaN", "one NaN")


def filterbank_of(name):
    return jtfs_jax.filterbank(N, **{"J": 5, "Q": 4, "J_fr": 2, **WIDTHS[name]})


def coefficients_of(bank, sound):
    """Coefficients of the right shapes, with the values that the named sound would give."""

    def values(leaf):
        u = 0.1 + np.abs(leaf)
        constant = {"silence": 0.0, "NaN": np.nan}.get(sound)
        if constant is not None:
            u[:] = constant
        if sound == "one NaN":
            u[..., -1] = np.inf if u.ndim == 2 else np.nan
        return u

    return jax.tree.map(values, coefficients(bank))


def figure_of(draw):
    figure = Figure(figsize=(3.5, 2.5))
    ax = figure.add_subplot()
    picture = draw(ax)
    if hasattr(picture, "get_cmap"):
        plot.colorbar(picture)
    return figure


def assert_legible(figure):
    """Assert that each axes has more than one color, a line, or bars, or states why not."""
    for ax in figure.axes:
        remarks = " ".join(text.get_text() for text in ax.texts)
        for mesh in ax.collections:
            if not hasattr(mesh, "get_coordinates"):
                continue
            levels = np.ma.filled(np.ma.asarray(mesh.get_array(), dtype=float), np.nan)
            assert not np.isinf(levels).any()
            if np.isnan(levels).any():
                assert "NaN" in remarks
            elif np.ptp(levels) < 1e-9:
                assert any(letter.isdigit() for letter in remarks)
        bars = [bar.get_height() for container in ax.containers for bar in container]
        if bars and not np.any(bars):
            assert "energy" in remarks
        if ax.get_ylabel().startswith("frequency"):
            assert_within_wavelets(ax)


def assert_within_wavelets(ax):
    low, high = sorted(ax.get_ylim())
    assert 0 < low < high <= (RATE / 2 if "Hz" in ax.get_ylabel() else 0.5)


@pytest.mark.parametrize("name", WIDTHS)
def test_pictures_of_degenerate_coefficients(name):
    bank = filterbank_of(name)
    for sound in SOUNDS:
        S = coefficients_of(bank, sound)
        for draw in (
            lambda ax, S=S: plot.scale_rate(bank, S, sample_rate=RATE, ax=ax),
            lambda ax, S=S: plot.path(bank, S, n_paths(bank) - 1, sample_rate=RATE, ax=ax),
            lambda ax, S=S: plot.energy_profile(bank, S, sample_rate=RATE, ax=ax),
        ):
            figure = figure_of(draw)
            assert_legible(figure)
        figure.draw_without_rendering()


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("name", ["averages", "both global", "T global", "F global"])
def test_overview_of_degenerate_coefficients(name, sound, monkeypatch):
    bank = filterbank_of(name)
    S = coefficients_of(bank, sound)
    monkeypatch.setattr("jtfs_jax.plot._overview.jtfs", lambda *_: S)
    figure = plot.overview(bank, np.zeros(N, np.float32), sample_rate=RATE, title="x.wav")
    assert_legible(figure)
    titles = {ax.get_title() for ax in figure.axes}
    labels = {line.get_label() for ax in figure.axes for line in ax.lines}
    if name == "both global":
        assert "rising" not in titles | labels
    else:
        assert {"rising", "falling"} <= (titles if name == "averages" else labels)


def n_paths(bank):
    return len(jtfs_jax.path_table(bank))


def test_lines_of_the_overview_are_levels():
    bank = filterbank_of("F global")
    x = noise(N)
    figure = plot.overview(bank, x, sample_rate=RATE)
    lines = {str(line.get_label()): line for ax in figure.axes for line in ax.lines}
    S2 = np.asarray(jtfs_jax.jtfs(bank, x).S2)
    words = [jtfs_jax.describe_path(bank, p, sample_rate=RATE) for p in range(len(S2))]
    pair = next(ax for ax in figure.axes if lines["rising"] in ax.lines)
    u = {name: S2[words.index(f"{pair.get_title()}, {name}"), 0] for name in ("rising", "falling")}
    top = max(values.max() for values in u.values())
    for name, values in u.items():
        times, levels = np.transpose(lines[name].get_xydata())
        np.testing.assert_allclose(times, jtfs_jax.frame_times(bank, sample_rate=RATE))
        np.testing.assert_allclose(levels, 20 * np.log10(values / top), atol=1e-4)


@pytest.mark.parametrize(
    ("Q", "sample_rate"), [(1, RATE), (3, 20.0), (3, 100.0), (8, 96000.0), (8, None)]
)
def test_axes_of_frequency_are_shared_and_end_where_wavelets_do(sample_rate, Q):
    bank = jtfs_jax.filterbank(N, J=5, Q=Q, J_fr=2 if Q > 1 else 1)
    S = coefficients_of(bank, "noise")
    frequencies = jtfs_jax.wavelet_frequencies(bank, sample_rate=sample_rate)
    limits = set()
    for draw in (
        lambda ax: plot.scalogram(bank, np.ones(N, np.float32), sample_rate=sample_rate, ax=ax),
        lambda ax: plot.path(bank, S, 0, sample_rate=sample_rate, ax=ax),
        lambda ax: plot.path(bank, S, n_paths(bank) - 1, sample_rate=sample_rate, ax=ax),
    ):
        (ax, _) = figure_of(draw).axes
        limits.add(ax.get_ylim())
    ((low, high),) = limits
    assert frequencies[0] < high <= (sample_rate or 1) / 2
    shown = np.mean(frequencies > low)
    assert shown == 1 or (shown > 0.5 and low == 20)


def test_levels_say_what_they_refer_to():
    bank = filterbank_of("averages")
    S = coefficients_of(bank, "noise")
    for reference, expected in [(None, "level (dB re maximum)"), (0.05, "level (dB re 0.05)")]:
        for draw in (
            lambda ax, r=reference: plot.scale_rate(bank, S, reference=r, ax=ax),
            lambda ax, r=reference: plot.path(bank, S, 3, reference=r, ax=ax),
        ):
            assert figure_of(draw).axes[1].get_ylabel() == expected
