"""The second order along time: U1 ⋆ ψ_n2, a nonlinearity, and the average over time."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ._arrays import of_rank
from ._design import SecondOrder
from ._filterbank import FilterBank
from ._polyphase import interleave
from ._time_average import average_in_blocks, refine
from ._time_wavelets import transform_rows


def second_order(
    bank: FilterBank,
    second: SecondOrder,
    u1_hats: Sequence[Complex[Array, "*batch n1 bin"]],
    nonlinearity: Callable[[Complex[Array, "*batch n1 time"]], Float[Array, "*batch row time"]],
) -> Float[Array, "*batch n2 row frame"]:
    """Compute φ_T ⋆ nonlinearity(U1 ⋆ ψ_n2) at the frames, for the ψ_n2 of one resolution.

    Only the rows n1 that feed them are used. Without averaging, frames are samples.
    """
    live = [
        u1_hat[..., : second.n_live - group.n_first, : second.n_bins]
        for group, u1_hat in zip(bank.tables.groups1, u1_hats, strict=True)
        if group.n_first < second.n_live
    ]
    group, fourier = second.group, bank.tables.fourier
    y = transform_rows(jnp.concatenate(live, axis=-2), group, bank.n_padded, fourier)
    if second.carrier is not None:
        y = y * of_rank(jax.lax.complex(second.carrier[0], second.carrier[1]), y.ndim)
    if second.sign is not None:
        y = jax.lax.complex(y.real, y.imag * of_rank(second.sign, y.ndim))
    if second.average is None:
        frames = bank.frames(2**group.j)
        step = 1 << (group.j - group.log2_stride)
        kept = slice(frames.start * step, frames.stop * step, step)
        return nonlinearity(interleave(y)[..., kept])
    s = average_in_blocks(second.average, y, nonlinearity, bank.layout)
    if bank.stride is None or bank.stride == bank.critical_stride:
        return s
    frames = bank.frames(bank.stride)
    dense = refine(s, bank.n_padded // bank.stride, fourier)
    return dense[..., frames.start : frames.stop]
