"""The time average φ_T: its tables, and its application in blocks that fit the cache."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from . import _fft, _sampling
from ._arrays import as_leaf, contiguous, namespace, of_rank
from ._nodes import exportable
from ._platforms import Layout
from ._polyphase import FourierTables, by_phase, n_phases
from ._products import product
from ._wavelets import NEGLIGIBLE, low_pass_reach

# A chunk, which one product averages, has at least this many samples, or this many frames if that
# is more.
_MIN_CHUNK = 32
_CHUNK_FRAMES = 32


@exportable
class TimeAverage(eqx.Module):
    """φ_T and subsampling of signals at one resolution, as products of blocks with weights.

    A block is a stretch of one phase (see `_polyphase`). A product gives its contribution to the
    frames: to every frame or, if φ_T is short, to the frames that each of its chunks reaches.
    Chunks are `hop` frames long and share their weights:

        samples of a phase   |--chunk--|--chunk--|--chunk--|--chunk--|--chunk--|   several per block
        frames               .    .    .    .    .    .    .    .    .    .        hop = 2
        reach of the third   |<--------------- n_near · hop ---------------->|     n_near = 5
    """

    weights: Float[Array, "phase_block sample frame"] | Float[Array, "phase sample frame"]
    block: int = eqx.field(static=True)  # samples in a block
    first_block: int = eqx.field(static=True)  # first block of a phase that reaches a kept frame
    n_blocks: int = eqx.field(static=True)  # blocks of a phase that reach kept frames
    hop: int | None = eqx.field(static=True)  # frames in a chunk; None: blocks add to all frames
    period: int = eqx.field(static=True)  # frames in the padded signal
    kept: tuple[int, int] = eqx.field(static=True)  # start and stop of the frames that are kept

    def mean_of_first(
        self, length: Any, n_samples: int, n_padded: int, log2_stride: int, layout: Layout
    ) -> "TimeAverage":
        """Return the mean over only the first `length` samples; `length` may be traced."""
        weights = _sampling.mean_weights(length, n_samples, n_padded, log2_stride)
        weights = by_phase(weights, layout.transform)
        blocks = weights.swapaxes(1, 2).reshape(len(weights), -1, self.block, 1)
        reached = blocks[:, self.first_block : self.first_block + self.n_blocks]
        return dataclasses.replace(self, weights=reached.reshape(self.weights.shape))

    def whole(self, u: Float[Array, "*batch phase row sample"]) -> Float[Array, "*batch row frame"]:
        """Average complete signals at once, if blocks contribute to every frame."""
        start, length = self.first_block * self.block, self.n_blocks * self.block
        weights = self.weights.reshape(-1, length, self.weights.shape[-1])
        return product(u[..., start : start + length], of_rank(weights, u.ndim)).sum(-3)

    @property
    def chunk(self) -> int:
        """Samples in a chunk."""
        return self.weights.shape[-2]

    @property
    def n_near(self) -> int:
        """Reach of a chunk, in multiples of its length, centered on itself."""
        assert self.hop is not None
        return self.weights.shape[-1] // self.hop

    @property
    def weights_of_blocks(self) -> Float[Array, "phase block sample frame"]:
        """Weights of the blocks of each phase; all blocks share them if `hop` is not None."""
        n_blocks = self.n_blocks if self.hop is None else 1
        return self.weights.reshape(-1, n_blocks, *self.weights.shape[-2:])

    def of_blocks(
        self,
        u: Float[Array, "*batch row sample"],
        weights: Float[Array, "*any sample frame"],
        narrow: int,
    ) -> Float[Array, "*batch row part"]:
        """Compute the contributions of blocks to the frames; `narrow` is of `Layout`."""
        if self.hop is None:
            return product(u, of_rank(weights, u.ndim), narrow=narrow)
        chunks = u.reshape(*u.shape[:-1], self.block // self.chunk, self.chunk)
        parts = product(chunks, of_rank(weights[..., None, :, :], chunks.ndim), narrow=narrow)
        return _overlap_add(parts.reshape(*parts.shape[:-1], self.n_near, self.hop))

    def total(
        self, parts: Float[Array, "*batch phase_block row part"]
    ) -> Float[Array, "*batch row frame"]:
        """Sum over the blocks, at the kept frames."""
        if self.hop is None:
            return parts.sum(-3)
        hop_of_block = self.block // self.chunk * self.hop
        *batch, n, n_rows, n_parts = parts.shape
        of_phases = parts.reshape(*batch, n // self.n_blocks, self.n_blocks, n_rows, n_parts)
        parts = jnp.moveaxis(of_phases.sum(-4), -3, -2)
        n_overlaps = -(-n_parts // hop_of_block)
        parts = _pad_last(parts, 0, n_overlaps * hop_of_block - n_parts)
        frames = _overlap_add(parts.reshape(*parts.shape[:-1], n_overlaps, hop_of_block))
        # The first chunk reaches back by almost half of its frames.
        start = self.first_block * hop_of_block - self.n_near // 2 * self.hop
        return _wrapped(frames, start, self.period)[..., slice(*self.kept)]


@exportable
class MeanByRow(eqx.Module):
    """Weighted sums of samples, with separate weights for each row."""

    weights: Float[Array, "phase row sample"]

    def whole(self, u: Float[Array, "*batch phase row sample"]) -> Float[Array, "*batch row 1"]:
        """Compute the sums for complete signals at once."""
        return (u * of_rank(self.weights, u.ndim)).sum((-3, -1))[..., None]


def _overlap_add(parts: Float[Array, "*batch chunk overlap hop"]) -> Float[Array, "*batch frame"]:
    """Sum the parts for the same frames: part d of chunk c belongs at c + d."""
    n_overlaps = parts.shape[-2]
    placed = [
        jnp.pad(parts[..., d, :], [(0, 0)] * (parts.ndim - 3) + [(d, n_overlaps - 1 - d), (0, 0)])
        for d in range(n_overlaps)
    ]
    total = sum(placed[1:], placed[0])
    return total.reshape(*total.shape[:-2], total.shape[-2] * total.shape[-1])


def _wrapped(
    frames: Float[Array, "*batch frame"], start: int, period: int
) -> Float[Array, "*batch period"]:
    """Wrap frames that begin at `start` to one period: time is periodic."""
    start %= period
    n_periods = -(-(start + frames.shape[-1]) // period)
    frames = _pad_last(frames, start, n_periods * period - start - frames.shape[-1])
    return frames.reshape(*frames.shape[:-1], n_periods, period).sum(-2)


def _pad_last(a: Array, before: int, after: int) -> Array:
    return jnp.pad(a, [(0, 0)] * (a.ndim - 1) + [(before, after)])


def local_average(
    phi: Any,
    designed: np.ndarray,
    width: float,
    stride: int,
    kept: range,
    log2_stride: int,
    layout: Layout,
) -> TimeAverage:
    """Return φ_T at multiples of `stride`, for signals at every 2**log2_stride-th sample.

    It reaches as far as the `designed` low-pass filter, which has the given `width`.
    """
    n_padded = len(phi)
    phases = n_phases(n_padded >> log2_stride, layout.transform)
    step = phases << log2_stride  # between samples of a phase
    length = n_padded // step  # of a phase
    chunk = _chunk_length(stride, step, length, layout.block)
    hop = chunk * step // stride
    n_near = 2 * math.ceil(low_pass_reach(width) / (chunk * step)) + 1

    def weights(phi: Any, frames: range, n_samples: int) -> Any:
        xp = namespace(phi)
        phase = xp.arange(phases)[:, None, None] << log2_stride
        sample = xp.arange(n_samples)[None, :, None] * step
        frame = xp.arange(frames.start, frames.stop)[None, None] * stride
        return phi[(frame - phase - sample) % n_padded] * 2**log2_stride

    if len(kept) <= n_near * hop or n_near * chunk >= length:  # chunks would reach every frame
        of_designed = weights(designed, kept, length)
        same = phi is designed
        return _full_average(
            of_designed if same else weights(phi, kept, length), of_designed, layout.block
        )
    block = max(min(layout.block, length), chunk)
    # Blocks from which φ_T reaches the frames that are kept.
    margin = math.ceil(low_pass_reach(width) / step) + 1
    first = max(kept[0] * stride // step - margin, 0) // block
    stop = min(-(-(kept[-1] * stride // step + margin + 1) // block), length // block)
    earliest = -(n_near // 2) * hop
    return TimeAverage(
        weights=as_leaf(weights(phi, range(earliest, earliest + n_near * hop), chunk)),
        block=block,
        first_block=first,
        n_blocks=stop - first,
        hop=hop,
        period=n_padded // stride,
        kept=(kept.start, kept.stop),
    )


def _chunk_length(stride: int, step: int, length: int, block: int) -> int:
    """Return the length of a chunk: whole frames, enough for a product, at most a block."""
    chunk = min(max(_CHUNK_FRAMES * stride // step, _MIN_CHUNK), length)
    return max(min(chunk, block), stride // step)


def global_average(n_samples: int, n_padded: int, log2_stride: int, layout: Layout) -> TimeAverage:
    """Return the mean over the signal, for signals at every 2**log2_stride-th sample."""
    weights = _sampling.mean_weights(n_samples, n_samples, n_padded, log2_stride)
    weights = by_phase(weights, layout.transform).swapaxes(1, 2)
    return _full_average(weights, weights, layout.block)


def mean_by_row(
    length: Any,
    n_samples: int,
    n_padded: int,
    log2_stride: int,
    own: Sequence[int],
    layout: Layout,
) -> MeanByRow:
    """Return the mean over the first `length` samples, for rows with sampling intervals 2**`own`.

    Signals are at every 2**log2_stride-th sample, which may be denser. `length` may be traced.
    """

    def of_row(log2: int) -> Any:
        kept = _sampling.mean_weights(length, n_samples, n_padded, log2)
        comb = np.eye(1, 1 << (log2 - log2_stride), dtype=kept.dtype)
        return by_phase((kept[:, None] * comb).reshape(-1), layout.transform)

    rows = [of_row(log2) for log2 in own]
    return MeanByRow(namespace(rows[0]).concatenate(rows, axis=1))


def _full_average(weights: Any, designed: np.ndarray, block: int) -> TimeAverage:
    """Return the average with a weight per sample and frame, `(phase, sample, frame)`.

    Blocks in which the `designed` weights are negligible are left out.
    """
    phases, length, n_frames = weights.shape
    block = min(block, length)
    largest = designed.reshape(phases, -1, block, n_frames).max((0, 2, 3))
    used = np.flatnonzero(largest > NEGLIGIBLE * largest.max())
    first, last = int(used[0]), int(used[-1]) + 1
    return TimeAverage(
        weights=as_leaf(
            weights.reshape(phases, -1, block, n_frames)[:, first:last].reshape(-1, block, n_frames)
        ),
        block=block,
        first_block=first,
        n_blocks=last - first,
        hop=None,
        period=n_frames,
        kept=(0, n_frames),
    )


def average_in_blocks(
    average: TimeAverage,
    y: Complex[Array, "*batch n2 phase n1 sample"],
    nonlinearity: Callable[[Complex[Array, "*batch n1 sample"]], Float[Array, "*batch row sample"]],
    layout: Layout,
) -> Float[Array, "*batch n2 row frame"]:
    """Compute φ_T ⋆ nonlinearity(y) at the frames, block by block.

    If the result of the nonlinearity is larger than `layout` allows, it is never in memory as a
    whole: a loop computes its blocks, and recomputes them for the derivative.
    """
    *batch, n2, phases, n1, _ = y.shape
    # Devices that share a batch take the same block of each signal; a single device may take
    # signals in turn to keep blocks small.
    shared = batch if layout.shares_batch or _fft.is_spread(y) else []
    in_turn = math.prod(batch[len(shared) :]) * n2
    n_blocks, start = average.n_blocks, average.first_block * average.block
    y = y[..., start : start + n_blocks * average.block]
    y = y.reshape(*shared, in_turn, phases, n1, n_blocks, average.block)
    blocks = jnp.moveaxis(y, -2, -3)
    n_steps = in_turn * phases * n_blocks
    n_bytes = _known_bytes(jax.eval_shape(nonlinearity, blocks))
    if n_steps == 1:  # without axes of length 1, which make products slow
        block = blocks.reshape(*shared, n1, average.block)
        parts = average.of_blocks(nonlinearity(block), average.weights[0], layout.narrow)
    elif n_bytes <= layout.n_bytes:
        parts = average.of_blocks(nonlinearity(blocks), average.weights_of_blocks, layout.narrow)
    else:
        blocks = jnp.moveaxis(blocks.reshape(*shared, n_steps, n1, average.block), -3, 0)
        if layout.shares_batch:
            blocks = contiguous(blocks)
        index = jnp.arange(phases * n_blocks) // (1 if average.hop is None else n_blocks)
        index = jnp.broadcast_to(index, (in_turn, phases * n_blocks)).ravel()

        def step(block, index):
            return average.of_blocks(nonlinearity(block), average.weights[index], layout.narrow)

        n_at_once = _largest_divisor(n_steps, layout.n_bytes * n_steps // n_bytes)
        parts = jax.lax.map(
            lambda args: jax.checkpoint(step)(*args), (blocks, index), batch_size=n_at_once
        )
        parts = jnp.moveaxis(parts, 0, -3)
    return average.total(parts.reshape(*batch, n2, phases * n_blocks, *parts.shape[-2:]))


def _known_bytes(of: jax.ShapeDtypeStruct) -> int:
    """Return the size of an array; for a symbolic batch, the size for one signal."""
    return math.prod(n for n in of.shape if isinstance(n, int)) * of.dtype.itemsize


def _largest_divisor(n: int, most: int) -> int | None:
    """Return the largest divisor of n up to `most`; None instead of 1."""
    if not isinstance(n, int):
        return None  # a batch of symbolic size
    return max((d for d in range(2, most + 1) if n % d == 0), default=None)


def refine(
    s: Float[Array, "*batch row frame"], n_frames: int, fourier: FourierTables
) -> Float[Array, "*batch row n_frames"]:
    """Interpolate periodic signals to more frames, trigonometrically."""
    n = s.shape[-1]
    return fourier.irfft(fourier.rfft(s, n // 2 + 1), n_frames) * (n_frames // n)
