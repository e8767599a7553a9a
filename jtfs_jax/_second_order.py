"""The second order along time: U1 ⋆ ψ_n2, and the average of what is made of it."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ._filterbank import FilterBank, SecondOrder
from ._time import average_in_blocks, refine, wavelet_transform


def second_transform(
    bank: FilterBank, second: SecondOrder, u1_hats: Sequence[Complex[Array, "batch n1 bin"]]
) -> Complex[Array, "batch n2 n1 time"]:
    """U1 ⋆ ψ_n2 for the wavelets ψ_n2 of one resolution, and the rows n1 that feed them."""
    band, n = second.band, bank.n_padded
    highest = max(-band.start, band.start + band.psi_hat.shape[-1] - 1)
    n_bins = min(highest, n // 2) + 1
    n_bands = sum(first.j < band.j for first in bank.first)
    live = [u1_hat[..., :n_bins] for u1_hat in u1_hats[:n_bands]]
    y = wavelet_transform(jnp.concatenate(live, axis=-2), band, n, band.log2_stride)
    return jnp.swapaxes(y, -2, -3)


def average(
    bank: FilterBank,
    second: SecondOrder,
    y: Complex[Array, "batch n2 n1 time"],
    nonlinearity: Callable[[Complex[Array, "*batch n1 time"]], Float[Array, "*batch row time"]],
) -> Float[Array, "batch n2 row frame"]:
    """φ_T ⋆ nonlinearity(y) at the frames; without averaging, its samples within the signal."""
    if second.average is None:
        frames = bank.frames(2**second.band.log2_stride)
        return nonlinearity(y[..., frames.start : frames.stop])
    s = average_in_blocks(second.average, y, nonlinearity)
    if bank.stride is None or bank.stride == bank.critical_stride:
        return s
    frames = bank.frames(bank.stride)
    return refine(s, bank.n_padded // bank.stride)[..., frames.start : frames.stop]
