"""Tensors of the second order: the position of each path, and unpacking."""

import jax
import numpy as np
import pytest
from helpers import coefficients

import jtfs_jax
from jtfs_jax import analysis


@pytest.fixture(
    scope="module", params=[{}, {"T": "global", "F": "global"}], ids=["local", "global"]
)
def bank(request):
    return jtfs_jax.filterbank(600, J=(7, 6), Q=(6, 2), J_fr=3, Q_fr=2, **request.param)


def test_each_path_is_at_its_rate_and_signed_scale(bank):
    S = coefficients(bank, 2)
    packed = analysis.pack(bank, S)
    axes = analysis.packed_axes(bank, sample_rate=8000.0)
    table = jtfs_jax.path_table(bank, sample_rate=8000.0)
    s2 = np.asarray(S.S2)
    n_bands, n_frames = len(axes.frequency), len(axes.time)
    assert packed.joint.shape == (2, len(axes.scale), len(axes.rate), n_bands, n_frames)
    assert packed.low_pass.shape == (2, len(axes.unsigned_scale), n_bands, n_frames)
    for axis in (axes.scale, axes.rate, axes.unsigned_scale):
        assert np.all(np.diff(axis) > 0)
    np.testing.assert_allclose(axes.scale, -axes.scale[::-1])
    for i in range(len(table)):
        if table.n2[i] < 0:
            place = np.argmin(np.abs(axes.unsigned_scale - table.scale[i]))
            found = packed.low_pass[:, place]
        else:
            place = np.argmin(np.abs(axes.scale - table.spin[i] * table.scale[i]))
            found = packed.joint[:, place, np.argmin(np.abs(axes.rate - table.rate[i]))]
        np.testing.assert_array_equal(found, s2[:, i])


@pytest.mark.parametrize("batch", [(), (3,), (2, 1)])
def test_unpacking_is_the_inverse(bank, batch):
    S = coefficients(bank, *batch)
    packed = analysis.pack(bank, S)
    unpacked = analysis.unpack(bank, packed)
    np.testing.assert_array_equal(unpacked, S.S2)
    assert packed.joint.size + packed.low_pass.size == unpacked.size


def test_packing_commutes_with_vmap(bank):
    S = coefficients(bank, 3)
    mapped = jax.vmap(analysis.pack, (None, 0))(bank, S)
    np.testing.assert_array_equal(mapped.joint, analysis.pack(bank, S).joint)


def test_errors_of_packing(bank):
    S = coefficients(bank)
    other = jtfs_jax.filterbank(600, J=7, Q=6, J_fr=2)
    with pytest.raises(ValueError, match="paths of bank"):
        analysis.pack(other, S)
    with pytest.raises(ValueError, match="scales and"):
        analysis.unpack(other, analysis.pack(bank, S))
    for T, F in ((0, None), (None, 0)):
        ragged = jtfs_jax.filterbank(64, J=4, Q=4, J_fr=2, T=T, F=F)
        with pytest.raises(ValueError, match="average in time and in frequency"):
            analysis.pack(ragged, coefficients(ragged))
