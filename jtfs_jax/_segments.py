"""Signals of any length as windows of one length, which one compiled program transforms.

    a window      |<- context ->|<-------------- hop -------------->|<- context ->|
    the next one                                      |<- context ->|<-------------- hop ---- …

A window is as long as a padded signal of the filterbank. In place of padding, it has the signal
itself, or its continuation beyond an end. Frames within the hop do not depend on samples beyond the
context. Windows start at multiples of all decimations, so that frames are at the multiples of the
stride, starting at the first sample.
"""

import dataclasses
import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

from . import _checks, _sampling
from ._design import Design, averages, of_first, with_averages, with_signs
from ._filterbank import FilterBank, as_arrays
from ._first_order import scalogram, scalogram_of_padded
from ._jtfs import jtfs, jtfs_of_padded, with_paths_of_mean
from ._jtfs_path import (
    jtfs_path,
    path_and_low_pass,
    path_index,
    path_of_mean,
    path_of_padded,
    require_averages,
)
from ._learned import averages_of
from ._level import of_any_level
from ._paths import require_joint
from ._time_scattering import time_scattering, time_scattering_of_padded


class Window(NamedTuple):
    """Samples of a signal with context, and what a transform must know about their position."""

    samples: Float[Array, "*batch n_padded"]
    length: Int[Array, "*batch"]  # samples of the signal within the hop
    backward: Bool[Array, "*batch n_padded"] | None  # reflected samples, if they matter


class Segments(eqx.Module):
    """Division of signals into windows, for a filterbank.

    Attributes:
        bank: Filters for the hop, with context in place of padding.
        design: Design of `bank`.
        context: Samples of context on each side.
        hop: Samples between windows.
        grid: Windows may start at multiples of this number of samples.
    """

    bank: FilterBank
    design: Design = eqx.field(static=True)
    context: int = eqx.field(static=True)
    hop: int = eqx.field(static=True)
    grid: int = eqx.field(static=True)

    def n_frames(self, n_samples: int, of_hop: int) -> int:
        """Return the number of frames of a signal, given the number in a hop."""
        return -(-n_samples * of_hop // self.hop)

    def window(self, start: Any, n_samples: int, samples: Any, positions: Any) -> Window:
        """Return a window whose hop begins at sample `start` of a signal of `n_samples`."""
        conjugates = self.bank.pad_mode == "conj-reflect" and self.bank.T not in ("global", 0)
        return Window(
            samples=samples,
            length=_smaller(self.hop, n_samples - start),
            backward=_sampling.is_backward(positions, n_samples) if conjugates else None,
        )

    def cut(self, stretch: "Stretch", start: int) -> Window:
        """Return the window whose hop begins at sample `start`, from a stretch of the signal."""
        positions = start - self.context + np.arange(self.bank.n_padded)
        source = _sampling.source(positions, stretch.n_samples, self.bank.pad_mode)
        first, last = int(source[0]), int(source[-1])
        place = source - stretch.origin
        if place[0] >= 0 and place[-1] < len(stretch.samples) and last - first == len(source) - 1:
            samples = stretch.samples[place[0] : place[-1] + 1]
        else:
            place = np.clip(place, 0, len(stretch.samples) - 1)
            samples = np.where(source < 0, 0, stretch.samples[place])
        samples = samples.astype(self.bank.dtype)
        return self.window(start, stretch.n_samples, samples, positions)


class Stretch(NamedTuple):
    """Samples of a signal, and the range of its frames that are wanted.

    Attributes:
        samples: Samples from `origin` on: all that are wanted, with their context.
        n_samples: Length of the whole signal.
        origin: Index in the signal of the first of `samples`.
        first: First sample whose frame is wanted, a multiple of the grid of `Segments`.
        stop: Sample after the last whose frame is wanted. None means the end of the signal.
    """

    samples: Shaped[np.ndarray, " time"]
    n_samples: int
    origin: int = 0
    first: int = 0
    stop: int | None = None

    @property
    def wanted(self) -> int:
        """Number of samples whose frames are wanted."""
        return (self.n_samples if self.stop is None else self.stop) - self.first


def _smaller(a: int, b: Any) -> Any:
    return jnp.minimum(a, b) if _checks.is_traced(b) else np.int32(min(a, b))


def segments(bank: FilterBank) -> Segments:
    """Return the division of signals into windows for `bank`.

    Raises:
        ValueError: If `bank` is for signals so short that windows have no samples besides their
            context.
    """
    grid, context = _sampling.context(bank.T, max(bank.J))
    hop = bank.n_padded - 2 * context
    if hop <= 0:
        raise ValueError(
            f"bank must transform more than {2 * context} samples at a time to cut signals into "
            f"segments, as its filters reach {context} to each side, got n_samples="
            f"{bank.n_samples}, for which it transforms {bank.n_padded}; pass "
            f"n_samples=None to filterbank, which chooses a length, or a larger number."
        )
    design = dataclasses.replace(bank.design, n_samples=hop)
    shapes = tuple(leaf.shape for leaf in jax.tree.leaves(bank))
    of_second, means = _averages(jax.tree.structure(bank), shapes, bank.dtype, design)
    if bank.parameters is not None and bank.parameters.T is not None:
        of_second = averages_of(design, bank.tables, bank.parameters.T)
    tables = with_averages(bank.tables, of_second, means)
    bank = dataclasses.replace(bank, n_samples=hop, tables=tables)
    return Segments(bank, design, context, hop, grid)


@functools.lru_cache(maxsize=8)
def _averages(structure: Any, shapes: tuple[tuple[int, ...], ...], dtype: Any, design: Design):
    """Build the averages for windows, cached for a few filterbanks because this takes time."""
    leaves = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    bank = jax.tree.unflatten(structure, leaves)
    return as_arrays(averages(bank.tables, design), dtype)


class Kind(NamedTuple):
    """Properties of a transform that segments need."""

    of_padded: Callable[..., Any]
    arguments: Callable[..., tuple]  # checks arguments, and returns them as `of_padded` takes them
    averages: bool = True  # whether the transform averages over time
    # For T="global": `of_part` returns means over one window, `of_mean` the result from the means
    # over the whole signal.
    of_part: Callable[..., Any] | None = None
    of_mean: Callable[..., Any] | None = None

    def is_mean(self, bank: FilterBank) -> bool:
        """Return whether results have a single frame, the mean over the whole signal."""
        return self.averages and bank.T == "global"


def _none(_: FilterBank) -> tuple:
    return ()


def _none_of_joint(bank: FilterBank) -> tuple:
    require_joint(bank)
    return ()


def _index(bank: FilterBank, index: Any) -> tuple:
    require_averages(bank)
    return (path_index(bank, index),)


_KINDS: dict[Callable[..., Any], Kind] = {
    jtfs: Kind(jtfs_of_padded, _none_of_joint, of_mean=with_paths_of_mean),
    time_scattering: Kind(time_scattering_of_padded, _none),
    scalogram: Kind(scalogram_of_padded, _none, averages=False),
    jtfs_path: Kind(path_of_padded, _index, of_part=path_and_low_pass, of_mean=path_of_mean),
}


def kind_of(transform: Any) -> Kind:
    """Return the properties of a transform that segments need."""
    for known, kind in _KINDS.items():
        if transform is known:
            return kind
    names = ", ".join(known.__name__ for known in _KINDS)
    raise ValueError(
        f"transform must be one of {names} of jtfs_jax, got {_checks.shown(transform)}; apply "
        f"other functions to their results."
    )


def of_window(kind: Kind, cut: Segments, window: Window, arguments: tuple) -> PyTree[Array]:
    """Transform one window, and return its frames within the hop."""
    tables, transform = cut.bank.tables, kind.of_padded
    if kind.is_mean(cut.bank):
        tables = of_first(tables, cut.design, window.length.astype(cut.bank.dtype))
        transform = kind.of_part or transform
    if window.backward is not None:
        tables = with_signs(tables, window.backward)
    bank = dataclasses.replace(cut.bank, tables=tables)
    found = of_any_level(transform, window.samples[None], bank, *arguments)
    return jax.tree.map(lambda leaf: leaf[0], found)


@functools.partial(jax.jit, static_argnums=0)
def of_windows(kind: Kind, cut: Segments, windows: Window, arguments: tuple) -> PyTree[Array]:
    """Transform several windows."""
    return jax.vmap(lambda window: of_window(kind, cut, window, arguments))(windows)


def from_means(
    kind: Kind, cut: Segments, means: PyTree[Array], of_signal: Float[Array, "*batch"], arguments
) -> PyTree[Array]:
    """Return the result for T="global" from whole-signal means of coefficients and samples."""
    if hasattr(means, "S0"):
        means = dataclasses.replace(means, S0=of_signal[..., None].astype(cut.bank.dtype))
    if kind.of_mean is None:
        return means
    return _of_mean(kind, cut.bank, means, arguments)


@functools.partial(jax.jit, static_argnums=0)
def _of_mean(kind: Kind, bank: FilterBank, means: PyTree[Array], arguments: tuple) -> PyTree:
    assert kind.of_mean is not None
    return kind.of_mean(bank, means, *arguments)


Key = TypeVar("Key")


def of_stretches(
    kind: Kind, cut: Segments, stretches: Iterable[tuple[Key, Stretch]], arguments: tuple
) -> Iterator[tuple[Key, PyTree[np.ndarray]]]:
    """Transform the stretches in turn, and yield the result of each with its key."""
    places: deque[tuple[Key, Stretch, int]] = deque()

    def windows() -> Iterator[Window]:
        for key, stretch in stretches:
            for offset in range(0, stretch.wanted, cut.hop):
                places.append((key, stretch, offset))
                yield cut.cut(stretch, stretch.first + offset)

    whole: Any = None
    for found in transformed(kind, cut, windows(), arguments):
        key, stretch, offset = places.popleft()
        n_samples = min(stretch.wanted - offset, cut.hop)
        if kind.is_mean(cut.bank):
            parts = jax.tree.map(lambda s, n=n_samples: s.astype(float) * n, found)
            whole = parts if offset == 0 else jax.tree.map(np.add, whole, parts)
        else:
            whole = _allocated(cut, found, stretch.wanted) if offset == 0 else whole
            for into, part in zip(jax.tree.leaves(whole), jax.tree.leaves(found), strict=True):
                frames = into[..., offset // cut.hop * part.shape[-1] :][..., : part.shape[-1]]
                frames[...] = part[..., : frames.shape[-1]]
        if offset + cut.hop >= stretch.wanted:
            yield key, _whole(kind, cut, whole, stretch, arguments)


def _allocated(cut: Segments, found: PyTree[np.ndarray], n_samples: int) -> PyTree[np.ndarray]:
    def allocated(leaf: np.ndarray) -> np.ndarray:
        return np.empty((*leaf.shape[:-1], cut.n_frames(n_samples, leaf.shape[-1])), leaf.dtype)

    return jax.tree.map(allocated, found)


def _whole(kind: Kind, cut: Segments, whole: Any, stretch: Stretch, arguments: tuple) -> Any:
    if not kind.is_mean(cut.bank):
        return whole
    means = jax.tree.map(lambda s: (s / stretch.n_samples).astype(cut.bank.dtype), whole)
    of_signal = stretch.samples.mean(dtype=float)
    return jax.tree.map(np.asarray, from_means(kind, cut, means, of_signal, arguments))


def transformed(
    kind: Kind, cut: Segments, windows: Iterator[Window], arguments: tuple
) -> Iterator[PyTree[np.ndarray]]:
    """Transform each window in turn, several at a time on accelerators.

    The next windows are fetched while the previous ones are computed.
    """
    size, ahead = cut.bank.layout.n_at_once, None
    while group := list(islice(windows, size)):
        if ahead is not None:
            yield from _apart(*ahead)
        padded = group + group[-1:] * (size - len(group))
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *padded)
        ahead = len(group), of_windows(kind, cut, stacked, arguments)
    if ahead is not None:
        yield from _apart(*ahead)


def _apart(n_windows: int, found: PyTree[Array]) -> Iterator[PyTree[np.ndarray]]:
    found = jax.tree.map(np.asarray, found)
    for place in range(n_windows):
        yield jax.tree.map(lambda leaf, place=place: leaf[place], found)
