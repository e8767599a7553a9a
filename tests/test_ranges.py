"""Parameters in their own units, and as numbers between −1 and 1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jtfs_jax.synth import ParameterRanges

RANGES = ParameterRanges(
    (512.0, 0.0, -4.0, 1e-3), (1024.0, 2.0, 4.0, 10.0), log=(True, False, False, True)
)


def test_ends_and_middles():
    for nu, theta in {
        -1.0: [512, 0, -4, 1e-3],
        0.0: [np.sqrt(512 * 1024), 1, 0, 0.1],
        1.0: [1024, 2, 4, 10],
        2.0: [1024 * np.sqrt(2), 3, 8, 1000],
    }.items():
        of_nu = RANGES.denormalize(jnp.full(4, nu))
        assert of_nu.dtype == jnp.float32
        np.testing.assert_allclose(of_nu, theta, rtol=3e-6, atol=1e-6)
        np.testing.assert_allclose(RANGES.normalize(np.array(theta)), nu, atol=1e-6)


def test_inverse_in_batches_and_float64(x64):
    nu = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4))
    theta = jax.jit(lambda nu: RANGES.denormalize(nu))(nu)
    assert theta.dtype == jnp.float64
    np.testing.assert_allclose(RANGES.normalize(theta), nu, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(theta[1, 2], RANGES.denormalize(nu[1, 2]), rtol=1e-12)


def test_derivatives(x64):
    nu = np.array([-1.0, -1.0, 0.0, 1.0])
    check_grads(jax.jit(lambda nu: RANGES.denormalize(nu)), (nu,), order=2)
    theta = np.array(RANGES.denormalize(nu))  # with zeros that are not logarithmic
    forward = jax.jit(jax.jacfwd(RANGES.denormalize))(nu)
    back = jax.jit(jax.jacrev(RANGES.normalize))(theta)
    np.testing.assert_allclose(forward @ back, np.eye(4), atol=1e-12)


def test_one_answer_for_all():
    logarithmic = ParameterRanges(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert logarithmic.log == (True, True)
    assert hash(jax.tree.structure(logarithmic)) == hash(
        jax.tree.structure(ParameterRanges([1, 2], [3, 4]))
    )
    assert ParameterRanges((0, 1), (1, 2), log=False).log == (False, False)


ERRORS = {
    "lengths": (lambda: ParameterRanges((1, 2), (3,)), "got 2, 1 and 2 entries"),
    "empty": (lambda: ParameterRanges((1, 3), (2, 3)), r"low\[1\] must be less than high\[1\]"),
    "infinite": (lambda: ParameterRanges((1,), (np.inf,)), "both finite"),
    "log of 0": (lambda: ParameterRanges((0,), (1,)), r"low\[0\] must be positive"),
    "theta": (lambda: RANGES.normalize(np.ones(3)), r"theta must have the 4 parameters"),
    "nu": (lambda: RANGES.denormalize(np.array(1.0)), r"nu must have the 4 parameters"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_argument(name):
    make, match = ERRORS[name]
    with pytest.raises(ValueError, match=match):
        make()
