"""Everything along time: spectra, wavelet transforms, averages over blocks that fit the cache."""

import math
from collections.abc import Callable
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from . import _grid
from ._wavelets import NEGLIGIBLE, low_pass_reach

BLOCK = 2048  # samples of U2, of one slice n2, that are computed at a time
_MIN_CHUNK = 32  # samples that are averaged by one product, at least


class WaveletBand(eqx.Module):
    """Wavelets of one resolution: transfer functions on the bins that at least one of them passes.

    Only the modulus of their outputs is ever used, so that bands are moved to zero frequency
    rather than put in place: the outputs are off by a phase that all `psi_hat` share.
    """

    psi_hat: Float[Array, "wavelet bin"]
    first: int = eqx.field(static=True)  # index of the first wavelet
    start: int = eqx.field(static=True)  # first bin, negative if below zero frequency
    log2_stride: int = eqx.field(static=True)
    j: int = eqx.field(static=True)

    @property
    def stop(self) -> int:
        """Index after that of the last wavelet."""
        return self.first + self.psi_hat.shape[0]


def leaf(table: np.ndarray) -> Array:
    """A table as the array that it will be: `filterbank` casts all of them, once."""
    return cast(Array, table)


def bins(half: Complex[Array, "*batch bin"], n: int, start: int, stop: int) -> Array:
    """Bins [start, stop), of `n` a cycle, of real signals given by the half of their spectrum."""
    parts = [half[..., max(start, 0) : min(stop, n // 2 + 1)]]
    if start < 0:
        parts.insert(0, jnp.conj(half[..., max(1 - stop, 1) : 1 - start][..., ::-1]))
    if stop > n // 2 + 1:
        parts.append(jnp.conj(half[..., n - stop + 1 : n // 2 + n % 2][..., ::-1]))
    return jnp.concatenate(parts, axis=-1)


def scale(z: Complex[Array, "..."], factor: Float[Array, "..."]) -> Complex[Array, "..."]:
    """Product of complex by real numbers, without promotion of the latter."""
    factor = jnp.expand_dims(factor, range(z.ndim - factor.ndim))
    return jax.lax.complex(z.real * factor, z.imag * factor)


def wavelet_transform(
    half: Complex[Array, "*batch bin"], band: WaveletBand, n: int, log2_stride: int
) -> Complex[Array, "*batch wavelet time"]:
    """Convolutions, at one in 2**log2_stride of `n` samples, up to a phase that all rows share."""
    width = band.psi_hat.shape[-1]
    passed = bins(half, n, band.start, band.start + width)[..., None, :]
    return jnp.fft.ifft(scale(passed, band.psi_hat * 2.0**-log2_stride), n >> log2_stride)


class TimeAverage(eqx.Module):
    """φ_T and subsampling of signals at one resolution, as products of blocks with weights.

    A product gives what a block adds to the frames: to every frame, or, where φ_T is short, to
    the frames near the block, in chunks that all have the same weights.
    """

    weights: Float[Array, "block sample frame"]
    block: int = eqx.field(static=True)  # samples in a block
    first: int = eqx.field(static=True)  # index of the first block that reaches a frame
    n_blocks: int = eqx.field(static=True)
    hop: int | None = eqx.field(static=True)  # frames in a chunk; None: blocks add to all
    period: int = eqx.field(static=True)  # frames in the padded signal
    kept: tuple[int, int] = eqx.field(static=True)  # start and stop of the frames that are kept

    def whole(self, u: Float[Array, "*batch row time"]) -> Float[Array, "*batch row frame"]:
        """Average of signals that exist whole, where the blocks add to every frame."""
        start = self.first * self.block
        weights = self.weights.reshape(-1, self.weights.shape[-1])
        return product(u[..., start : start + len(weights)], weights)

    def of_block(self, u: Float[Array, "row sample"], index: Array) -> Float[Array, "row part"]:
        """What one block adds to the frames."""
        if self.hop is None:
            return product(u, self.weights[index])
        _, chunk, reach = self.weights.shape
        parts = product(u.reshape(len(u), self.block // chunk, chunk), self.weights[0])
        parts = overlap_add(parts.reshape(*parts.shape[:2], reach // self.hop, self.hop))
        return parts.reshape(len(u), -1)

    def total(
        self, parts: Float[Array, "*batch block row part"]
    ) -> Float[Array, "*batch row frame"]:
        """Sum over the blocks, at the frames that are kept."""
        if self.hop is None:
            return parts.sum(-3)
        _, chunk, reach = self.weights.shape
        hop = self.block // chunk * self.hop  # frames from a block to the next
        parts = jnp.moveaxis(parts, -3, -2)
        n_overlaps = -(-parts.shape[-1] // hop)
        parts = _pad_last(parts, 0, n_overlaps * hop - parts.shape[-1])
        parts = overlap_add(parts.reshape(*parts.shape[:-1], n_overlaps, hop))
        frames = parts.reshape(*parts.shape[:-2], parts.shape[-2] * hop)
        # The first chunk reaches back by almost half of its frames; time is periodic.
        start = (self.first * hop - reach // self.hop // 2 * self.hop) % self.period
        n_periods = -(-(start + frames.shape[-1]) // self.period)
        frames = _pad_last(frames, start, n_periods * self.period - start - frames.shape[-1])
        frames = frames.reshape(*frames.shape[:-1], n_periods, self.period).sum(-2)
        return frames[..., slice(*self.kept)]


def overlap_add(
    parts: Float[Array, "*batch chunk overlap hop"],
) -> Float[Array, "*batch chunks_and_overlaps hop"]:
    """Sums of what is meant for the same place: part d of chunk c for place c + d."""
    n_overlaps = parts.shape[-2]
    placed = [
        jnp.pad(parts[..., d, :], [(0, 0)] * (parts.ndim - 3) + [(d, n_overlaps - 1 - d), (0, 0)])
        for d in range(n_overlaps)
    ]
    return sum(placed[1:], placed[0])


def _pad_last(a: Array, before: int, after: int) -> Array:
    return jnp.pad(a, [(0, 0)] * (a.ndim - 1) + [(before, after)])


def product(a: Array, b: Array) -> Array:
    """Matrix product in full precision on every platform."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def local_average(
    phi: np.ndarray, width: float, stride: int, kept: range, log2_stride: int
) -> TimeAverage:
    """φ_T of a given width at some multiples of `stride`, for signals at one in 2**log2_stride."""
    n_padded, step = len(phi), 2**log2_stride
    n = n_padded >> log2_stride
    chunk = min(max(stride // step, _MIN_CHUNK), n)
    hop = chunk * step // stride
    n_near = 2 * math.ceil(low_pass_reach(width) / (chunk * step)) + 1
    phi = phi * step
    if len(kept) <= n_near * hop or n_near * chunk >= n:
        frame = np.array(kept) * stride
        weights = phi[(frame - np.arange(n)[:, None] * step) % n_padded]
        return _full_average(weights)
    frame = (np.arange(n_near * hop) - n_near // 2 * hop) * stride
    weights = phi[(frame - np.arange(chunk)[:, None] * step) % n_padded]
    block = max(min(BLOCK, n), chunk)
    margin = math.ceil(low_pass_reach(width) / step)
    first = max(kept[0] * stride // step - margin, 0) // block
    last = min(-(-(kept[-1] * stride // step + margin + 1) // block), n // block)
    return TimeAverage(
        weights=leaf(weights[None]),
        block=block,
        first=first,
        n_blocks=last - first,
        hop=hop,
        period=n_padded // stride,
        kept=(kept.start, kept.stop),
    )


def global_average(n_samples: int, n_padded: int, log2_stride: int) -> TimeAverage:
    """Mean over the samples of the signal, for signals at one in 2**log2_stride samples."""
    n = n_padded >> log2_stride
    positions = (np.arange(n) << log2_stride) - _grid.pad_left(n_samples, n_padded)
    weights = _grid.cell_overlaps(positions, 1 << log2_stride, n_samples)
    return _full_average(weights[:, None])


def _full_average(weights: np.ndarray) -> TimeAverage:
    n, n_frames = weights.shape
    block = min(BLOCK, n)
    blocks = weights.reshape(-1, block, n_frames)
    used = np.flatnonzero(blocks.max((1, 2)) > NEGLIGIBLE * weights.max())
    first, last = int(used[0]), int(used[-1]) + 1
    return TimeAverage(
        weights=leaf(blocks[first:last]),
        block=block,
        first=first,
        n_blocks=last - first,
        hop=None,
        period=n_frames,
        kept=(0, n_frames),
    )


def average_in_blocks(
    average: TimeAverage,
    y: Complex[Array, "*batch n1 time"],
    nonlinearity: Callable[[Complex[Array, "n1 sample"]], Float[Array, "row sample"]],
) -> Float[Array, "*batch row frame"]:
    """φ_T ⋆ nonlinearity(y) at the frames; what the nonlinearity returns never exists whole."""
    *batch, n_rows, _ = y.shape
    start = average.first * average.block
    y = y[..., start : start + average.n_blocks * average.block]
    y = jnp.moveaxis(y.reshape(*batch, n_rows, average.n_blocks, average.block), -2, -3)
    steps = y.shape[:-2]
    index = jnp.broadcast_to(jnp.arange(average.n_blocks), steps)

    @jax.checkpoint
    def step(block, index):
        return average.of_block(nonlinearity(block), index)

    parts = jax.lax.map(
        lambda args: step(*args), (y.reshape(math.prod(steps), *y.shape[-2:]), index.ravel())
    )
    return average.total(parts.reshape(*steps, *parts.shape[1:]))


def refine(s: Float[Array, "*batch frame"], n_frames: int) -> Float[Array, "*batch n_frames"]:
    """Trigonometric interpolation of periodic signals to more frames."""
    factor = n_frames // s.shape[-1]
    return jnp.fft.irfft(jnp.fft.rfft(s), n_frames) * factor
