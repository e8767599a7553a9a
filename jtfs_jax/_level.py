"""The level of signals: a power of two, divided out before a transform and restored after it.

Scattering is homogeneous, S(c x) = c S(x), but its moduli square numbers, and the squares of
numbers below 1e-19 or above 1e19 leave the range of float32. With a peak near 1, they stay within
it, and multiplication by a power of two is exact.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, PyTree


def power_of_two(x: Float[Array, "*batch time"]) -> Float[Array, "*batch"]:
    """Return the power of two nearest to the peak of each signal; 1 for silence and NaN."""
    finfo = jnp.finfo(x.dtype)
    largest = 2.0 ** (finfo.maxexp - 2)  # its inverse is a normal number
    peak = jnp.abs(jax.lax.stop_gradient(x)).max(-1)
    power = jax.lax.reduce_precision(peak, exponent_bits=finfo.nexp, mantissa_bits=0)
    return jnp.where(power > 0, jnp.clip(power, 1 / largest, largest), 1)


def of_any_level(
    transform: Callable[..., PyTree], x: Float[Array, "*batch time"], *arguments: Any
) -> PyTree[Array]:
    """Apply a homogeneous transform(x, *arguments) to signals of any level.

    With c a power of two,

        S(x) = c · transform(x / c)        dS(x)[dx] = d transform(x / c)[dx]

    so that first derivatives do not contain c, which may be too large or too small for them.
    """
    return _of_any_level(jax.jit(transform), x, arguments)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _of_any_level(transform, x, arguments):
    c = power_of_two(x)
    # JAX sets a mesh when it calls the rule below. With the same mesh set here, it can reuse this
    # trace of the transform there.
    with jax.sharding.use_abstract_mesh(jax.sharding.get_abstract_mesh()):
        return _times(transform(_times(x, 1 / c), *arguments), c)


@partial(_of_any_level.defjvp, symbolic_zeros=True)
def _of_any_level_jvp(transform, primals, tangents):
    (x, arguments), (d_x, d_arguments) = primals, tangents
    c, d_x = power_of_two(x), _materialized(d_x)
    u = _times(x, 1 / c)
    varying = jax.tree.leaves(d_arguments, is_leaf=_is_zero)
    if all(map(_is_zero, varying)):
        s, d_s = jax.jvp(lambda u: transform(u, *arguments), (u,), (d_x,))
        return _times(s, c), d_s
    # The derivative with respect to the filters does contain c.
    d_arguments = jax.tree.map(_materialized, d_arguments, is_leaf=_is_zero)
    s, d_s = jax.jvp(transform, (u, *arguments), (_times(d_x, 1 / c), *d_arguments))
    return _times(s, c), _times(d_s, c)


def _times(tree: PyTree[Array], factor: Float[Array, "*batch"]) -> PyTree[Array]:
    def product(a: Array) -> Array:
        return a * jnp.expand_dims(factor, range(factor.ndim, a.ndim))

    return jax.tree.map(product, tree)


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, SymbolicZero)


def _materialized(tangent: Any) -> Any:
    if not _is_zero(tangent):
        return tangent
    is_float0 = tangent.dtype == jax.dtypes.float0
    return (np if is_float0 else jnp).zeros(tangent.shape, tangent.dtype)
