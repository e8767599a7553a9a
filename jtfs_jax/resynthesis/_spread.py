"""Metamers of one target that differ from each other as much as their coefficients allow."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jtfs_jax import _checks
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._modulus import safe_sqrt
from jtfs_jax._nodes import exportable

from ._descent import CHUNK, ResynthesisState, begin, run
from ._lbfgs import lbfgs
from ._mutual_distances import scalograms, squared_distances
from ._noise import loudness
from ._objective import Bank, Objective, Transform, flattened, half_square, objective
from ._resynthesize import real_dtype
from ._transforms import Known, known, signal_shape

OPTIMIZER = lbfgs(learning_rate=0.01)  # with 0.1, few steps would stay within the bound
_BARRIER = 0.03  # weight of the barrier; errors end at 0.8 to 0.95 of the bound


@exportable
class Spread(eqx.Module):
    """Result of `spread`: sounds moved apart.

    Attributes:
        y: The sounds.
        error: Relative error of each sound, below the bound.
        start_distances: The `mutual_distances` of the sounds at the start.
        distances: The `mutual_distances` of `y`.
        state: State from which another call can continue.
    """

    y: Float[Array, "sound *batch time"]
    error: Float[Array, "sound *batch"]
    start_distances: Float[Array, "*batch sound sound"]
    distances: Float[Array, "*batch sound sound"]
    state: ResynthesisState


def spread(
    bank: Bank,
    target: PyTree[Array],
    y: Float[Array | np.ndarray, "sound *batch time"],
    fine: FilterBank,
    *,
    transform: Transform[Bank] = jtfs,  # pyright: ignore[reportArgumentType] # of a FilterBank
    weights: PyTree[Array | float] = 1.0,
    max_error: float = 0.01,
    n_steps: int = 50,
    state: ResynthesisState | None = None,
    callback: Callable[[ResynthesisState], object] | None = None,
) -> Spread:
    """Move metamers apart, so that their scalograms differ more while they remain metamers.

    The coefficients R of the target leave some freedom, which separate searches for each metamer do
    not use. Here, `lbfgs` optimizes all sounds y of a target jointly, to minimize

        2 − mean d² − 0.03 mean log(1 − (E / max_error)²)

    The first mean is over all pairs of sounds, with d their `mutual_distances` under `fine`. The
    second mean is over all sounds, with E the error of `resynthesize`. The logarithm is infinite at
    the bound, and a trial beyond it fails and is undone, so no sound ever reaches the bound.

    As in `resynthesize`, a step costs one gradient for all sounds. The loop is compiled once for
    any number of steps and any bound. Distances still grow after 50 steps, but more slowly: pass
    the result's `state` to continue.

    Args:
        bank: As for `resynthesize`.
        target: R, as for `resynthesize`; leading axes `*batch` index several targets.
        y: At least two metamers per target, with errors less than `max_error` and made from
            different noises, such as the `y` of the result of `metamer`.
        fine: Filters from `filterbank`, as for `mutual_distances`. A T much shorter than the T of
            `bank` leaves the most freedom.
        transform: As for `resynthesize`.
        weights: As for `resynthesize`.
        max_error: Bound of the errors, above 0.
        n_steps: Number of steps, including failed ones.
        state: The state of another `Spread`, to continue it with otherwise the same arguments: two
            runs of 25 steps give the same bits as one run of 50.
        callback: Called with each state, including the start. The `y (1, *batch, sound, time)` of a
            state has all sounds of a target on one axis. A true return value stops the search after
            this step.

    Returns:
        The sounds in the order of `y`, their errors, and the distances before and after.

    Raises:
        ValueError: If there are fewer than two sounds, one of them has an error of `max_error` or
            more, `state` has other sounds, or an argument is out of range or does not match the
            others.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(512, J=5, Q=2, J_fr=1)
        >>> fine = jtfs_jax.filterbank(512, J=5, Q=2, T=4)
        >>> x = jnp.sin(jnp.linspace(0.0, 150.0, 512) ** 1.2)
        >>> found = jtfs_jax.resynthesis.metamer(bank, x, n_sounds=2, n_steps=40)
        >>> apart = spread(bank, jtfs_jax.jtfs(bank, x), found.y, fine, max_error=0.1, n_steps=20)
        >>> bool((apart.error < 0.1).all())
        True
        >>> bool(apart.distances[0, 1] > 1.1 * apart.start_distances[0, 1])
        True

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024: a target has
        infinitely many metamers.
        Nocedal & Wright, Numerical Optimization, 2006, section 19.6: the log-barrier.

    See Also:
        metamer: makes the sounds to start from.
        mutual_distances: the distances that are increased.
    """
    _checks.positive_integer("n_steps", n_steps)
    _checks.positive_number("max_error", max_error)
    facts = known(transform)
    dtype = bank.dtype if isinstance(bank, FilterBank) else real_dtype(target)
    sounds = _checks.real_array("y", y).astype(dtype)
    if sounds.ndim == 0:
        raise ValueError("y must have time as its last axis, got a scalar.")
    signal = signal_shape(transform, bank, target, sounds.shape[-1], dtype)
    like = jax.eval_shape(transform, bank, jax.ShapeDtypeStruct((1, *signal), dtype))
    coefficients, batch = flattened(target, like)
    if sounds.shape[1:] != (*batch, *signal) or len(sounds) < 2:
        raise ValueError(
            f"y must be at least two sounds (sound, {', '.join(map(str, (*batch, *signal)))}), to "
            f"match the target, but its shape is {sounds.shape}; make it with metamer and "
            f"n_sounds=2 or more."
        )
    envelope = _envelope(bank, target, (*batch, *signal), dtype, facts)
    goal = Apart(objective(coefficients, weights), jnp.asarray(max_error, dtype))
    both = _Both(transform)
    together = jnp.moveaxis(sounds, 0, -1 - facts.n_axes)[None]  # one variable per target
    start = begin(together, envelope, OPTIMIZER, facts.n_axes + 1)
    if state is not None and (state.batch, state.signal) != (start.batch, start.signal):
        raise ValueError(
            f"state must have sounds of shape {(*start.batch, *start.signal)}, like y, but has "
            f"{(*state.batch, *state.signal)}; continue with the same sounds."
        )
    error, start_distances = _measured((bank, fine), goal, start.scale * start.best, both)
    if not _checks.is_traced(error) and not (error < max_error).all():
        raise ValueError(
            f"y must have errors less than max_error = {max_error}, got {float(error.max()):.4g}; "
            f"take more steps of metamer, or raise max_error."
        )
    now = start if state is None else state
    n_left = n_steps + 1 if state is None else n_steps  # the first trial is the start
    while n_left:
        n = 1 if callback else min(n_left, CHUNK)
        now, _ = run((bank, fine), goal, now, n, transform=both, optimizer=OPTIMIZER)
        n_left -= n
        if callback and callback(now):
            break
    error, distances = _measured((bank, fine), goal, now.scale * now.best, both)
    n = len(sounds)
    return Spread(
        y=jnp.moveaxis(now.y[0], -1 - facts.n_axes, 0),
        error=error.reshape(n, *batch),
        start_distances=start_distances.reshape(*batch, n, n),
        distances=distances.reshape(*batch, n, n),
        state=now,
    )


def _envelope(
    bank: Any, target: Any, shape: tuple[int, ...], dtype: np.dtype, facts: Known
) -> Float[Array, "*batch 1 time"]:
    """The envelope of `resynthesize`, for all sounds of each target."""
    e = jnp.ones(shape, dtype)
    if facts.has_s1:
        e = loudness(bank, target.S1, **facts.noise_options(shape[-1])).astype(dtype)
    return jnp.expand_dims(e, -1 - facts.n_axes)


@exportable
class Apart(NamedTuple):
    """Objective that moves sounds apart while their errors stay within a bound."""

    of_each: Objective
    max_error: Float[Array, ""]

    def squared_errors(self, s: PyTree[Array], n_targets: int) -> Float[Array, "sound target"]:
        """E² of each sound of a batch, in which targets vary fastest."""
        return 2 * half_square(self.of_each, s, n_targets).reshape(-1, n_targets)

    def loss(self, s: tuple[PyTree[Array], Array], n_targets: int) -> Float[Array, " target"]:
        """Nearness of all sounds of each target, from 0 to 2, plus the barrier."""
        coefficients, found = s
        room = 1 - self.squared_errors(coefficients, n_targets) / jnp.square(self.max_error)
        barrier = -jnp.log(jnp.where(room > 0, room, 1)).mean(axis=0)
        n = found.shape[1]
        nearness = 2 - squared_distances(found).sum(axis=(-2, -1)) / (n * (n - 1))
        loss = nearness.astype(barrier.dtype) + _BARRIER * barrier
        return jnp.where((room > 0).all(axis=0), loss, jnp.inf)


@dataclasses.dataclass(frozen=True)
class _Both:
    """Transform that returns the coefficients to preserve and the scalograms to change."""

    transform: Transform[Any]

    def __call__(
        self, banks: tuple[Any, FilterBank], y: Float[Array, "target sound *channel time"]
    ) -> tuple[PyTree[Array], Float[Array, "target sound coefficient"]]:
        bank, fine = banks
        by_sound = y.swapaxes(0, 1).reshape(-1, *y.shape[2:])
        return self.transform(bank, by_sound), scalograms(fine, y)


@partial(jax.jit, static_argnames="both")
def _measured(
    banks: tuple[Any, FilterBank],
    goal: Apart,
    y: Float[Array, "target sound *channel time"],
    both: _Both,
) -> tuple[Float[Array, "sound target"], Float[Array, "target sound sound"]]:
    """Errors and mutual distances."""
    coefficients, found = both(banks, y)
    errors = jnp.sqrt(goal.squared_errors(coefficients, len(y)))
    return errors, safe_sqrt(squared_distances(found))
