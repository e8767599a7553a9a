"""Transforms for signals of any length."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import eval_context
from jaxtyping import Array, Float, Int, PyTree, Shaped

from . import _checks, _fft
from ._context import continued
from ._filterbank import FilterBank
from ._segments import (
    Kind,
    Segments,
    Stretch,
    from_means,
    kind_of,
    of_stretches,
    of_window,
    segments,
)


def segmented(transform: Callable[..., Any]) -> Callable[..., Any]:
    """Extend a transform to signals of any length, which are transformed in segments.

    Results equal the result of a single call on the whole signal to the precision of float32, even
    at its ends: in place of padding, each segment has 8·max(T, 2·2**J) samples of the signal before
    and after it. (With normalize="energy", whose wavelets are longer than that, results differ by
    up to 1e-4.) Except for the result, memory depends on the segment, not on the signal.

    Outside `jax.jit`, one program is compiled for signals of all lengths. Signals may be on disk
    (`np.memmap`), from which one segment is read at a time. Inside `jax.jit`, `jax.grad` and
    `jax.vmap`, a program is compiled for each length, as usual. It loops over the segments and
    recomputes each of them for the derivative, which therefore also needs memory for only one
    segment.

    Args:
        transform: `jtfs`, `time_scattering`, `scalogram` or `jtfs_path`.

    Returns:
        A function of a filterbank, of signals `x (*batch, time)` with at least 2 samples, and of
        any other arguments of the transform. It returns the same as the transform, except that:

        - Frames are at the multiples of the stride, starting at the first sample (see
          `frame_times`). The frames of a single call are at the same positions if its padding is a
          multiple of the largest decimation, as it is for lengths that are powers of two.
        - NaN in a signal gives NaN only in frames of the segments that contain it.

        `bank` sets the length of segments; `filterbank` chooses a length for `n_samples=None`.

    Raises:
        ValueError: If `transform` is another function. When called, if `bank` is for signals so
            short that segments have no samples besides their context, if `x` is not real, or if the
            transform itself raises an error.

    Example:
        >>> import numpy as np
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(None, J=5, Q=4, J_fr=2)
        >>> S = jtfs_jax.segmented(jtfs_jax.jtfs)(bank, np.ones(10_001, np.float32))
        >>> S.S1.shape, float(jtfs_jax.frame_times(bank, n_samples=10_001)[-1])
        ((18, 313), 9984.0)

    See Also:
        stream: the same for signals that arrive block by block.
    """
    return _segmented(transform, kind_of(transform))


@functools.cache
def _segmented(transform: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
    @functools.wraps(transform, updated=())  # not its methods, which are for one length
    def of_any_length(bank: FilterBank, x: Float[Array, "*batch time"], *arguments: Any) -> Any:
        cut, arguments = segments(bank), kind.arguments(bank, *arguments)
        x = _checks.signal_of_any_length(x)
        batch, n_samples = x.shape[:-1], x.shape[-1]
        is_traced = any(map(_checks.is_traced, jax.tree.leaves((bank, x, arguments))))

        def of_batch(found: PyTree) -> PyTree:
            return jax.tree.map(lambda leaf: leaf.reshape(*batch, *leaf.shape[1:]), found)

        if is_traced:
            x = jnp.asarray(x).reshape(-1, n_samples)
            return of_batch(_in_program(kind, cut, x, arguments))
        with eval_context():  # signals that a traced function closes over are not traced
            found = _in_turn(kind, cut, np.asarray(x).reshape(-1, n_samples), arguments)
            return jax.device_put(of_batch(found))  # which compiles nothing

    of_any_length.__doc__ = f"`{transform.__name__}` for signals of any length; see `segmented`."
    return of_any_length


@functools.partial(jax.jit, static_argnums=0)
def _in_program(
    kind: Kind, cut: Segments, x: Float[Array, "signal time"], arguments: tuple
) -> PyTree[Float[Array, "signal ..."]]:
    """Loop over segments inside a traced program, recomputing each one for the derivative."""
    bank, n_samples, n_windows = cut.bank, x.shape[-1], cut.bank.layout.n_at_once
    starts = np.arange(0, n_samples, cut.hop)
    after = int(starts[-1]) + cut.hop + cut.context - n_samples
    extended = continued(x.astype(bank.dtype), cut.context, after, bank.pad_mode)

    @jax.checkpoint
    def of_segment(extended: Float[Array, " time"], start: Int[Array, ""]) -> PyTree[Array]:
        samples = jax.lax.dynamic_slice_in_dim(extended, start, bank.n_padded)
        positions = start - cut.context + jnp.arange(bank.n_padded)
        window = cut.window(start, n_samples, samples, positions)
        return of_window(kind, cut, window, arguments)

    def of_signal(extended: Float[Array, " time"]) -> PyTree[Array]:
        found = _in_groups(functools.partial(of_segment, extended), jnp.asarray(starts), n_windows)
        if not kind.is_mean(bank):
            return jax.tree.map(joined, found)
        shares = (np.minimum(cut.hop, n_samples - starts) / n_samples).astype(bank.dtype)
        mean = functools.partial(jnp.tensordot, shares, axes=1, precision=jax.lax.Precision.HIGHEST)
        return jax.tree.map(mean, found)

    def joined(s: Float[Array, "segment *lead frame"]) -> Float[Array, "*lead frame"]:
        n_frames = cut.n_frames(n_samples, s.shape[-1])
        s = jnp.moveaxis(s, 0, -2)
        return s.reshape(*s.shape[:-2], s.shape[-2] * s.shape[-1])[..., :n_frames]

    side_by_side = _fft.is_spread(x) or n_windows > 1
    found = jax.vmap(of_signal)(extended) if side_by_side else jax.lax.map(of_signal, extended)
    if not kind.is_mean(bank):
        return found
    return from_means(kind, cut, found, x.astype(bank.dtype).mean(-1), arguments)


def _in_groups(
    function: Callable[[Array], PyTree[Array]], x: Shaped[Array, " n"], size: int
) -> PyTree[Shaped[Array, "n ..."]]:
    """Map like `jax.lax.map` with a batch size, which fails for results without elements."""
    if size == 1:
        return jax.lax.map(function, x)
    n_groups, n_left = divmod(len(x), size)
    found = []
    if n_groups:
        groups = x[: n_groups * size].reshape(n_groups, size)
        of_groups = jax.lax.map(jax.vmap(function), groups)
        found.append(jax.tree.map(lambda y: y.reshape(n_groups * size, *y.shape[2:]), of_groups))
    if n_left:
        found.append(jax.vmap(function)(x[n_groups * size :]))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *found)


def _in_turn(
    kind: Kind, cut: Segments, x: Shaped[np.ndarray, "signal time"], arguments: tuple
) -> PyTree[Float[np.ndarray, "signal ..."]]:
    """Transform the segments of all signals, one after another, with one program."""
    signals = ((None, Stretch(row, len(row))) for row in x)
    found = [s for _, s in of_stretches(kind, cut, signals, arguments)]
    if found:
        return jax.tree.map(lambda *rows: np.stack(rows), *found)
    none = jax.ShapeDtypeStruct(x.shape, cut.bank.dtype)
    shapes = jax.eval_shape(functools.partial(_in_program, kind), cut, none, arguments)
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
