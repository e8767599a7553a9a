"""The second order along time: U1 ⋆ ψ_n2, and the average of what is made of it."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ._filterbank import FilterBank
from ._fourier import bins, interleave, of_rank, scale, synthesis
from ._tables import SecondOrder
from ._time import WaveletBand, average_in_blocks, refine


def second_order(
    bank: FilterBank,
    second: SecondOrder,
    u1_hats: Sequence[Complex[Array, "*batch n1 bin"]],
    nonlinearity: Callable[[Complex[Array, "*batch n1 time"]], Float[Array, "*batch row time"]],
) -> Float[Array, "*batch n2 row frame"]:
    """φ_T ⋆ nonlinearity(U1 ⋆ ψ_n2) at the frames, for the wavelets ψ_n2 of one resolution.

    The rows n1 are those that feed them. Without averaging, all samples within the signal.
    """
    live = [
        u1_hat[..., : second.n_live - band.first, : second.n_bins]
        for band, u1_hat in zip(bank.first, u1_hats, strict=True)
        if band.first < second.n_live
    ]
    y = _transform(bank, second.band, jnp.concatenate(live, axis=-2))
    if second.phase is not None:
        y = y * of_rank(jax.lax.complex(second.phase[0], second.phase[1]), y.ndim)
    if second.sign is not None:
        y = jax.lax.complex(y.real, y.imag * of_rank(second.sign, y.ndim))
    if second.average is None:
        frames = bank.frames(2**second.band.j)
        step = 1 << (second.band.j - second.band.log2_stride)
        kept = slice(frames.start * step, frames.stop * step, step)
        return nonlinearity(interleave(y)[..., kept])
    s = average_in_blocks(second.average, y, nonlinearity)
    if bank.stride is None or bank.stride == bank.critical_stride:
        return s
    frames = bank.frames(bank.stride)
    return refine(s, bank.n_padded // bank.stride)[..., frames.start : frames.stop]


def _transform(
    bank: FilterBank, band: WaveletBand, u1_hat: Complex[Array, "*batch n1 bin"]
) -> Complex[Array, "*batch n2 phase n1 sample"]:
    passed = bins(u1_hat, bank.n_padded, band.start, band.start + band.psi_hat.shape[-1])
    psi_hat = band.psi_hat[:, None] * 2.0**-band.log2_stride
    return synthesis(
        scale(passed[..., None, :, :], psi_hat), bank.n_padded >> band.log2_stride, bank.twiddle
    )
