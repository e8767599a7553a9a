"""Small operations on arrays, shared by all transforms."""

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.custom_partitioning import custom_partitioning
from jax.experimental.layout import Layout, with_layout_constraint
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import NamedSharding
from jaxtyping import Array, Complex, Float

from ._fft import is_spread
from ._products import product


def times_real(z: Complex[Array, "..."], factor: Float[Array, "..."]) -> Complex[Array, "..."]:
    """Multiply complex by real numbers without promoting the latter."""
    factor = of_rank(factor, z.ndim)
    return jax.lax.complex(z.real * factor, z.imag * factor)


def contiguous(a: Array) -> Array:
    """Return the same array, stored contiguously along its first axis.

    A loop then reads its slices quickly. By default, XLA keeps the layout of the array and gathers
    the slice in each step.
    """
    if jnp.iscomplexobj(a):  # XLA constrains real arrays only
        return jax.lax.complex(contiguous(a.real), contiguous(a.imag))
    return _contiguous.bind(a, is_spread=is_spread(a))


def _in_order(a: Array) -> Array:
    return with_layout_constraint(a, Layout(tuple(range(a.ndim))))


def _partition(mesh, arguments, _):
    sharding = NamedSharding(mesh, arguments[0].sharding.spec)
    return mesh, _in_order, sharding, (sharding,)


# XLA would gather a constrained array on every device: tell it that each can constrain its part.
_in_order_on_each_device = custom_partitioning(_in_order)
_in_order_on_each_device.def_partition(_partition, sharding_rule="... -> ...")


def _contiguous_lowered(context, a, *, is_spread):
    if context.module_context.lowering_parameters.for_export:  # exports cannot have constraints
        return [a]
    constrained = _in_order_on_each_device if is_spread else _in_order
    return mlir.lower_fun(constrained, multiple_results=False)(context, a)


_contiguous = Primitive("jtfs_jax_contiguous")
_contiguous.def_impl(lambda a, is_spread: a)
_contiguous.def_abstract_eval(lambda a, is_spread: a)
ad.deflinear2(_contiguous, lambda cotangent, _, is_spread: [contiguous(cotangent)])
batching.defvectorized(_contiguous)
mlir.register_lowering(_contiguous, _contiguous_lowered)


def of_rank(a: Array, rank: int) -> Array:
    """Prepend axes of length 1, up to a given number of axes."""
    return jnp.expand_dims(a, range(rank - a.ndim))


def repeat_rows(a: Array, n_rows: int) -> Array:
    """Repeat the single row of `a` by a matrix product, whose derivative is faster than a sum."""
    if n_rows == 1:
        return a
    ones = jnp.ones((n_rows, 1), a.real.dtype)
    return jax.lax.complex(product(ones, a.real), product(ones, a.imag))


def as_leaf(table: np.ndarray) -> Array:
    """Type a table as the array that it becomes: `filterbank` casts all tables once."""
    return cast(Array, table)


def namespace(a: Any) -> Any:
    """Return the module for this kind of array: `jax.numpy` or `numpy`."""
    return jnp if isinstance(a, jax.Array) else np
