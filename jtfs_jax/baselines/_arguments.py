"""Checks shared by the baselines: spectrograms, and ordered lists of frequencies."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jtfs_jax import _checks


def spectrogram(name: str, y: object, n_rows: int | None, n_frames: int | None) -> Array:
    """A real array with the expected numbers of rows and frames on its last two axes."""
    array = _checks.real_array(name, y)
    if array.ndim < 2:
        raise ValueError(
            f"{name} must have rows and frames on its last two axes, got shape {array.shape}."
        )
    if 0 in array.shape[-2:]:
        raise ValueError(
            f"{name} must have at least one row and one frame, got shape {array.shape}."
        )
    wanted = (n_rows or array.shape[-2], n_frames or array.shape[-1])
    if array.shape[-2:] != wanted:
        raise ValueError(
            f"{name} has {array.shape[-2]} rows and {array.shape[-1]} frames but the filters are "
            f"for {wanted[0]} and {wanted[1]}; build filters for its shape."
        )
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


def ascending(name: str, values: Any, limit: float, reason: str) -> tuple[float, ...]:
    """Positive numbers in ascending order, all below a limit."""
    is_sequence = isinstance(values, tuple | list | np.ndarray | jax.Array)
    if not is_sequence or np.ndim(values) != 1 or len(values) == 0:
        raise ValueError(
            f"{name} must be one or more numbers in a tuple, got {_checks.shown(values)}."
        )
    numbers = [_checks.positive_number(f"{name}[{k}]", value) for k, value in enumerate(values)]
    if any(a >= b for a, b in itertools.pairwise(numbers)):
        raise ValueError(f"{name} must run from low to high, got {_checks.shown(values)}; sort it.")
    if numbers[-1] >= limit:
        raise ValueError(
            f"{name} must be below {limit:g}, {reason}, got {numbers[-1]:g}; leave it out."
        )
    return tuple(numbers)
