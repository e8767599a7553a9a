"""Broadcasting of parameters and sample times, shared by all test signals."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks

Parameter = float | Float[Array | np.ndarray, "*#batch"]

GRID = ("n_samples", "sample_rate")


def times(n_samples: int, sample_rate: float, *, center: bool = False) -> np.ndarray:
    """Sample times in seconds, float64, relative to the first sample or to n_samples / 2."""
    _checks.positive_integer("n_samples", n_samples)
    _checks.positive_number("sample_rate", sample_rate)
    return (np.arange(n_samples) - (n_samples / 2 if center else 0)) / sample_rate


def row(values: np.ndarray, like: Array) -> np.ndarray:
    """Values along the last axis, with as many axes as `like`."""
    return values.reshape((1,) * (like.ndim - 1) + values.shape)


def parameters(**parameters: object) -> list[Float[Array, "*batch 1"]]:
    """Parameters broadcast in one precision, with a trailing axis for time."""
    arrays = {name: _checks.real_array(name, value) for name, value in parameters.items()}
    floats = [a for a in arrays.values() if jnp.issubdtype(a.dtype, jnp.floating)]
    dtype = jnp.result_type(float, *floats)
    dtype = dtype if dtype == jnp.float64 else jnp.dtype(jnp.float32)
    try:
        batch = jnp.broadcast_shapes(*(a.shape for a in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{a.shape} of {name}" for name, a in arrays.items() if a.ndim)
        raise ValueError(
            f"parameters must have shapes that broadcast, got {shapes}; give parameters that vary "
            f"independently separate axes, such as gamma[:, None]."
        ) from error
    return [jnp.broadcast_to(a.astype(dtype), batch)[..., None] for a in arrays.values()]
