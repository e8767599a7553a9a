"""What lies beyond the ends of a signal: the context in which filters see its samples.

A transform acts on a signal with its context. One call continues the signal on both sides, and
`_segments` cuts a longer one into windows, most of which have the signal itself as their context.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from . import _sampling
from ._filterbank import FilterBank


def padded(bank: FilterBank, x: Float[Array, "*batch n_samples"]) -> Float[Array, "*batch time"]:
    """Signals of the length that `bank` is for, continued to the length that it transforms."""
    before = _sampling.pad_left(bank.n_samples, bank.n_padded)
    return continued(x, before, bank.n_padded - bank.n_samples - before, bank.pad_mode)


def continued(
    x: Float[Array, "*batch n"], before: int, after: int, pad_mode: str
) -> Float[Array, "*batch time"]:
    """Signals with samples beyond their ends, as many as wanted."""
    n = before + x.shape[-1] + after
    mode = {"zero": "constant", "periodic": "wrap"}.get(pad_mode, "reflect")
    if mode == "reflect" and max(before, after) >= x.shape[-1]:
        # A period of the continuation, repeated: reflections one by one would be many operations.
        x = jnp.concatenate([x, x[..., -2:0:-1]], axis=-1)
        after = max(n - before - x.shape[-1], 0)
        mode = "wrap"
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(before, after)], mode=mode)[..., :n]
