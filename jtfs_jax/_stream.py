"""Transforms of signals that come block by block."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, PyTree, Shaped

from . import _checks
from ._filterbank import FilterBank
from ._jtfs import jtfs
from ._segments import Kind, Segments, Stretch, from_means, kind_of, segments, transformed


def stream(
    bank: FilterBank,
    blocks: Iterable[Shaped[np.ndarray, "*batch block"]],
    *,
    transform: Callable[..., Any] = jtfs,
    every: int | None = None,
) -> Iterator[Any]:
    """A transform of signals that come block by block, as from a microphone or a long file.

    The results, joined along their last axis, are those of `segmented` for the whole signal. A
    frame comes once its context has come, 8·max(T, 2·2**J) samples later, together with all frames
    since the last result: it is late by that context and by up to `every` samples more. Each result
    takes one transform of `bank.n_padded` samples, however few frames are in it.

    Args:
        bank: Filters from `filterbank`, for segments: see `segmented`.
        blocks: Real samples `(*batch, block)`, any number at a time, until the signal ends.
        transform: `jtfs`, `time_scattering` or `scalogram`.
        every: Samples between results, rounded up to a multiple of the decimation of the longest
            filter; None: as many as fit, which takes the least work. For T="global" there is one
            result, at the end, and `every` must be None.

    Yields:
        What the transform returns: arrays whose last axis has the next frames. `frame_times` of
        the whole signal has their times.

    Raises:
        ValueError: Before the first block is asked for, if `bank` or `transform` cannot be used, or
            for pad_mode="periodic", as the signal's end would be needed at its beginning. While
            iterating, if blocks are not real or differ in their batch, or have no 2 samples in all.

    Example:
        >>> import numpy as np
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(None, J=5, Q=4, J_fr=2)
        >>> blocks = np.ones((20, 1024), np.float32)
        >>> [S.S1.shape for S in jtfs_jax.stream(bank, blocks)]
        [(18, 224), (18, 224), (18, 192)]

    See Also:
        segmented: the same for signals that are there.
    """
    kind, cut = kind_of(transform), segments(bank)
    arguments = kind.arguments(bank)
    if bank.pad_mode == "periodic":
        raise ValueError(
            'bank must not have pad_mode="periodic", for which the end of a signal precedes its '
            "beginning; take another pad_mode, or jtfs_jax.segmented once the signal is there."
        )
    return _results(_Stream(kind, cut, arguments, _advance(kind, cut, every)), blocks)


def _advance(kind: Kind, cut: Segments, every: int | None) -> int:
    """Samples between results."""
    if every is None:
        return cut.hop
    wanted = _checks.positive_integer("every", every)
    if kind.is_mean(cut.bank):
        raise ValueError(f'every must be None where T="global", got {wanted}; remove it.')
    if wanted > cut.hop:
        raise ValueError(
            f"every must be at most {cut.hop}, the samples of a segment without its context, got "
            f"{wanted}; lower it, or use a filterbank for longer segments."
        )
    return -(-wanted // cut.grid) * cut.grid


def _results(state: "_Stream", blocks: Iterable[Any]) -> Iterator[Any]:
    for block in blocks:
        state.append(_checks.block(block))
        while state.is_due():
            yield from state.advance()
    while not state.is_over():
        yield from state.advance()
    yield from state.mean()


class _Stream:
    """Samples that are needed still, and how far the transform has come."""

    def __init__(self, kind: Kind, cut: Segments, arguments: tuple, step: int):
        self._kind, self._cut, self._arguments, self._step = kind, cut, arguments, step
        self._blocks: list[Shaped[np.ndarray, "*batch time"]] = []
        self._origin = 0  # the first sample that is held
        self._n_samples = 0  # so far
        self._start = 0  # the first sample whose frame has not been returned
        self._sum: PyTree[np.ndarray] = None  # for means
        self._sum_of_samples: Any = 0.0

    def append(self, block: Shaped[np.ndarray, "*batch block"]) -> None:
        """Take more samples."""
        if self._blocks and block.shape[:-1] != self._blocks[0].shape[:-1]:
            raise ValueError(
                f"blocks must all have the same batch, got one of shape {block.shape} after those "
                f"of batch {self._blocks[0].shape[:-1]}."
            )
        self._blocks.append(block)
        self._n_samples += block.shape[-1]
        self._sum_of_samples += block.sum(-1, keepdims=True, dtype=float)

    def is_due(self) -> bool:
        """Whether the context of the next result is there, and more of the signal may come."""
        return self._n_samples > self._start + self._step + self._cut.context

    def is_over(self) -> bool:
        """Whether the signal, if it ends here, has no more frames."""
        if self._n_samples < 2:
            raise ValueError(
                f"blocks must have at least 2 samples in all, to leave something to reflect, got "
                f"{self._n_samples}."
            )
        return self._start >= self._n_samples

    def advance(self) -> Iterator[Any]:
        """The next result, unless all of them are averaged."""
        held = np.concatenate(self._blocks, axis=-1)
        rows = held.reshape(-1, held.shape[-1])
        # The hop ends with the frames that are due: what precedes these matters no more.
        first = self._start + self._step - self._cut.hop
        stretches = [Stretch(row, self._n_samples, self._origin) for row in rows]
        windows = (self._cut.cut(stretch, first) for stretch in stretches)
        of_rows = transformed(self._kind, self._cut, windows, self._arguments)
        n_due = min(self._step, self._n_samples - self._start)
        batch = held.shape[:-1]
        self._start += self._step
        unused = max(self._start - self._cut.context - self._origin, 0)
        self._origin += unused
        self._blocks = [held[..., unused:].copy()]
        found = jax.tree.map(lambda *rows: np.stack(rows).reshape(*batch, *rows[0].shape), *of_rows)
        if self._kind.is_mean(self._cut.bank):
            parts = jax.tree.map(lambda leaf: leaf * float(n_due), found)
            before = self._sum
            self._sum = parts if before is None else jax.tree.map(np.add, before, parts)
            return
        yield jax.tree.map(lambda leaf: self._frames(leaf, n_due), found)

    def _frames(self, leaf: np.ndarray, n_due: int) -> Array:
        skipped = self._cut.n_frames(self._cut.hop - self._step, leaf.shape[-1])
        n_frames = self._cut.n_frames(n_due, leaf.shape[-1])
        return jax.device_put(leaf[..., skipped : skipped + n_frames])

    def mean(self) -> Iterator[Any]:
        """The mean over the whole signal, if that is the result."""
        if self._sum is None:
            return
        dtype = self._cut.bank.dtype
        means = jax.tree.map(lambda leaf: (leaf / self._n_samples).astype(dtype), self._sum)
        of_signal = self._sum_of_samples[..., 0] / self._n_samples
        found = from_means(self._kind, self._cut, means, of_signal, self._arguments)
        yield jax.device_put(found)
