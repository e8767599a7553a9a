"""Sound matching: landscapes, gradients in both modes, and descents with a limit."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.tree_util import Partial

from experiments import matching
from jtfs_jax import losses

WEIGHTS = jnp.array([[1.0, 0.5], [0.0, 2.0], [1.0, 1.0]])
METHOD = matching.Method(Partial(jnp.dot, jnp.eye(3)), losses.distance)
TARGET = jnp.array([0.25, -0.5])


def synthesize(z):
    return WEIGHTS @ z


def test_landscapes_are_zero_at_the_target():
    points = np.array([[0.25, -0.5], [1.0, 0.0]], np.float32)
    targets = jnp.stack([synthesize(TARGET), jnp.zeros(3)])
    found = matching.landscape(METHOD, synthesize, targets, points)
    assert found.shape == (2, 2)
    assert found[0, 0] == 0
    expected = np.linalg.norm(np.asarray(synthesize(points[1])))
    np.testing.assert_allclose(found[1, 1], expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_gradients_are_those_of_the_squared_distance(mode):
    wanted, z = synthesize(TARGET), jnp.array([1.0, 1.0])
    value, gradient = matching.value_and_gradient(METHOD, synthesize, wanted, z, mode)
    residual = WEIGHTS @ (z - TARGET)
    np.testing.assert_allclose(value, residual @ residual, rtol=1e-5)
    np.testing.assert_allclose(gradient, 2 * WEIGHTS.T @ residual, rtol=1e-5)


def test_descents_end_at_the_target_or_at_the_limit():
    starts = np.array([[1.0, 1.0], [-1.0, 0.0]], np.float32)
    arguments = METHOD, synthesize, synthesize(TARGET), starts, optax.sgd(0.1)
    found = matching.descend(*arguments, enough=1e-6, limit=200)
    np.testing.assert_allclose(found.best, np.tile(TARGET, (2, 1)), atol=1e-3)
    assert (found.n_gradients < 200).all()
    assert (matching.descend(*arguments, enough=0.0, limit=3).n_gradients == 3).all()


def test_functions_are_called_once_more_than_they_are_timed():
    calls = []
    assert matching.median_seconds({"f": lambda: calls.append(0)}, n=3)["f"] >= 0
    assert len(calls) == 4
