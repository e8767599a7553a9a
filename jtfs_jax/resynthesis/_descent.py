"""The loop of resynthesis: its state, and the compiled program that runs several steps."""

import math
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from jtfs_jax._nodes import exportable

from ._objective import Bank, Goal, Transform
from ._trial_state import trial_state

CHUNK = 64  # largest number of steps in one call


@exportable
class ResynthesisState(eqx.Module):
    """State of a search for sounds: everything needed to continue it.

    A signal has the axes `(time)`, or `(channel, time)` if the transform comes from `interchannel`.

    Attributes:
        y: The best sounds so far.
        error: Relative errors of the best sounds.
        accepted: Whether the last trial was accepted.
        learning_rate: Factor that multiplies the search direction in the next step; None if the
            optimizer is neither `bold_driver` nor `lbfgs`.
        n_forward: Number of evaluations of the transform so far, each for the whole batch.
        n_gradient: Number of evaluations of its gradient so far.
        scale: Ratio of the sounds to the variables z of the optimizer.
        trial: z to try next.
        best: z of the best sounds.
        value: Half the squared error of the best sounds.
        was_accepted: Whether the last trial was accepted, with a single axis for all sounds.
        optimizer: State of the optimizer, with a leading axis for all sounds.
        batch: Number of sounds per target, followed by the shape of the batch of targets.
    """

    scale: Float[Array, "metamer *channel time"]
    trial: Float[Array, "metamer *channel time"]
    best: Float[Array, "metamer *channel time"]
    value: Float[Array, " metamer"]
    was_accepted: Bool[Array, " metamer"]
    optimizer: PyTree[Array]
    n_forward: Int[Array, ""]
    n_gradient: Int[Array, ""]
    batch: tuple[int, ...] = eqx.field(static=True)

    @property
    def y(self) -> Float[Array, "sound *batch time"]:
        """The best sounds so far."""
        return (self.scale * self.best).reshape(*self.batch, *self.signal)

    @property
    def signal(self) -> tuple[int, ...]:
        """Shape of a signal."""
        return self.best.shape[1:]

    @property
    def error(self) -> Float[Array, "sound *batch"]:
        """Relative errors of the best sounds."""
        return jnp.sqrt(2 * self.value).reshape(self.batch)

    @property
    def accepted(self) -> Bool[Array, "sound *batch"]:
        """Whether the last trial was accepted."""
        return self.was_accepted.reshape(self.batch)

    @property
    def learning_rate(self) -> Float[Array, "sound *batch"] | None:
        """Factor that multiplies the search direction in the next step."""
        trials = trial_state(self.optimizer)
        return None if trials is None else trials.learning_rate.reshape(self.batch)


class Row(NamedTuple):
    """One step, in the history of `Resynthesis`."""

    error: Array
    learning_rate: Array | None
    accepted: Array
    n_forward: Array
    n_gradient: Array


def _row(state: ResynthesisState) -> Row:
    return Row(state.error, state.learning_rate, state.accepted, state.n_forward, state.n_gradient)


@partial(jax.jit, static_argnames=("optimizer", "n_axes"))
def begin(
    y: Float[Array, "sound *batch time"],
    envelope: Float[Array, "*batch time"],
    optimizer: optax.GradientTransformation,
    n_axes: int = 1,
) -> ResynthesisState:
    """State before the first trial, which is `y` itself; a signal has `n_axes` axes."""
    batch, signal = y.shape[:-n_axes], y.shape[-n_axes:]
    scale = jnp.broadcast_to(jnp.sqrt(envelope)[None], y.shape).reshape(-1, *signal)
    z = y.reshape(-1, *signal) / scale
    axes = tuple(range(1, z.ndim))
    # Divide by the peak first, so that the squares of a quiet sound do not underflow.
    peak = jnp.abs(z).max(axis=axes, keepdims=True)
    peak = jnp.where(peak > 0, peak, 1)
    rms = peak * jnp.sqrt(jnp.square(z / peak).mean(axis=axes, keepdims=True))
    rms = jnp.where(rms > 0, rms, 1)
    z = z / rms
    return ResynthesisState(
        scale=scale * rms,
        trial=z,
        best=z,
        value=jnp.full(len(z), jnp.inf, z.dtype),
        was_accepted=jnp.zeros(len(z), bool),
        optimizer=jax.vmap(optimizer.init)(z),
        n_forward=jnp.zeros((), jnp.int32),
        n_gradient=jnp.zeros((), jnp.int32),
        batch=batch,
    )


@partial(jax.jit, static_argnames=("transform", "optimizer"))
@jax.named_scope("jtfs_jax.resynthesize")
def run(
    bank: Bank,
    goal: Goal,
    state: ResynthesisState,
    n: int,
    *,
    transform: Transform[Bank],
    optimizer: optax.GradientTransformation,
) -> tuple[ResynthesisState, Row]:
    """Run `n` trials, at most `CHUNK`; `n` is traced, so one program serves any number."""

    def trial(index, state_and_rows):
        state, rows = state_and_rows
        state = _try(bank, goal, state, transform, optimizer)
        return state, jax.tree.map(lambda buffer, row: buffer.at[index].set(row), rows, _row(state))

    rows = jax.tree.map(lambda row: jnp.zeros((CHUNK, *row.shape), row.dtype), _row(state))
    return jax.lax.fori_loop(0, n, trial, (state, rows))


def _try(bank, goal, state, transform, optimizer) -> ResynthesisState:
    """Evaluate the trial, let the optimizer accept or reject it, and propose the next one."""
    optimizer = optax.with_extra_args_support(optimizer)
    z = state.trial

    def loss(z):
        s = transform(bank, state.scale * z)
        return goal.loss(s, math.prod(state.batch[1:])).astype(z.dtype)

    value, pullback = jax.vjp(loss, z)
    improves = jnp.isfinite(value) & (value <= state.value)
    optimizer_judges = trial_state(state.optimizer) is not None
    needs_gradient = improves.any() if optimizer_judges else jnp.ones((), bool)
    (gradient,) = jax.lax.cond(
        needs_gradient, pullback, lambda _: (jnp.zeros_like(z),), jnp.ones_like(value)
    )
    updates, optimizer_state = jax.vmap(
        lambda gradient, state, z, value: optimizer.update(gradient, state, z, value=value)
    )(gradient, state.optimizer, z, value)
    trials = trial_state(optimizer_state)
    accepted = (
        improves & jnp.isfinite(gradient).all(axis=tuple(range(1, z.ndim)))
        if trials is None
        else trials.accepted
    )
    return ResynthesisState(
        scale=state.scale,
        trial=z + updates,
        best=jnp.where(accepted.reshape(-1, *[1] * (z.ndim - 1)), z, state.best),
        value=jnp.where(accepted, value, state.value),
        was_accepted=accepted,
        optimizer=optimizer_state,
        n_forward=state.n_forward + 1,
        n_gradient=state.n_gradient + needs_gradient.astype(jnp.int32),
        batch=state.batch,
    )
