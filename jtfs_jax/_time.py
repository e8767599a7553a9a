"""Everything along time: wavelet transforms, and averages over blocks that fit the cache."""

import math
from collections.abc import Callable
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from . import _fft, _grid
from ._fourier import bins, n_phases, of_rank, scale, synthesis
from ._nodes import exportable
from ._wavelets import NEGLIGIBLE, low_pass_reach

BLOCK = 2048  # samples of U2, of one slice n2, that the cache of a CPU holds
_WIDE = 2**17  # samples of U2 that are computed side by side elsewhere
_MIN_CHUNK = 32  # samples that are averaged by one product, at least,
_CHUNK_FRAMES = 32  # or as many as there are between this number of frames


@exportable
class OwnGrids(eqx.Module):
    """Which samples and bins of a band are those of each wavelet, where resolutions differ.

    Multiplication by the comb makes a spectrum that of the samples which a wavelet keeps.
    """

    comb: Float[Array, "phase wavelet sample"]  # 2**d at one in 2**d samples, 0 between them
    bins: Float[Array, "wavelet bin"]  # 1 up to the Nyquist frequency of these samples, 0 above


@exportable
class WaveletBand(eqx.Module):
    """Wavelets that are computed together: transfer functions on the bins that any of them passes.

    Only the modulus of their outputs is ever used, so that bands are moved to zero frequency
    rather than put in place: the outputs are off by a phase that all `psi_hat` share.
    """

    psi_hat: Float[Array, "wavelet bin"]
    own: OwnGrids | None  # None: all have the resolution of the band
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


def wavelet_transform(
    half: Complex[Array, "*batch bin"],
    band: WaveletBand,
    n: int,
    log2_stride: int,
    twiddle: Float[Array, "2 p k"],
) -> Complex[Array, "*batch phase wavelet sample"]:
    """Convolutions, at one in 2**log2_stride of `n` samples, up to a phase that all rows share."""
    n_wavelets, width = band.psi_hat.shape
    passed = bins(half, n, band.start, band.start + width)[..., None, :]
    passed = repeat_rows(passed, n_wavelets)
    return synthesis(scale(passed, band.psi_hat * 2.0**-log2_stride), n >> log2_stride, twiddle)


@exportable
class TimeAverage(eqx.Module):
    """φ_T and subsampling of signals at one resolution, as products of blocks with weights.

    A block is a stretch of one phase (see `_fourier`). A product gives what it adds to the frames:
    to every frame, or, where φ_T is short, to the frames near it, in chunks that all have the
    same weights.
    """

    weights: Float[Array, "phase_block sample frame"] | Float[Array, "phase sample frame"]
    block: int = eqx.field(static=True)  # samples in a block
    first: int = eqx.field(static=True)  # index in a phase of the first block that reaches a frame
    n_blocks: int = eqx.field(static=True)  # of a phase
    hop: int | None = eqx.field(static=True)  # frames in a chunk; None: blocks add to all
    period: int = eqx.field(static=True)  # frames in the padded signal
    kept: tuple[int, int] = eqx.field(static=True)  # start and stop of the frames that are kept

    def whole(self, u: Float[Array, "*batch phase row sample"]) -> Float[Array, "*batch row frame"]:
        """Average of signals that exist whole, where the blocks add to every frame."""
        start, length = self.first * self.block, self.n_blocks * self.block
        weights = self.weights.reshape(-1, length, self.weights.shape[-1])
        return product(u[..., start : start + length], of_rank(weights, u.ndim)).sum(-3)

    def of_block(
        self, u: Float[Array, "*batch row sample"], index: Array
    ) -> Float[Array, "*batch row part"]:
        """What one block, of all those of all phases, adds to the frames."""
        if self.hop is None:
            return product(u, self.weights[index])
        _, chunk, reach = self.weights.shape
        parts = u.reshape(*u.shape[:-1], self.block // chunk, chunk)
        parts = product(parts, self.weights[index // self.n_blocks])
        parts = overlap_add(parts.reshape(*parts.shape[:-1], reach // self.hop, self.hop))
        return parts.reshape(*u.shape[:-1], parts.shape[-2] * parts.shape[-1])

    def total(
        self, parts: Float[Array, "*batch phase_block row part"]
    ) -> Float[Array, "*batch row frame"]:
        """Sum over the blocks, at the frames that are kept."""
        if self.hop is None:
            return parts.sum(-3)
        _, chunk, reach = self.weights.shape
        hop = self.block // chunk * self.hop  # frames from a block to the next
        *batch, _, n_rows, n_parts = parts.shape
        parts = parts.reshape(*batch, -1, self.n_blocks, n_rows, n_parts).sum(-4)
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


@exportable
class MeanByRow(eqx.Module):
    """Weighted sums of samples, with weights of their own for each row."""

    weights: Float[Array, "phase row sample"]

    def whole(self, u: Float[Array, "*batch phase row sample"]) -> Float[Array, "*batch row 1"]:
        """Sums of signals that exist whole."""
        return (u * of_rank(self.weights, u.ndim)).sum((-3, -1))[..., None]


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


def repeat_rows(a: Array, n_rows: int) -> Array:
    """The one row of `a` several times, by a product, whose derivative is faster than a sum's."""
    if n_rows == 1:
        return a
    ones = jnp.ones((n_rows, 1), a.real.dtype)
    return jax.lax.complex(product(ones, a.real), product(ones, a.imag))


def local_average(
    phi: np.ndarray, width: float, stride: int, kept: range, log2_stride: int
) -> TimeAverage:
    """φ_T of a given width at some multiples of `stride`, for signals at one in 2**log2_stride."""
    n_padded = len(phi)
    phases = n_phases(n_padded >> log2_stride)
    phase = np.arange(phases)[:, None, None] << log2_stride
    step = phases << log2_stride  # between samples of a phase
    length = n_padded // step
    chunk = min(max(_CHUNK_FRAMES * stride // step, _MIN_CHUNK), length)
    chunk = max(min(chunk, BLOCK), stride // step)
    hop = chunk * step // stride
    n_near = 2 * math.ceil(low_pass_reach(width) / (chunk * step)) + 1
    phi = phi * 2**log2_stride
    if len(kept) <= n_near * hop or n_near * chunk >= length:
        frame = np.array(kept) * stride
        return _full_average(phi[(frame - phase - np.arange(length)[:, None] * step) % n_padded])
    frame = (np.arange(n_near * hop) - n_near // 2 * hop) * stride
    block = max(min(BLOCK, length), chunk)
    margin = math.ceil(low_pass_reach(width) / step) + 1
    first = max(kept[0] * stride // step - margin, 0) // block
    last = min(-(-(kept[-1] * stride // step + margin + 1) // block), length // block)
    return TimeAverage(
        weights=leaf(phi[(frame - phase - np.arange(chunk)[:, None] * step) % n_padded]),
        block=block,
        first=first,
        n_blocks=last - first,
        hop=hop,
        period=n_padded // stride,
        kept=(kept.start, kept.stop),
    )


def global_average(n_samples: int, n_padded: int, log2_stride: int) -> TimeAverage:
    """Mean over the samples of the signal, for signals at one in 2**log2_stride samples."""
    weights = _grid.mean_weights(n_samples, n_padded, log2_stride)
    return _full_average(weights.reshape(-1, n_phases(len(weights)), 1).swapaxes(0, 1))


def _full_average(weights: np.ndarray) -> TimeAverage:
    """Average with weights of every sample, `(phase, sample, frame)`."""
    phases, length, n_frames = weights.shape
    block = min(BLOCK, length)
    blocks = weights.reshape(phases, -1, block, n_frames)
    used = np.flatnonzero(blocks.max((0, 2, 3)) > NEGLIGIBLE * weights.max())
    first, last = int(used[0]), int(used[-1]) + 1
    return TimeAverage(
        weights=leaf(blocks[:, first:last].reshape(-1, block, n_frames)),
        block=block,
        first=first,
        n_blocks=last - first,
        hop=None,
        period=n_frames,
        kept=(0, n_frames),
    )


def average_in_blocks(
    average: TimeAverage,
    y: Complex[Array, "*batch n2 phase n1 sample"],
    nonlinearity: Callable[[Complex[Array, "*batch n1 sample"]], Float[Array, "*batch row sample"]],
) -> Float[Array, "*batch n2 row frame"]:
    """φ_T ⋆ nonlinearity(y) at the frames; what the nonlinearity returns never exists whole."""
    *batch, n2, phases, n1, _ = y.shape
    # Devices that share a batch take the same block of each signal; a single one takes signals in
    # turn, so that its blocks are small.
    abreast = batch if _fft.is_spread(y) else []
    in_turn = math.prod(batch[len(abreast) :]) * n2
    n_blocks, start = average.n_blocks, average.first * average.block
    n_steps = in_turn * phases * n_blocks
    y = y[..., start : start + n_blocks * average.block]
    y = y.reshape(*abreast, in_turn, phases, n1, n_blocks, average.block)
    blocks = jnp.moveaxis(y, -2, -3).reshape(*abreast, n_steps, n1, average.block)
    blocks = jnp.moveaxis(blocks, -3, 0)
    index = jnp.broadcast_to(jnp.arange(phases * n_blocks), (in_turn, phases * n_blocks)).ravel()

    def step(block, index):
        return average.of_block(nonlinearity(block), index)

    if n_steps == 1:
        # Nothing to save by computing it again in the backward pass.
        parts = step(blocks[0], index[0])[None]
    else:
        parts = jax.lax.map(
            lambda args: jax.checkpoint(step)(*args),
            (blocks, index),
            batch_size=_blocks_at_once(n_steps, average.block * math.prod(abreast)),
        )
    parts = jnp.moveaxis(parts, 0, -3)
    return average.total(parts.reshape(*batch, n2, phases * n_blocks, *parts.shape[-2:]))


def _blocks_at_once(n_blocks: int, n_samples: int) -> int | None:
    """How many blocks are computed side by side, a divisor of their number; None: one by one."""
    if jax.default_backend() == "cpu":
        return None
    wanted = max(_WIDE // n_samples, 1)
    return max(count for count in range(1, wanted + 1) if n_blocks % count == 0)


def refine(
    s: Float[Array, "*batch row frame"], n_frames: int
) -> Float[Array, "*batch row n_frames"]:
    """Trigonometric interpolation of periodic signals to more frames."""
    factor = n_frames // s.shape[-1]
    return _fft.irfft(_fft.rfft(s), n_frames) * factor
