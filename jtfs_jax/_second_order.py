"""The second order along time: U1 ⋆ ψ_n2, and the average of what is made of it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ._arrays import of_rank
from ._design import SecondOrder
from ._filterbank import FilterBank
from ._polyphase import interleave
from ._time_average import average_in_blocks, refine
from ._time_wavelets import transform_rows


def second_orders(
    bank: FilterBank,
    u1_hats: Sequence[Complex[Array, "*batch n1 bin"]],
    nonlinearity: Callable[[SecondOrder, Complex[Array, "*batch n1 time"]], Array],
) -> Iterator[Float[Array, "*batch n2 row frame"]]:
    """φ_T ⋆ nonlinearity(U1 ⋆ ψ_n2) at the frames, for one resolution after another."""
    seconds = bank.tables.second
    lengths = [bank.n_padded >> second.group.log2_stride for second in seconds]
    for together in bank.tables.fourier.together(lengths):
        y = wavelet_transforms(bank, seconds[together], u1_hats)
        for second, y_of_second in zip(seconds[together], y, strict=True):
            yield average(bank, second, y_of_second, partial(nonlinearity, second))


def wavelet_transforms(
    bank: FilterBank,
    seconds: Sequence[SecondOrder],
    u1_hats: Sequence[Complex[Array, "*batch n1 bin"]],
) -> list[Complex[Array, "*batch n2 phase n1 sample"]]:
    """U1 ⋆ ψ_n2 for resolutions that share a transform, for the rows n1 that feed each."""
    groups1 = bank.tables.groups1

    def live(second: SecondOrder) -> Complex[Array, "*batch n1 bin"]:
        rows = [
            u1_hat[..., : second.n_live - group.n_first, : second.n_bins]
            for group, u1_hat in zip(groups1, u1_hats, strict=True)
            if group.n_first < second.n_live
        ]
        return jnp.concatenate(rows, axis=-2)

    groups = [second.group for second in seconds]
    y = transform_rows(list(map(live, seconds)), groups, bank.n_padded, bank.tables.fourier)
    return list(map(_conjugated, seconds, y))


def _conjugated(
    second: SecondOrder, y: Complex[Array, "*batch n2 phase n1 sample"]
) -> Complex[Array, "*batch n2 phase n1 sample"]:
    """U1 ⋆ ψ_n2 with what conjugation needs: the carrier, and signs where time runs backward."""
    if second.carrier is not None:
        y = y * of_rank(jax.lax.complex(second.carrier[0], second.carrier[1]), y.ndim)
    if second.sign is not None:
        y = jax.lax.complex(y.real, y.imag * of_rank(second.sign, y.ndim))
    return y


def average(
    bank: FilterBank,
    second: SecondOrder,
    y: Complex[Array, "*batch n2 phase n1 sample"],
    nonlinearity: Callable[[Complex[Array, "*batch n1 time"]], Float[Array, "*batch row time"]],
) -> Float[Array, "*batch n2 row frame"]:
    """φ_T ⋆ nonlinearity(y) at the frames; without averaging, all samples within the signal."""
    if second.average is None:
        group = second.group
        frames = bank.frames(2**group.j)
        step = 1 << (group.j - group.log2_stride)
        kept = slice(frames.start * step, frames.stop * step, step)
        return nonlinearity(interleave(y)[..., kept])
    s = average_in_blocks(second.average, y, nonlinearity, bank.layout)
    if bank.stride is None or bank.stride == bank.critical_stride:
        return s
    frames = bank.frames(bank.stride)
    dense = refine(s, bank.n_padded // bank.stride, bank.tables.fourier)
    return dense[..., frames.start : frames.stop]
