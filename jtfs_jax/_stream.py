"""Transforms of signals that arrive block by block."""

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
    """Transform signals that arrive block by block, as from a microphone or a long file.

    The results, joined along their last axis, equal the result of `segmented` for the whole signal.
    A frame is returned once its context has arrived, 8·max(T, 2·2**J) samples later, together with
    all other frames since the last result: its delay is the length of that context plus up to
    `every` samples. Each result takes one transform of `bank.n_padded` samples, however few frames
    it has.

    Args:
        bank: Filters from `filterbank` for segments, as in `segmented`.
        blocks: Real samples `(*batch, block)`, any number at a time, until the signal ends.
        transform: `jtfs`, `time_scattering` or `scalogram`.
        every: Samples between results, rounded up to a multiple of the decimation of the longest
            filter. None means as many as fit, which takes the least work. If T="global", there is
            one result, at the end, and `every` must be None.

    Yields:
        Results of the transform, with the next frames on the last axis of each array. `frame_times`
        of the whole signal gives their times.

    Raises:
        ValueError: Before the first block is read, if `bank` or `transform` cannot be used, or if
            pad_mode="periodic", which needs the end of the signal at its beginning. While
            iterating, if blocks are not real, differ in their batch axes, or have fewer than 2
            samples in total.

    Example:
        >>> import numpy as np
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(None, J=5, Q=4, J_fr=2)
        >>> blocks = np.ones((20, 1024), np.float32)
        >>> [S.S1.shape for S in jtfs_jax.stream(bank, blocks)]
        [(18, 224), (18, 224), (18, 192)]

    See Also:
        segmented: the same for complete signals.
    """
    kind, cut = kind_of(transform), segments(bank)
    arguments = kind.arguments(bank)
    if bank.pad_mode == "periodic":
        raise ValueError(
            'bank must not have pad_mode="periodic", for which the end of a signal precedes its '
            "beginning; use another pad_mode, or jtfs_jax.segmented on the complete signal."
        )
    return _results(_Stream(kind, cut, arguments, _advance(kind, cut, every)), blocks)


def _advance(kind: Kind, cut: Segments, every: int | None) -> int:
    """Return the number of samples between results."""
    if every is None:
        return cut.hop
    wanted = _checks.positive_integer("every", every)
    if kind.is_mean(cut.bank):
        raise ValueError(f'every must be None if T="global", got {wanted}; remove it.')
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
    """Samples that are still needed, and the progress of the transform."""

    def __init__(self, kind: Kind, cut: Segments, arguments: tuple, step: int):
        self._kind, self._cut, self._arguments, self._step = kind, cut, arguments, step
        self._blocks: list[Shaped[np.ndarray, "*batch time"]] = []
        self._origin = 0  # first sample that is kept
        self._n_samples = 0  # so far
        self._start = 0  # first sample whose frame has not been returned
        self._sum: PyTree[np.ndarray] = None  # for means
        self._sum_of_samples: Any = 0.0

    def append(self, block: Shaped[np.ndarray, "*batch block"]) -> None:
        """Add samples."""
        if self._blocks and block.shape[:-1] != self._blocks[0].shape[:-1]:
            raise ValueError(
                f"blocks must all have the same batch axes, got one of shape {block.shape} after "
                f"others with batch axes {self._blocks[0].shape[:-1]}."
            )
        self._blocks.append(block)
        self._n_samples += block.shape[-1]
        self._sum_of_samples += block.sum(-1, keepdims=True, dtype=float)

    def is_due(self) -> bool:
        """Return whether samples have arrived beyond the context of the next result."""
        return self._n_samples > self._start + self._step + self._cut.context

    def is_over(self) -> bool:
        """Return whether the signal has no more frames if it ends here."""
        if self._n_samples < 2:
            raise ValueError(
                f"blocks must have at least 2 samples in total, got {self._n_samples}; reflection "
                f"padding needs 2 samples."
            )
        return self._start >= self._n_samples

    def advance(self) -> Iterator[Any]:
        """Yield the next result, unless it only contributes to the mean over the signal."""
        held = np.concatenate(self._blocks, axis=-1)
        rows = held.reshape(-1, held.shape[-1])
        # The hop ends with the frames that are due; the frames before these are not used.
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
        """Yield the mean over the whole signal, if that is the result."""
        if self._sum is None:
            return
        dtype = self._cut.bank.dtype
        means = jax.tree.map(lambda leaf: (leaf / self._n_samples).astype(dtype), self._sum)
        of_signal = self._sum_of_samples[..., 0] / self._n_samples
        found = from_means(self._kind, self._cut, means, of_signal, self._arguments)
        yield jax.device_put(found)
