"""Functions of coefficients accept integers, lists and single numbers, or say what they need."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax
from jtfs_jax import analysis, losses, resynthesis


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(64, J=3, Q=2, J_fr=1)


@pytest.fixture(scope="module")
def whole(bank):
    """Integer-valued coefficients, as floats."""
    x = noise(2, 64)
    return jax.tree.map(lambda a: np.round(50 * np.asarray(a)), jtfs_jax.jtfs(bank, x))


FUNCTIONS: dict[str, Any] = {
    "distance": lambda bank, S: losses.distance(S, S),
    "relative distance": lambda bank, S: losses.distance(jax.tree.map(jnp.negative, S), S, p=1),
    "cosine distance": lambda bank, S: losses.cosine_distance(jax.tree.map(jnp.square, S), S),
    "weights": lambda bank, S: losses.distance(jax.tree.map(jnp.negative, S), S, weights=0.25),
    "one path": lambda bank, S: losses.path_distance(S.S2[:, 3], S.S2[:, 2]),
    "log": lambda bank, S: analysis.log_compress(S, 0.25),
    "levels": lambda bank, S: analysis.fit_levels(bank, S),
    "log by levels": lambda bank, S: analysis.mu_log(S, analysis.fit_levels(bank, S)),
    "constants": lambda bank, S: analysis.fit_standardization(bank, S),
    "standardized": lambda bank, S: analysis.standardize(S, analysis.fit_standardization(bank, S)),
    "scaled": lambda bank, S: resynthesis.scale_paths(
        bank, S, np.linspace(0, 1, len(jtfs_jax.path_table(bank)))
    ),
    "morphed": lambda bank, S: resynthesis.morph(jax.tree.map(jnp.negative, S), S, 0.125),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_integers_are_numbers(name, bank, whole, quick_compile):
    expected = FUNCTIONS[name](bank, whole)
    found = FUNCTIONS[name](bank, jax.tree.map(lambda a: a.astype(np.int16), whole))
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("S", [[0, 3], (1, {"a": 4}), np.array(5), 5])
def test_numbers_of_any_kind(S):
    zero = jax.tree.map(lambda a: 0 * a, S)
    length = np.sqrt(sum(float(leaf) ** 2 for leaf in jax.tree.leaves(S)))
    np.testing.assert_allclose(losses.distance(S, zero), length, rtol=1e-6)
    np.testing.assert_allclose(losses.distance(zero, S, relative=True), 1, rtol=1e-6)


@pytest.mark.parametrize("S", [None, [], {}])
def test_nothing_has_no_distance(S):
    with pytest.raises(ValueError, match="S must have at least one coefficient"):
        losses.distance(S, S)


def test_truth_is_no_coefficient():
    with pytest.raises(ValueError, match="S must have real or complex numbers, got dtype bool"):
        losses.distance(np.array([True]), np.array([False]))


@pytest.mark.parametrize("index", [1.5, "1", -2, 99, None, True])
def test_indices_of_filters(index, bank):
    with pytest.raises(ValueError, match=r"n_fr must be an integer between 0 and .* got"):
        jtfs_jax.band_frequencies(bank, n_fr=index)
    if index is not None:
        with pytest.raises(ValueError, match=r"n2 must be an integer between -1 and .* got"):
            jtfs_jax.frame_times(bank, n2=index)
