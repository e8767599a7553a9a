"""The bold driver: gradient descent with momentum, whose failed steps are undone."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ._jtfs import jtfs

# A function of a filterbank, or whatever else it takes, and of a batch of sounds.
Transform = Callable[[Any, Float[Array, "*batch time"]], Any]


class BoldDriverState(eqx.Module):
    """Several sounds on their way to the same target, each with its own step size.

    Attributes:
        y: The sounds; no later step makes their errors larger.
        direction: Steepest descent −∇E(y).
        velocity: The last step, for momentum.
        learning_rate: Factor µ of the direction in the next step.
        error: Relative error E(y).
        accepted: Whether the last step was kept.
    """

    y: Float[Array, "count time"]
    direction: Float[Array, "count time"]
    velocity: Float[Array, "count time"]
    learning_rate: Float[Array, " count"]
    error: Float[Array, " count"]
    accepted: Bool[Array, " count"]


def bold_driver_start(
    bank: PyTree,
    target: PyTree[Float[Array, "..."]],
    y: Float[Array, "count time"],
    *,
    transform: Transform = jtfs,
    learning_rate: float = 0.1,
) -> BoldDriverState:
    """State at rest on `y`, with a first learning rate that is free of any scale.

    With d = −∇E(y), it is µ = `learning_rate` · ‖y‖ / ‖d‖: the first step has the norm
    `learning_rate` · ‖y‖.

    Args:
        bank: Filters from `filterbank`.
        target: Coefficients to approach.
        y: Sounds to start from.
        transform: See `resynthesize`.
        learning_rate: Norm of the first step relative to that of `y`.

    Returns:
        The state from which `bold_driver_step` goes on.
    """
    still = BoldDriverState(
        y=y,
        direction=jnp.zeros_like(y),
        velocity=jnp.zeros_like(y),
        learning_rate=jnp.zeros_like(y[:, 0]),
        error=jnp.full_like(y[:, 0], jnp.inf),
        accepted=jnp.ones(y.shape[0], bool),
    )
    # A step of size 0 from an infinite error computes E and ∇E by what is compiled for all steps.
    state = bold_driver_step(
        bank, target, still, transform=transform, momentum=0.0, accelerate=1.0, brake=1.0
    )
    slope = jnp.linalg.norm(state.direction, axis=1)
    # Where the slope is 0 there is nowhere to go; where the first step failed, this is NaN.
    scale_free = jnp.where(slope > 0, learning_rate * jnp.linalg.norm(y, axis=1) / slope, 0)
    first = jnp.where(state.accepted, scale_free, jnp.nan)
    return eqx.tree_at(lambda state: state.learning_rate, state, first)


@partial(jax.jit, static_argnames="transform")
@jax.named_scope("jtfs_jax.bold_driver_step")
def bold_driver_step(
    bank: PyTree,
    target: PyTree[Float[Array, "..."]],
    state: BoldDriverState,
    *,
    transform: Transform,
    momentum: float,
    accelerate: float,
    brake: float,
) -> BoldDriverState:
    """One step of gradient descent with momentum, undone where it makes the error larger.

    For each sound y with direction d = −∇E(y), velocity v and learning rate µ:

        v ← momentum · v + µ d
        success, E(y + v) ≤ E(y):  y ← y + v,  d ← −∇E(y),    µ ← accelerate · µ
        failure, anything else:    v ← brake · v,             µ ← brake · µ

    An error or a gradient that is not finite is a failure. The gradient is computed only if at
    least one of the sounds has become better.

    Args:
        bank: Filters from `filterbank`.
        target: Coefficients to approach, without batch axis.
        state: From `bold_driver_start`, or the last step.
        transform: See `resynthesize`.
        momentum: Share of the last step in the next one.
        accelerate: Factor of the learning rate after a success.
        brake: Factor of the learning rate, and of the velocity, after a failure.

    Returns:
        The next state.

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3.
    """
    velocity = momentum * state.velocity + state.learning_rate[:, None] * state.direction
    y = state.y + velocity
    error, pullback = jax.vjp(lambda y: _relative_error(target, transform(bank, y)), y)
    better = jnp.isfinite(error) & (error <= state.error)
    (gradient,) = jax.lax.cond(
        better.any(), pullback, lambda _: (jnp.zeros_like(y),), jnp.ones_like(error)
    )
    accepted = better & jnp.isfinite(gradient).all(axis=1)
    kept = accepted[:, None]
    return BoldDriverState(
        y=jnp.where(kept, y, state.y),
        direction=jnp.where(kept, -gradient, state.direction),
        velocity=jnp.where(kept, velocity, brake * velocity),
        learning_rate=jnp.where(accepted, accelerate, brake) * state.learning_rate,
        error=jnp.where(accepted, error, state.error),
        accepted=accepted,
    )


def _relative_error(target, s) -> Float[Array, " count"]:
    """Distances of a batch of coefficients from the target, relative to the norm of the target."""
    difference = jax.tree.map(lambda s, t: s - t[None], s, target)
    return jax.vmap(norm)(difference) / norm(target)


def norm(tree) -> Float[Array, ""]:
    """Euclidean norm over all leaves, whose gradient is 0 where all are 0."""
    squared = sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree))
    zero = squared == 0  # not true of NaN, which must not pass for 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, squared)))
