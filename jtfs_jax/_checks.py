"""Checks of arguments: each raises a `ValueError` that says argument, value, rule and cure."""

import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, DTypeLike

Width: TypeAlias = float | int | Literal["global"] | None


def positive_integer(name: str, value: object) -> int:
    """An integer of at least 1."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}.")
    return int(value)


def integer_of_32_bits(name: str, value: object) -> int:
    """An integer from 0 to 2**32 − 1, as seeds are."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not 0 <= int(value) < 2**32:
        raise ValueError(f"{name} must be an integer between 0 and 2**32 − 1, got {value!r}.")
    return int(value)


def positive_number(name: str, value: object) -> float:
    """A finite number above 0."""
    number = _real(value)
    if number is None or number <= 0:
        raise ValueError(f"{name} must be a positive number, got {value!r}.")
    return number


def positive_if_known(name: str, value: Any) -> None:
    """Above 0, unless that is not known yet."""
    if not is_traced(value):
        positive_number(name, value)


def sample_rate(value: object) -> float:
    """Samples a second, or 1 where None: then frequencies are in cycles/sample."""
    return 1.0 if value is None else positive_number("sample_rate", value)


def fraction(name: str, value: object) -> float:
    """A number between 0 and 1, exclusive."""
    number = _real(value)
    if number is None or not 0 < number < 1:
        raise ValueError(f"{name} must be a number between 0 and 1, exclusive, got {value!r}.")
    return number


def choice(name: str, value: object, choices: Iterable[object]) -> None:
    """One of a few values."""
    choices = list(choices)
    if not any(type(value) is type(known) and value == known for known in choices):
        raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}.")


def one_or_two(name: str, value: object, default: int | None) -> tuple[int, int]:
    """An integer ≥ 1, or a pair of them: one for each order. `default` completes a single one."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ValueError(
                f"{name} must be an integer or a pair ({name}1, {name}2), got {value!r}."
            )
        return positive_integer(f"{name}[0]", value[0]), positive_integer(f"{name}[1]", value[1])
    first = positive_integer(name, value)
    return first, first if default is None else default


def width(name: str, value: object, default: int, largest: int, unit: str) -> float | str:
    """Width of an averaging: None → `default`, "global", 0, or a number between 1 and `largest`."""
    if value is None:
        return float(default)
    if isinstance(value, str) and value == "global":
        return value
    number = _real(value)
    if number is None:
        raise ValueError(f'{name} must be None, "global", 0 or a number, got {value!r}.')
    if number != 0 and not 1 <= number <= largest:
        raise ValueError(
            f"{name} must be 0 (no averaging) or between 1 and {largest} {unit}, got {value!r}; "
            f'for the mean over all of them, use {name}="global".'
        )
    return number


def _real(value: object) -> float | None:
    """A finite number, NumPy's and JAX's included; None for all else."""
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        return None
    return None if isinstance(value, bool | str | bytes) or not math.isfinite(number) else number


def stride(name: str, value: object, width_name: str, width: float | str) -> int | None:
    """Distance between outputs: a power of two up to the width of the averaging, its default."""
    if width in ("global", 0):
        if value is not None:
            raise ValueError(
                f"{name} must be None where {width_name}={width!r}, got {value!r}; "
                f"give {width_name} a width to choose the stride."
            )
        return None
    assert not isinstance(width, str)
    largest = 2 ** math.floor(math.log2(width))
    if value is None:
        return largest
    step = positive_integer(name, value)
    if step & (step - 1) or step > largest:
        raise ValueError(
            f"{name} must be a power of two between 1 and {largest}, the largest that averaging "
            f"over {width_name}={width:g} allows, got {value!r}."
        )
    return step


def real_dtype(dtype: DTypeLike) -> np.dtype:
    """float32, or float64 where JAX has it enabled."""
    try:
        known = None if dtype is None else np.dtype(dtype)  # None would be NumPy's default
    except TypeError:
        known = None
    if known is None or known not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}.")
    if jax.dtypes.canonicalize_dtype(known) != known:
        raise ValueError(
            "dtype must be float32 unless JAX's 64-bit mode is on, got float64; call "
            'jax.config.update("jax_enable_x64", True) first.'
        )
    return known


def joint_only(**arguments: tuple[object, object]) -> None:
    """Arguments that mean nothing without J_fr keep their defaults."""
    for name, (value, default) in arguments.items():
        if value != default:
            raise ValueError(
                f"{name} must be {default} where J_fr is None, got {value!r}; "
                f"give J_fr to get filters for jtfs."
            )


def signal(x: Array, n_samples: int, dtype: np.dtype) -> tuple[Array, tuple[int, ...]]:
    """Real signals of the right length, in the precision of the filterbank; a batch of at least 1.

    Also returns the axes that the batch had: none, if there was but one signal.
    """
    if not isinstance(x, jax.Array | np.ndarray | np.generic):
        raise ValueError(f"x must be an array, got {type(x).__name__}; wrap it in jnp.asarray.")
    if x.ndim == 0:
        raise ValueError("x must have time as its last axis, got a scalar.")
    if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(x.dtype, jnp.integer)):
        raise ValueError(f"x must have real numbers, got dtype {x.dtype}; convert it first.")
    if x.shape[-1] != n_samples:
        raise ValueError(
            f"x has {x.shape[-1]} samples on its last axis but the filterbank is for {n_samples}; "
            f"pad or cut x, or build a filterbank for {x.shape[-1]}."
        )
    batch, sharding = x.shape[:-1], jax.typeof(x).sharding
    if any(axis is not None for axis in sharding.spec[len(batch) :]):
        whole = NamedSharding(sharding.mesh, PartitionSpec(*sharding.spec[: len(batch)]))
        x = jax.sharding.reshard(x, whole)  # devices may share a batch, but not a signal
    return x.astype(dtype).reshape(*(batch or (1,)), n_samples), batch


def real_array(name: str, value: object) -> Array:
    """A real number or real numbers, as an array of JAX."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a real number or an array of them, got {value!r}."
        ) from error
    if not (jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)):
        raise ValueError(
            f"{name} must have real numbers, got dtype {array.dtype}; convert it first."
        )
    return array


def not_negative(name: str, value: object) -> Array:
    """A real number, at least 0 as far as it is known."""
    number = real_array(name, value)
    if number.ndim or not (is_traced(number) or number >= 0):
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
    return number


def is_traced(value: object) -> bool:
    """Whether the value is not known yet, as under `jax.jit`."""
    return isinstance(value, Tracer)


def index(name: str, value: object, n: int) -> int:
    """An integer between 0 and n − 1."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) not in range(n):
        raise ValueError(f"{name} must be an integer between 0 and {n - 1}, got {value!r}.")
    return int(value)
