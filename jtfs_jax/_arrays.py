"""Small operations on arrays that all of the transforms share."""

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float


def product(a: Array, b: Array) -> Array:
    """Matrix product in full precision on every platform."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def times_real(z: Complex[Array, "..."], factor: Float[Array, "..."]) -> Complex[Array, "..."]:
    """Product of complex by real numbers, without promotion of the latter."""
    factor = of_rank(factor, z.ndim)
    return jax.lax.complex(z.real * factor, z.imag * factor)


def of_rank(a: Array, rank: int) -> Array:
    """An array with leading axes of length 1, up to a given number of axes."""
    return jnp.expand_dims(a, range(rank - a.ndim))


def repeat_rows(a: Array, n_rows: int) -> Array:
    """The one row of `a` several times, by a product, whose derivative is faster than a sum's."""
    if n_rows == 1:
        return a
    ones = jnp.ones((n_rows, 1), a.real.dtype)
    return jax.lax.complex(product(ones, a.real), product(ones, a.imag))


def as_leaf(table: np.ndarray) -> Array:
    """A table as the array that it will be: `filterbank` casts all of them, once."""
    return cast(Array, table)


def namespace(a: Any) -> Any:
    """The functions for arrays of this kind: `jax.numpy` for those of JAX, else `numpy`."""
    return jnp if isinstance(a, jax.Array) else np
