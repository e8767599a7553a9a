"""Plots of the cortical model."""

import numpy as np
import pytest
from helpers import noise
from matplotlib.figure import Figure

from jtfs_jax import baselines, plot

RATES, SCALES = (2.0, 4.0, 8.0), (0.5, 1.0, 2.0, 4.0)


@pytest.fixture(scope="module")
def cortex():
    return baselines.cortical_filterbank(24, 50, frame_rate=50.0, rates=RATES, scales=SCALES)


@pytest.fixture
def ax():
    return Figure(figsize=(3.5, 2.4), layout="constrained").add_subplot()


def test_each_rate_and_scale_is_in_its_cell(cortex, ax):
    """A factor of 10 is 20 dB; the modulus is averaged over all remaining axes."""
    r = 10 ** noise(2, 4, 3, 5, 6) * (1 + 1j)
    mesh = plot.cortical(cortex, r, reference=2.0, ax=ax)
    corners, levels = np.asarray(mesh.get_coordinates()), np.asarray(mesh.get_array())
    u = np.abs(r).mean(axis=(-2, -1))
    for s, spin in enumerate(cortex.spins):
        for i, scale in enumerate(SCALES):
            for j, rate in enumerate(RATES):
                row = np.searchsorted(corners[:, 0, 1], spin * scale) - 1
                column = np.searchsorted(corners[0, :, 0], rate) - 1
                assert levels[row, column] == pytest.approx(20 * np.log10(u[s, i, j] / 2), abs=1e-3)
    labels = ("rate (Hz)", "scale (cycles/octave)\n← falling   rising →")
    assert (ax.get_xlabel(), ax.get_ylabel()) == labels
    # All cells have the same height, and the gap is a quarter of it.
    heights = np.diff(ax.transData.transform(corners[:, 0])[:, 1])
    np.testing.assert_allclose(np.delete(heights, 4), heights[0], rtol=1e-6)
    assert heights[4] == pytest.approx(heights[0] / 4)
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 3, 24)])
def test_responses_may_be_averaged_before(cortex, ax, shape):
    r = np.ones(shape, np.float32)
    r[0, 1, 2] = 10
    mesh = plot.cortical(cortex, r, ax=ax)
    level = np.asarray(mesh.get_array())
    assert (level[6, 2], level[0, 0]) == (0, pytest.approx(-20))  # the gap is row 4


@pytest.mark.parametrize("shape", [(3, 2, 4, 3), (2, 3, 4), (2, 4, 3, 1, 1, 1)])
def test_wrong_shapes_are_named(cortex, ax, shape):
    with pytest.raises(ValueError, match=r"the response to one sound, of shape \(2, 4, 3\)"):
        plot.cortical(cortex, np.ones(shape), ax=ax)
