"""The complex modulus, roots and quotients, with derivatives that are finite everywhere."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


@jax.custom_jvp
def modulus(re: Float[Array, "..."], im: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return √(re² + im²), whose derivatives of every order are 0 where both parts are 0.

    The subgradient 0 has the least norm, and is the mean over all directions. JAX's own rules give
    NaN at 0 (`sqrt`), or a wrong second derivative there (`abs` of a complex array). Squares that
    underflow count as 0, so that the inverse of the modulus has a finite square. NaN gives NaN.
    """
    # JAX drops the rule below when it differentiates a loop a second time: stay finite without it.
    root, is_zero = _root(re, im)
    return lax.select(is_zero, jnp.zeros_like(root), root)


@modulus.defjvp
def _modulus_jvp(primals, tangents):
    (re, im), (d_re, d_im) = primals, tangents
    root, is_zero = _root(re, im)
    # One value per sample for the backward pass, which is bound by memory.
    zero = jnp.zeros_like(root)
    inverse = lax.select(is_zero, zero, 1 / root)
    return lax.select(is_zero, zero, root), inverse * (re * d_re + im * d_im)


def _root(re: Float[Array, "..."], im: Float[Array, "..."]) -> tuple[Array, Array]:
    """Return √(re² + im²), or 1 where it counts as 0, and a mask of these zeros."""
    square = re * re + im * im
    is_zero = square < jnp.finfo(square.dtype).tiny
    return lax.sqrt(lax.select(is_zero, jnp.ones_like(square), square)), is_zero


def safe_sqrt(a: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return √a, whose derivatives are 0 where a is 0. NaN gives NaN."""
    is_zero = a == 0
    return jnp.where(is_zero, 0, jnp.sqrt(jnp.where(is_zero, 1, a)))


def safe_divide(
    a: Float[Array, "..."], b: Float[Array, "..."], otherwise: float = 0.0
) -> Float[Array, "..."]:
    """Return a / b, or a constant where b is 0. NaN gives NaN."""
    is_zero = b == 0
    return jnp.where(is_zero, otherwise, a / jnp.where(is_zero, 1, b))
