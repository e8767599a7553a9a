"""Plots of sounds, and what importing `plot` does not do."""

import itertools

import numpy as np
import pytest
from helpers import imports, noise
from matplotlib import colors, pyplot
from matplotlib.figure import Figure
from matplotlib.text import Text

import jtfs_jax
from jtfs_jax import plot

RATE, N = 8000, 4096


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=6, Q=8)


@pytest.fixture(scope="module")
def burst():
    """A 1,200 Hz tone burst around 0.3 s."""
    t = np.arange(N) / RATE
    return np.asarray(
        0.1 * np.sin(2 * np.pi * 1200 * t) * np.exp(-(((t - 0.3) / 0.02) ** 2)), np.float32
    )


@pytest.fixture
def ax():
    return Figure().add_subplot()


def brightest(mesh):
    """Coordinates of the cell with the highest level."""
    corners, level = mesh.get_coordinates(), np.asarray(mesh.get_array())
    row, column = np.unravel_index(level.argmax(), level.shape)
    (t0, f0), (t1, f1) = corners[row, column], corners[row + 1, column + 1]
    return sorted([t0, t1]), sorted([f0, f1])


def test_scalogram_in_hertz_and_seconds(bank, burst, ax):
    mesh = plot.scalogram(bank, burst, sample_rate=RATE, ax=ax)
    assert mesh.axes is ax
    (t0, t1), (f0, f1) = brightest(mesh)
    assert t0 == pytest.approx(0.3, abs=0.005)
    assert t1 > t0
    assert 1100 < f0 < 1200 < f1 < 1300
    assert ax.get_xlim() == pytest.approx((0, N / RATE))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "frequency (Hz)")
    assert ax.get_yscale() == "log"


def test_scalogram_in_samples(bank, burst, ax):
    mesh = plot.scalogram(bank, burst, ax=ax)
    (t0, _), (f0, f1) = brightest(mesh)
    assert t0 == pytest.approx(0.3 * RATE, abs=40)
    assert f0 < 1200 / RATE < f1
    assert ax.get_xlim() == (0, N)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (samples)", "frequency (cycles/sample)")


def test_levels_are_decibels(bank, burst, ax):
    level = np.asarray(plot.scalogram(bank, burst, ax=ax).get_array())
    assert level.max() == pytest.approx(0)
    xi = bank.wavelets1[5].xi
    tone = np.asarray(0.01 * np.sin(2 * np.pi * xi * np.arange(N)), np.float32)
    level = np.asarray(plot.scalogram(bank, tone, reference=0.05, ax=ax).get_array())
    # Half of the amplitude is at positive frequencies: 0.005 is 20 dB below 0.05.
    assert level[5, level.shape[1] // 2] == pytest.approx(-20, abs=0.1)


def test_silence_has_a_picture(bank, ax):
    level = np.asarray(plot.scalogram(bank, np.zeros(N, np.float32), ax=ax).get_array())
    assert (level < -60).all()


def test_convergence_has_a_line_a_metamer(ax):
    errors = np.geomspace(0.5, 0.01, 20)[:, None] * np.array([[1.0, 2.0, 0.5]])
    lines = plot.convergence(errors, ax=ax)
    for line, column in zip(lines, errors.T, strict=True):
        np.testing.assert_allclose(np.asarray(line.get_ydata()), 100 * column)
    assert ax.get_xlabel() == "step"
    assert ax.get_ylabel() == "error (%)"
    assert ax.get_yscale() == "log"


@pytest.mark.parametrize(
    "errors",
    [
        [[0.5]],
        [[0.5], [0.45]],
        [[0.1], [0.0]],
        [[0.1], [np.nan]],
        [[np.nan]],
        [[0.0], [0.0]],
        [[1.0, np.inf]],
    ],
)
def test_convergence_of_any_errors(errors, ax):
    plot.convergence(np.array(errors), ax=ax)
    ax.figure.draw_without_rendering()


# Machado, Oliveira and Fernandes, 2009: linear RGB as seen without one type of cone.
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]


def lab(color, vision):
    """CIE L*a*b* of a color, as seen."""
    rgb = np.array(colors.to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(vision @ linear, 0, 1)
    xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]] @ seen
    x, y, z = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", [np.eye(3), PROTANOPIA, DEUTERANOPIA])
@pytest.mark.parametrize("count", [2, 5, 7])
def test_curves_can_be_told_apart_and_are_named(ax, count, vision):
    errors = np.geomspace(0.5, 0.01, 20)[:, None] * np.linspace(1, 2, count)
    lines = plot.convergence(errors, ax=ax)
    seen = [lab(line.get_color(), np.asarray(vision)) for line in lines]
    for a, b in itertools.combinations(range(count), 2):
        dashes = lines[a].get_linestyle() == lines[b].get_linestyle()
        assert np.linalg.norm(seen[a] - seen[b]) > (20 if dashes else 10), (a, b)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == [f"metamer {k + 1}" for k in range(count)]


def test_the_best_of_many_curves_stands_out(ax):
    errors = np.geomspace(0.5, 0.01, 20)[:, None] * np.roll(np.linspace(1, 2, 30), 11)
    lines = plot.convergence(errors, ax=ax)
    assert [k for k, line in enumerate(lines) if line.get_color() == "black"] == [11]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(names) == ["29 others", "metamer 12"]


@pytest.mark.parametrize("shape", [(20,), (20, 1)])
def test_one_curve_has_no_legend(ax, shape):
    assert len(plot.convergence(np.geomspace(0.5, 0.01, 20).reshape(shape), ax=ax)) == 1
    assert ax.get_legend() is None


@pytest.mark.parametrize("shape", [(0, 1), (0,), (5, 0), (2, 2, 2), ()])
def test_errors_of_no_steps_are_refused(bank, burst, shape):
    with pytest.raises(ValueError, match="errors must have a row for each step"):
        plot.convergence(np.zeros(shape))
    with pytest.raises(ValueError, match="errors must have a row for each step"):
        plot.metamer(bank, burst, burst, np.zeros(shape))


def test_sounds_of_different_lengths_are_refused(bank, burst):
    with pytest.raises(ValueError, match="the same number of samples"):
        plot.metamer(bank, burst, burst[1:], np.ones((2, 1)))


def test_metamer_picture_names_the_recording_and_the_best(bank, burst):
    errors = np.geomspace(0.5, 0.01, 20)[:, None] * np.array([1.5, 0.5, 1])
    name = "Ж" * 20 + "a$b^$c\n名前" + "x" * 80 + ".wav"
    figure = plot.metamer(bank, burst, burst, errors, sample_rate=RATE, title=name)
    assert "metamer 2 of 3: error 0.5 %" in [ax.get_title() for ax in figure.axes]
    figure.draw_without_rendering()
    title = figure.get_suptitle()
    assert title.startswith("Ж" * 20 + "a$b^$c□□□")
    assert title.endswith("x.wav")
    (text,) = [text for text in figure.findobj(Text) if text.get_text() == title]
    assert figure.bbox.x0 <= text.get_window_extent().x0


def test_metamer_picture(bank, burst):
    errors = np.geomspace(0.5, 0.01, 20)[:, None]
    figure = plot.metamer(bank, burst, burst / 2, errors, sample_rate=RATE)
    labels = ("target", "metamer: error 1 %", "error (%)", "level (dB re maximum of the target)")
    target, metamer, curve, bar = (
        next(ax for ax in figure.axes if label in (ax.get_title(), ax.get_ylabel()))
        for label in labels
    )
    assert target.collections[0].get_clim() == metamer.collections[0].get_clim()
    levels = [np.asarray(ax.collections[0].get_array()).max() for ax in (target, metamer)]
    assert levels == pytest.approx([0, -6.02], abs=0.01)
    assert len(curve.lines) == 1
    figure.draw_without_rendering()
    boxes = [ax.get_tightbbox() for ax in (target, metamer, curve, bar)]
    for box, other in itertools.combinations(boxes, 2):
        assert box is not None
        assert other is not None
        assert not box.overlaps(other)


def test_sounds_of_any_length_and_of_channels(ax, bank, burst):
    """Longer sounds are drawn in segments, with the same result as in one call."""
    x = noise(20_001)
    segments, whole = (jtfs_jax.filterbank(n, J=5, Q=8, T=64) for n in (None, len(x)))
    found = np.asarray(plot.scalogram(segments, x, ax=ax).get_array())
    wanted = np.asarray(plot.scalogram(whole, x, ax=ax).get_array())
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    both = np.asarray(plot.scalogram(bank, np.stack([burst, 0 * burst]), ax=ax).get_array())
    one = np.asarray(plot.scalogram(bank, burst, ax=ax).get_array())
    np.testing.assert_allclose(both, one, atol=1e-3)  # relative to their own maximum


def test_current_axes_by_default(bank, burst):
    pyplot.switch_backend("agg")
    figure, axes = pyplot.subplots()
    assert plot.scalogram(bank, burst).axes is axes
    pyplot.close(figure)


def test_matplotlib_is_not_imported_with_the_library():
    assert not imports("jtfs_jax.plot", "matplotlib")
