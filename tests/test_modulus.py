"""The modulus and its derivatives at zero, near zero, and inside loops."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jtfs_jax._modulus import modulus

pytestmark = pytest.mark.usefixtures("quick_compile")


def looped(re, im):
    return jax.lax.map(lambda z: modulus(*z), (re[None], im[None]))[0]


@pytest.mark.parametrize("function", [modulus, looped, jax.checkpoint(looped)])
def test_derivatives_at_zero_are_zero(function):
    @jax.jit
    def derivatives(zero):
        gradient = jax.grad(lambda re, im: function(re, im).sum(), argnums=(0, 1))
        along = jax.jacfwd(lambda a: function(a * jnp.ones(3), zero))(0.0)
        return jax.jvp(gradient, (zero, zero), (jnp.ones(3), jnp.ones(3))), along

    for array in jax.tree.leaves(derivatives(jnp.zeros(3))):
        assert not np.any(array)


@functools.partial(jax.jit, static_argnums=0)
def derivatives_of_the_square(function, z):
    gradient = jax.grad(lambda re, im: jnp.sum(function(re, im) ** 2), argnums=(0, 1))
    return jax.jvp(gradient, z, z)


@pytest.mark.parametrize("magnitude", [1e-37, 1e-30, 1e-22, 1e-19, 1e-15, 1e-5, 1.0, 1e15])
@pytest.mark.parametrize("function", [modulus, looped])
def test_derivatives_are_finite_at_any_magnitude(function, magnitude):
    z = jnp.full(3, magnitude), jnp.full(3, -magnitude)
    value, product = derivatives_of_the_square(function, z)
    assert np.isfinite([*value, *product]).all()
    if magnitude > 1e-18:
        np.testing.assert_allclose(value[0], 2 * z[0], rtol=1e-5)
        np.testing.assert_allclose(product[0], 2 * z[0], rtol=1e-5)


def test_derivatives_by_finite_differences(x64):
    rng = np.random.default_rng(0)
    z = tuple(rng.standard_normal((2, 5)))
    check_grads(modulus, z, order=3, modes=("fwd", "rev"))
    np.testing.assert_allclose(modulus(*z), np.hypot(*z))
