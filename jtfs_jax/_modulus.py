"""The complex modulus, with derivatives that are finite everywhere."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_jvp
def modulus(re: Float[Array, "..."], im: Float[Array, "..."]) -> Float[Array, "..."]:
    """√(re² + im²), whose derivatives of every order are 0 where both parts are 0.

    The subgradient 0 is the one of least norm, and the mean over all directions. JAX's own rules
    give NaN at 0 (`sqrt`), or a second derivative that is wrong there (`abs` of a complex array).
    Squares that underflow count as 0, so that the inverse of the modulus has a finite square.
    """
    square = re * re + im * im
    # JAX drops the rule below when it differentiates a loop a second time: be safe without it.
    nonzero = square >= jnp.finfo(square.dtype).tiny
    return jnp.where(nonzero, jnp.sqrt(jnp.where(nonzero, square, 1)), 0)


@modulus.defjvp
def _modulus_jvp(primals, tangents):
    (re, im), (d_re, d_im) = primals, tangents
    out = modulus(re, im)
    inverse = jnp.where(out > 0, 1 / jnp.where(out > 0, out, 1), 0)
    return out, (re * inverse) * d_re + (im * inverse) * d_im
