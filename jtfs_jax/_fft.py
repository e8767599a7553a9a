"""Fourier transforms over the last axis: reproducible, and computed by each device for its rows.

By default, XLA gathers all rows on every device, even if each device has whole rows. A primitive
tells XLA that each device can transform its own rows.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.custom_partitioning import custom_partitioning
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P, get_abstract_mesh
from jaxtyping import Array, Complex, Float

# On a CPU, XLA's transforms of these lengths vary between runs in the last bits, because rows are
# distributed among threads at random, unless the number of rows is a multiple of `_ROWS`.
_UNSTEADY, _ROWS = range(2**9, 2**11 + 1), 16


def rfft(x: Float[Array, "*batch row point"]) -> Complex[Array, "*batch row bin"]:
    """Compute half the spectrum of real rows."""
    return _transform("rfft", x, x.shape[-1])


def irfft(half: Complex[Array, "*batch row bin"], n: int) -> Float[Array, "*batch row point"]:
    """Compute real rows of n points from half their spectrum."""
    return _transform("irfft", half, n)


def ifft(z: Complex[Array, "*batch row bin"], n: int) -> Complex[Array, "*batch row point"]:
    """Compute complex rows of n points from their lowest bins."""
    return _transform("ifft", z, n)


def is_spread(z: Array) -> bool:
    """Return whether a traced array may be distributed among devices."""
    if AxisType.Explicit in jax.typeof(z).sharding.mesh.axis_types:
        return True  # even with a single device, because its axes may not be merged
    mesh = get_abstract_mesh()
    if mesh.axis_types and all(kind == AxisType.Manual for kind in mesh.axis_types):
        return False  # under `jax.shard_map`
    return jax.device_count() > 1


def _transform(kind: str, z: Array, n: int) -> Array:
    if not is_spread(z):
        return _steadily(kind, z, n)
    n_points = n // 2 + 1 if kind == "irfft" else n
    z = z[..., :n_points]
    missing = [(0, 0)] * (z.ndim - 1) + [(0, n_points - z.shape[-1])]
    z = jnp.pad(z, missing)
    return _fft_of_rows.bind(z, kind=kind, n=n, program=jax.make_jaxpr(_by_each_device(kind, n))(z))


def _steadily(kind: str, z: Array, n: int) -> Array:
    """Transform rows, with zero rows appended if results would vary between runs."""
    transform: Callable[..., Array] = getattr(jnp.fft, kind)
    length = None if z.shape[-1] == n else n
    if n not in _UNSTEADY or math.prod(z.shape[:-1]) % _ROWS == 0:
        return transform(z, length)
    padded = jnp.pad(z, [(0, 0)] * (z.ndim - 2) + [(0, -z.shape[-2] % _ROWS), (0, 0)])
    return transform(padded, length)[..., : z.shape[-2], :]


# The program of each device is a parameter of the primitive, so that JAX knows that the program
# depends on the devices.
_fft_of_rows = Primitive("jtfs_jax_fft_of_rows")


@functools.partial(jax.jit, static_argnames=("kind", "n", "program"))
def _compiled(z, *, kind, n, program):
    return _fft_of_rows.bind(z, kind=kind, n=n, program=program)


def _evaluated(z, **parameters):
    with jax.disable_jit(disable=False):
        return _compiled(z, **parameters)


def _shape(z, *, kind, n, program):
    (result,) = program.out_avals
    return z.update(shape=result.shape, dtype=result.dtype)


def _transposed(cotangent, _, *, kind, n, program):
    if kind == "ifft":
        return (ifft(cotangent, n),)
    bins = np.arange(n // 2 + 1)
    weight = np.where(2 * bins % n == 0, 1, 2)  # most bins stand for two
    weight = weight.reshape((1,) * (cotangent.ndim - 1) + weight.shape)
    if kind == "rfft":
        return (irfft(jnp.conj(cotangent) * (n / weight).astype(cotangent.dtype), n),)
    half = jnp.conj(rfft(cotangent))
    return (half * (weight / n).astype(half.dtype),)


def _batched(arguments, axes, *, kind, n, program):
    return _transform(kind, jnp.moveaxis(arguments[0], axes[0], 0), n), 0


@functools.cache
def _by_each_device(kind: str, n: int) -> Callable[[Array], Array]:
    def of_one(z: Array) -> Array:
        return _steadily(kind, z, n)

    def partition(mesh, arguments, _):
        (z,) = arguments
        whole_rows = NamedSharding(mesh, P(*z.sharding.spec[: len(z.shape) - 1]))
        return mesh, of_one, whole_rows, (whole_rows,)

    of_each = custom_partitioning(of_one)
    of_each.def_partition(
        partition,
        sharding_rule="... point -> ... bin",
        need_replication_factors=("point", "bin"),
    )
    return of_each


def _lowered(context, z, *, kind, n, program):
    if context.module_context.lowering_parameters.for_export:
        # Exported programs cannot call Python to split a transform.
        transform = functools.partial(_steadily, kind, n=n)
        return mlir.lower_fun(transform, multiple_results=False)(context, z)
    return mlir.lower_fun(jaxpr_as_fun(program), multiple_results=True)(context, z)


_fft_of_rows.def_impl(_evaluated)
_fft_of_rows.def_abstract_eval(_shape)
ad.deflinear2(_fft_of_rows, _transposed)
batching.primitive_batchers[_fft_of_rows] = _batched
mlir.register_lowering(_fft_of_rows, _lowered)
