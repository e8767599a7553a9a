"""Context: the samples that filters reach beyond the ends of a signal or of a part of it.

A transform acts on a signal with its context. A single call pads the signal on both sides;
`_segments` cuts a longer signal into windows, most of which have the signal itself as context.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from . import _sampling
from ._filterbank import FilterBank


def padded(bank: FilterBank, x: Float[Array, "*batch n_samples"]) -> Float[Array, "*batch time"]:
    """Pad signals of `bank.n_samples` samples to the length that `bank` transforms."""
    before = _sampling.pad_left(bank.n_samples, bank.n_padded)
    return continued(x, before, bank.n_padded - bank.n_samples - before, bank.pad_mode)


def continued(
    x: Float[Array, "*batch n"], before: int, after: int, pad_mode: str
) -> Float[Array, "*batch time"]:
    """Continue signals by `before` and `after` samples beyond their ends."""
    n = before + x.shape[-1] + after
    mode = {"zero": "constant", "periodic": "wrap"}.get(pad_mode, "reflect")
    if mode == "reflect" and max(before, after) >= x.shape[-1]:
        # Repeat one period of the continuation: adding one reflection at a time takes many
        # operations.
        x = jnp.concatenate([x, x[..., -2:0:-1]], axis=-1)
        after = max(n - before - x.shape[-1], 0)
        mode = "wrap"
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(before, after)], mode=mode)[..., :n]
