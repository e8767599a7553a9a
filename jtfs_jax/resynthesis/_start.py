"""Where a resynthesis starts: its first sounds, and the envelope that scales its steps."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax._checks import is_traced
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._time_scattering import time_scattering

from ._noise import colored_noise, first_order, loudness, white_noise


def checked_start(
    start: Any, shape: tuple[int, ...], dtype: np.dtype, *, has_s1: bool
) -> str | Float[Array, "sound *batch time"]:
    """The kind of noise, or the samples, to start from."""
    if not isinstance(start, str):
        axes, cure = "(n_sounds, *batch, time)", "give one sound, or one for each metamer"
        return _broadcast("start", start, axes, shape, dtype, cure)
    if start not in ("colored", "white"):
        raise ValueError(f'start must be "colored", "white" or samples, got {start!r}.')
    if start == "colored" and not has_s1:
        raise ValueError(
            'start must be "white" or samples where the coefficients have no S1, got "colored"; '
            "it needs a FilterBank, and S1 or x."
        )
    return start


def checked_envelope(
    envelope: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Float[Array, "*batch time"] | None:
    """Positive numbers, or None where none are given."""
    if envelope is None:
        return None
    e = _broadcast("envelope", envelope, "(*batch, time)", shape, dtype, "give one number a sample")
    if not is_traced(e) and not bool((jnp.isfinite(e) & (e > 0)).all()):
        raise ValueError("envelope must be positive and finite, and is not everywhere; clip it.")
    return e


def _broadcast(
    name: str, value: Any, axes: str, shape: tuple[int, ...], dtype: np.dtype, cure: str
) -> Array:
    array = jnp.asarray(value, dtype)
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} must broadcast to {axes} = {shape}, but its shape is {array.shape}; {cure}."
        ) from None


def known_s1(
    bank: Any, x: Float[Array, "target time"] | None, coefficients: Any, transform: Callable
) -> Float[Array, "target n1 frame"] | None:
    """First-order coefficients of the targets, if they are known."""
    if not isinstance(bank, FilterBank):
        return None
    if x is None or transform in (jtfs, time_scattering):
        return getattr(coefficients, "S1", None)
    return first_order(bank, x)  # what another transform calls S1 may be compressed


def noise(
    bank: Any,
    x: Float[Array, "target time"] | None,
    s1: Float[Array, "target n1 frame"] | None,
    kind: str,
    key: Array,
    shape: tuple[int, ...],
    dtype: np.dtype,
) -> Float[Array, "sound *batch time"]:
    """Colored noise; or white noise as powerful as that, or as x where there is no S1."""
    n_sounds, n_samples = shape[0], shape[-1]
    if s1 is not None:
        colored = colored_noise(bank, s1, n_sounds=n_sounds, key=key)
        if kind == "colored":
            return colored.reshape(shape)
        level = _rms(colored)
    else:
        n_targets = math.prod(shape[1:-1])
        level = jnp.ones((1, n_targets), dtype) if x is None else _rms(x)[None]
    white = white_noise(key, n_sounds, n_samples, dtype)
    return (level[..., None] * white[:, None]).reshape(shape)


def _rms(y: Float[Array, "*batch time"]) -> Float[Array, "*batch"]:
    return jnp.sqrt(jnp.square(y).mean(axis=-1))


def loudness_of(
    bank: Any, s1: Float[Array, "target n1 frame"] | None, shape: tuple[int, ...], dtype: np.dtype
) -> Float[Array, "*batch time"]:
    """Loudness over time of each target; 1 where it is not known."""
    return jnp.ones(shape, dtype) if s1 is None else loudness(bank, s1).reshape(shape).astype(dtype)
