"""Argument checks that raise a `ValueError` with the argument, value, rule and cure."""

import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any, Literal, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, DTypeLike

from ._jit import native

Width: TypeAlias = float | int | Literal["global"] | None


def plain(name: str, value: object) -> Any:
    """Convert NumPy and JAX scalars and 0-d arrays to Python objects; return others unchanged."""
    if is_traced(value):
        raise ValueError(
            f"{name} must be known while JAX traces a function, got a traced value; make it a "
            f"constant or a static argument of the function."
        )
    if isinstance(value, np.ndarray | np.generic | jax.Array) and value.ndim == 0:
        return value.item()
    return value


def shown(value: object) -> str:
    """Return a value as error messages show it, shortened if long."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python does not print integers of more than a few thousand digits
        return "a value of thousands of digits"
    return text if len(text) <= 100 else f"{text[:70]} … {text[-20:]}"


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def positive_integer(name: str, value: object) -> int:
    """Return `value` as an integer of at least 1."""
    number = plain(name, value)
    if not _is_integer(number) or number < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {shown(value)}.")
    return int(number)


def random_key(name: str, value: Any) -> Array:
    """Return `value` as a typed key of `jax.random`; legacy keys are converted."""
    if isinstance(value, jax.Array | np.ndarray):
        if not value.ndim and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            return jnp.asarray(value)
        legacy = jax.eval_shape(jax.random.PRNGKey, 0)
        if (value.dtype, value.shape) == (legacy.dtype, legacy.shape):
            return jax.random.wrap_key_data(jnp.asarray(value))
    raise ValueError(
        f"{name} must be a single jax.random key, got {shown(value)}; use jax.random.key(0)."
    )


def positive_number(name: str, value: object) -> float:
    """Return `value` as a finite number above 0."""
    number = _real(name, value)
    if number is None or number <= 0:
        raise ValueError(f"{name} must be a positive number, got {shown(value)}.")
    return number


def nonnegative_number(name: str, value: object) -> float:
    """Return `value` as a finite number of at least 0."""
    number = _real(name, value)
    if number is None or number < 0:
        raise ValueError(f"{name} must be a number of at least 0, got {shown(value)}.")
    return number


def positive_if_known(name: str, value: Any) -> None:
    """Require that `value` is a number above 0, unless it is traced."""
    if not is_traced(value):
        positive_number(name, value)


def sample_rate(value: object) -> float:
    """Return the sample rate in Hz, or 1 if None, for frequencies in cycles/sample."""
    return 1.0 if value is None else positive_number("sample_rate", value)


def fraction(name: str, value: object) -> float:
    """Return `value` as a number between 0 and 1, exclusive."""
    number = _real(name, value)
    if number is None or not 0 < number < 1:
        raise ValueError(f"{name} must be a number between 0 and 1, exclusive, got {shown(value)}.")
    return number


def choice(name: str, value: object, choices: Iterable[Any]) -> Any:
    """Return the member of `choices` that equals `value`."""
    choices, given = list(choices), plain(name, value)
    for known in choices:
        if type(given) is type(known) and given == known:
            return known
    raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, got {shown(value)}.")


def one_or_two(name: str, value: Any, default: int | None) -> tuple[int, int]:
    """Return integers ≥ 1 for both orders; a single one is repeated or followed by `default`."""
    parts = integers(name, value, (1, 2), f"an integer or a pair ({name}1, {name}2)")
    if len(parts) == 1:
        return parts[0], parts[0] if default is None else default
    return parts[0], parts[1]


def integers(name: str, value: Any, counts: tuple[int, ...], meaning: str) -> tuple[int, ...]:
    """Return integers ≥ 1, given a single one or a sequence whose length is in `counts`."""
    if not isinstance(value, tuple | list) and getattr(value, "ndim", 0) != 1:
        return (positive_integer(name, value),)
    if len(value) not in counts:
        raise ValueError(f"{name} must be {meaning}, got {shown(value)}.")
    return tuple(positive_integer(f"{name}[{index}]", part) for index, part in enumerate(value))


def width(name: str, value: object, default: int, largest: int, unit: str) -> float | str:
    """Return an averaging width: "global", 0, or a number from 1 to `largest`; None → `default`."""
    given = plain(name, value)
    if given is None:
        return float(default)
    if isinstance(given, str) and given == "global":
        return "global"
    number = _real(name, given)
    if number is None:
        raise ValueError(f'{name} must be None, "global", 0 or a number, got {shown(value)}.')
    if number != 0 and not 1 <= number <= largest:
        raise ValueError(
            f"{name} must be 0 (no averaging) or between 1 and {largest} {unit}, got "
            f'{shown(value)}; for the mean over all of them, use {name}="global".'
        )
    return abs(number)


def _real(name: str, value: Any) -> float | None:
    """Return a finite number (NumPy and JAX scalars included), or None for anything else."""
    value = plain(name, value)
    if isinstance(value, bool | str | bytes | np.ndarray | jax.Array):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def stride(name: str, value: object, width_name: str, width: float | str) -> int | None:
    """Return a stride: a power of two up to the averaging width, the largest by default."""
    if width in ("global", 0):
        if value is not None:
            raise ValueError(
                f"{name} must be None if {width_name}={width!r}, got {shown(value)}; "
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
            f"over {width_name}={width:g} allows, got {shown(value)}."
        )
    return step


def real_dtype(dtype: DTypeLike) -> np.dtype:
    """Return `dtype`, which must be float32, or float64 if JAX has it enabled."""
    try:
        known = None if dtype is None else np.dtype(dtype)  # None would be NumPy's default
    except Exception:  # NumPy parses strings here, and may raise anything
        known = None
    if known is None or known not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {shown(dtype)}.")
    if jax.dtypes.canonicalize_dtype(known) != known:
        raise ValueError(
            "dtype must be float32 unless JAX's 64-bit mode is on, got float64; call "
            'jax.config.update("jax_enable_x64", True) first.'
        )
    return known


def joint_only(**arguments: tuple[object, object]) -> None:
    """Require defaults for arguments that have no meaning without J_fr."""
    for name, (value, default) in arguments.items():
        given = plain(name, value)
        if given is not default and not (_is_integer(given) and given == default):
            raise ValueError(
                f"{name} must be {default} if J_fr is None, got {shown(value)}; "
                f"give J_fr to get filters for jtfs."
            )


def signal(x: Array, n_samples: int, dtype: np.dtype) -> tuple[Array, tuple[int, ...]]:
    """Return real signals of the right length, cast to `dtype`, with at least one batch axis.

    Also return the original batch axes, which are empty for a single signal.
    """
    _require_real(x)
    if x.shape[-1] != n_samples:
        raise ValueError(
            f"x has {x.shape[-1]} samples on its last axis but the filterbank is for {n_samples}; "
            f"pad or cut x, build a filterbank for {x.shape[-1]}, or use "
            f"jtfs_jax.segmented for any length."
        )
    batch, sharding = x.shape[:-1], jax.typeof(x).sharding
    if any(axis is not None for axis in sharding.spec[len(batch) :]):
        whole = NamedSharding(sharding.mesh, PartitionSpec(*sharding.spec[: len(batch)]))
        x = jax.sharding.reshard(x, whole)  # devices may split a batch, but not a signal
    return x.astype(dtype).reshape(*(batch or (1,)), n_samples), batch


def block(x: Any) -> np.ndarray:
    """Return one block of real signals as a NumPy array."""
    x = native("blocks", x)
    _require_real(x, "blocks")
    return np.array(x)


def signal_of_any_length(x: Any) -> Any:
    """Return real signals of at least 2 samples, which reflection needs."""
    x = native("x", x)
    _require_real(x)
    if x.shape[-1] < 2:
        raise ValueError(
            f"x must have at least 2 samples on its last axis, got {x.shape[-1]}; reflection "
            f"padding needs 2 samples."
        )
    return x


def _require_real(x: Any, name: str = "x") -> None:
    if isinstance(x, eqx.Module):
        raise ValueError(
            f"{name} must be an array, got {type(x).__name__}; filters are the first argument."
        )
    if not isinstance(x, jax.Array | np.ndarray | np.generic):
        raise ValueError(
            f"{name} must be an array, got {type(x).__name__}; wrap it in jnp.asarray."
        )
    if x.ndim == 0:
        raise ValueError(f"{name} must have time as its last axis, got a scalar.")
    if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(x.dtype, jnp.integer)):
        raise ValueError(f"{name} must have real numbers, got dtype {x.dtype}; convert it first.")


def real_array(name: str, value: object) -> Array:
    """Return one or more real numbers as a JAX array."""
    if isinstance(value, np.ndarray):
        value = native(name, value)
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a real number or an array of them, got {shown(value)}."
        ) from error
    if not (jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)):
        raise ValueError(
            f"{name} must have real numbers, got dtype {array.dtype}; convert it first."
        )
    return array


def coefficients(name: str, tree: Any) -> Any:
    """Return a pytree of real or complex numbers as floating-point or complex arrays."""

    def inexact(leaf: object) -> Array:
        array = jnp.asarray(native(name, leaf))
        if jnp.issubdtype(array.dtype, jnp.inexact):
            return array
        if not jnp.issubdtype(array.dtype, jnp.integer):
            raise ValueError(
                f"{name} must have real or complex numbers, got dtype {array.dtype}; convert it "
                f"first."
            )
        return array.astype(jnp.result_type(float))

    if not jax.tree.leaves(tree):
        raise ValueError(f"{name} must have at least one coefficient, got {shown(tree)}.")
    return jax.tree.map(inexact, tree)


def not_negative(name: str, value: object) -> Array:
    """Return a real number as an array; it must be at least 0 unless traced."""
    number = real_array(name, value)
    if number.ndim or not (is_traced(number) or number >= 0):
        raise ValueError(f"{name} must be a number of at least 0, got {shown(value)}.")
    return number


def is_traced(value: object) -> bool:
    """Return whether the value is traced and thus unknown, as under `jax.jit`."""
    return isinstance(value, Tracer)


def index(name: str, value: Any, n: int) -> int:
    """Return `value` as an integer between 0 and n − 1."""
    number = value if is_traced(value) else plain(name, value)
    if not _is_integer(number) or not 0 <= number < n:
        raise ValueError(f"{name} must be an integer between 0 and {n - 1}, got {shown(value)}.")
    return int(number)
