"""Matrix products in full precision on every platform, and in few passes where a unit is wide."""

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array


def product(a: Array, b: Array, *, narrow: int = 0) -> Array:
    """Return the matrix product in full precision on every platform.

    Args:
        a: Matrix, or several.
        b: Matrix, or several.
        narrow: Columns of `a` up to which one product of parts in bfloat16 replaces the product, as
            well as the products of its derivatives (see `_in_parts`).
    """
    return _narrow_product.bind(a, b, narrow=narrow) if narrow else _precise(a, b)


def _precise(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _in_parts(a: Array, b: Array) -> Array:
    """Return a product in float32 for a matrix `a` of few columns, on a unit that takes bfloat16.

    Full precision takes six products of the three parts that make up a float32:

        a b ≈ a₁b₁ + a₁b₂ + a₂b₁ + a₂b₂ + a₁b₃ + a₃b₁

    Concatenated along the contracted axis, they form one product with six times as many columns,
    which costs no more as long as the unit has that many columns.
    """
    (a1, a2, a3), (b1, b2, b3) = _in_bfloat16(a), _in_bfloat16(b)
    wide = jnp.concatenate([a1, a1, a2, a2, a1, a3], axis=-1)
    tall = jnp.concatenate([b1, b2, b1, b2, b3, b1], axis=-2)
    return jnp.matmul(wide, tall, preferred_element_type=a.dtype)


def _in_bfloat16(a: Array) -> tuple[Array, ...]:
    """Split `a` into a sum of three parts of eight bits each."""
    first = jax.lax.reduce_precision(a, exponent_bits=8, mantissa_bits=7)
    second = jax.lax.reduce_precision(a - first, exponent_bits=8, mantissa_bits=7)
    parts = (first, second, a - first - second)
    return tuple(part.astype(jnp.bfloat16) for part in parts)


def _of_narrow(a: Array, b: Array, *, narrow: int) -> Array:
    few = a.shape[-1] <= narrow and a.dtype == jnp.float32
    return _in_parts(a, b) if few else _precise(a, b)


def _shape_of_product(a, b, *, narrow):
    operands = [jax.ShapeDtypeStruct(z.shape, z.dtype, sharding=z.sharding) for z in (a, b)]
    (result,) = jax.make_jaxpr(_precise)(*operands).out_avals
    return result


# JAX transposes the operations of a custom derivative; only a primitive has transposes of its own.
def _transposed_left(cotangent, a, b, *, narrow):
    if b.shape[-1] <= narrow and cotangent.shape[:-1] == a.aval.shape[:-1]:
        return product(cotangent, b.mT, narrow=narrow)
    (sums,) = jax.linear_transpose(lambda a: _precise(a, b), a.aval)(cotangent)
    return sums


def _transposed_right(cotangent, a, b, *, narrow):
    if a.shape[-2] <= narrow and cotangent.shape[:-2] == b.aval.shape[:-2]:
        return product(a.mT, cotangent, narrow=narrow)
    (sums,) = jax.linear_transpose(lambda b: _precise(a, b), b.aval)(cotangent)
    return sums


def _product_of_batches(operands, axes, *, narrow):
    rank = max(z.ndim - (axis is not None) for z, axis in zip(operands, axes, strict=True))
    operands = [
        z if axis is None else _with_batch_first(z, axis, rank)
        for z, axis in zip(operands, axes, strict=True)
    ]
    return product(*operands, narrow=narrow), 0


def _with_batch_first(z: Array, axis: int, rank: int) -> Array:
    z = jnp.moveaxis(z, axis, 0)
    return jnp.expand_dims(z, range(1, 2 + rank - z.ndim))


_narrow_product = Primitive("jtfs_jax_narrow_product")
_narrow_product.def_impl(jax.jit(_of_narrow, static_argnames="narrow"))
_narrow_product.def_abstract_eval(_shape_of_product)
ad.defbilinear(_narrow_product, _transposed_left, _transposed_right)
batching.primitive_batchers[_narrow_product] = _product_of_batches
mlir.register_lowering(_narrow_product, mlir.lower_fun(_of_narrow, multiple_results=False))
