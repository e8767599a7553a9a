"""Compression and normalization against their equations in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax
from jtfs_jax import analysis

N = 256
pytestmark = pytest.mark.usefixtures("quick_compile")


CASES = {
    "jtfs": (jtfs_jax.jtfs, {}),
    "time_scattering": (jtfs_jax.time_scattering, {}),
    "by path": (jtfs_jax.jtfs, {"T": 0, "F": 0}),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    transform, options = CASES[request.param]
    bank = jtfs_jax.filterbank(N, J=4, Q=2, J_fr=1, **options)
    x = noise(2, 3, N)
    return bank, transform(bank, x)


@pytest.fixture
def bank(case):
    return case[0]


@pytest.fixture
def S(case):
    return case[1]


def paths(bank, S):
    """Coefficients of each path without dead rows: S0 first, then each row of S1."""
    rows = [S.S0, *jnp.moveaxis(S.S1, -2, 0), *jtfs_jax.by_path(bank, S).values()]
    return [np.asarray(row, float) for row in rows]


def of_paths(constants):
    return np.concatenate([constants.S0[None], constants.S1, constants.S2])


def test_mean_logarithm(bank, S):
    levels = analysis.fit_levels(bank, S)
    expected = [np.abs(path).mean() for path in paths(bank, S)]
    np.testing.assert_allclose(of_paths(levels), expected, rtol=1e-4)
    compressed = analysis.mu_log(S, levels, epsilon=0.2)
    assert jax.tree.structure(compressed) == jax.tree.structure(S)
    for found, s, mu in zip(paths(bank, compressed), paths(bank, S), expected, strict=True):
        reference = np.sign(s) * np.log(1 + np.abs(s) / (0.2 * mu))
        np.testing.assert_allclose(found, reference, rtol=1e-3, atol=1e-4)


def test_median_levels(bank, S):
    levels = analysis.fit_levels(bank, S, statistic="median")
    expected = [np.median(np.abs(path)) for path in paths(bank, S)]
    np.testing.assert_allclose(of_paths(levels), expected, rtol=1e-5)


def test_standardization(bank, S):
    constants = analysis.fit_standardization(bank, S)
    for found, s in zip(
        paths(bank, analysis.standardize(S, constants)), paths(bank, S), strict=True
    ):
        np.testing.assert_allclose(found, (s - s.mean()) / s.std(), atol=1e-4)
    # Constants fitted to many sounds also apply to a single sound.
    one = jax.tree.map(lambda leaf: leaf[1, 2], S)
    found = jax.tree.leaves(analysis.standardize(one, constants))
    for a, b in zip(found, jax.tree.leaves(analysis.standardize(S, constants)), strict=True):
        np.testing.assert_allclose(a, b[1, 2], atol=1e-5)


def test_silence_and_constants_become_zero(bank, S):
    silence = jax.tree.map(jnp.zeros_like, S)
    for leaf in jax.tree.leaves(analysis.mu_log(S, analysis.fit_levels(bank, silence))):
        assert not np.any(leaf)
    same = jax.tree.map(jnp.ones_like, S)
    constants = analysis.fit_standardization(bank, silence)
    assert not any(np.any(s) for s in jax.tree.leaves(analysis.standardize(same, constants)))


def test_equal_numbers_become_zero(bank, S):
    """Even if their sum is inexact, and with finite derivatives."""
    equal = jax.tree.map(lambda leaf: jnp.full_like(leaf, 1 / 3), S)

    def total(S):
        found = analysis.standardize(S, analysis.fit_standardization(bank, S))
        return jnp.stack([jnp.sum(leaf**2) for leaf in jax.tree.leaves(found)]).sum()

    value, gradient = jax.value_and_grad(total)(equal)
    assert value == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_logarithms_have_derivatives_at_zero():
    found = jax.vmap(jax.grad(lambda s: analysis.log_compress(s, 0.1)))(jnp.array([0.0, -0.1, 0.3]))
    np.testing.assert_allclose(found, [10.0, 5.0, 2.5], rtol=1e-5)
    curvature = jax.hessian(lambda s: analysis.log_compress(s, 0.1))(0.0)
    assert abs(curvature + 100.0) < 1e-2
    s = {"a": jnp.array([0.0, 1.0]), "b": (jnp.array([[-3.0]]),)}
    found = analysis.log_compress(s, 0.5)
    np.testing.assert_allclose(found["b"][0], [[-np.log(7)]], rtol=1e-5)
    np.testing.assert_allclose(found["a"], [0, np.log(3)], rtol=1e-5)


def test_errors_of_compression(bank, S):
    with pytest.raises(ValueError, match="paths of bank"):
        analysis.fit_levels(jtfs_jax.filterbank(N, J=3, Q=2, J_fr=1), S)
    with pytest.raises(ValueError, match="statistic must be"):
        analysis.fit_levels(bank, S, statistic="mode")  # pyright: ignore[reportArgumentType]
    for level in (0, -1.0, np.nan):
        with pytest.raises(ValueError, match="level must be a positive number"):
            analysis.log_compress(S, level)
    levels = analysis.fit_levels(bank, S)
    with pytest.raises(ValueError, match="epsilon must be a positive number, got 0"):
        analysis.mu_log(S, levels, epsilon=0)
    fewer = analysis.PathConstants(levels.S0, levels.S1, levels.S2[1:])
    with pytest.raises(ValueError, match="as many paths as the constants"):
        analysis.mu_log(S, fewer)
