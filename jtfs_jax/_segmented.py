"""Transforms of signals of any length."""

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
    """A transform for signals of any length, which it takes in segments.

    The numbers are those of one call for the whole signal, to the precision of float32, at its ends
    as well: in place of padding, each segment has what comes before and after it in the signal, by
    8·max(T, 2·2**J) samples. (With normalize="energy", whose wavelets are longer than that, numbers
    differ by up to 1e-4.) Memory depends on the segment, not on the signal, but for the result.

    Outside of `jax.jit`, one program is compiled for signals of all lengths. They may lie on disk
    (`np.memmap`), from where a segment is read at a time. Within `jax.jit`, `jax.grad` and
    `jax.vmap` a program is compiled for each length, as usual; it loops over the segments and
    computes each again for the derivative, which takes memory for one segment, too.

    Args:
        transform: `jtfs`, `time_scattering`, `scalogram` or `jtfs_path`.

    Returns:
        A function of a filterbank, of signals `x (*batch, time)` with at least 2 samples, and of
        what else the transform takes. It returns what the transform does, except that:

        - Frames lie at the multiples of the stride from the first sample on, see `frame_times`.
          Those of one call do, too, where it pads by multiples of the largest decimation, as it
          does for powers of two.
        - NaN in a signal makes the frames NaN whose segments have it in them, not all of them.

        `bank` says how long segments are. `filterbank` picks a length for `n_samples=None`.

    Raises:
        ValueError: If `transform` is another function. When called, if `bank` is for signals so
            short that nothing is left of a segment beside its context, if `x` is not real, or for
            what the transform itself raises.

    Example:
        >>> import numpy as np
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(None, J=5, Q=4, J_fr=2)
        >>> S = jtfs_jax.segmented(jtfs_jax.jtfs)(bank, np.ones(10_001, np.float32))
        >>> S.S1.shape, float(jtfs_jax.frame_times(bank, n_samples=10_001)[-1])
        ((18, 313), 9984.0)

    See Also:
        stream: the same for signals that come block by block.
    """
    return _segmented(transform, kind_of(transform))


@functools.cache
def _segmented(transform: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
    @functools.wraps(transform, updated=())  # not its methods, which are of one length
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

    of_any_length.__doc__ = f"`{transform.__name__}` of signals of any length: see `segmented`."
    return of_any_length


@functools.partial(jax.jit, static_argnums=0)
def _in_program(
    kind: Kind, cut: Segments, x: Float[Array, "signal time"], arguments: tuple
) -> PyTree[Float[Array, "signal ..."]]:
    """Within a program: a loop over the segments, each computed again for the derivative."""
    bank, n_samples, n_windows = cut.bank, x.shape[-1], cut.bank.layout.n_windows
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
        of_start = functools.partial(of_segment, extended)
        at_once = n_windows if n_windows > 1 else None
        found = jax.lax.map(of_start, jnp.asarray(starts), batch_size=at_once)
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


def _in_turn(
    kind: Kind, cut: Segments, x: Shaped[np.ndarray, "signal time"], arguments: tuple
) -> PyTree[Float[np.ndarray, "signal ..."]]:
    """Segments of all signals, one after another, through one program."""
    signals = ((None, Stretch(row, len(row))) for row in x)
    found = [s for _, s in of_stretches(kind, cut, signals, arguments)]
    if found:
        return jax.tree.map(lambda *rows: np.stack(rows), *found)
    none = jax.ShapeDtypeStruct(x.shape, cut.bank.dtype)
    shapes = jax.eval_shape(functools.partial(_in_program, kind), cut, none, arguments)
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
