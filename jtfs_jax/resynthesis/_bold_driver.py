"""Gradient descent with momentum that undoes failed steps."""

import jax
import jax.numpy as jnp
import optax
from optax import tree_utils

from ._trial_state import (
    TrialState,
    at_rest,
    check,
    given,
    is_finite,
    proposed,
    relative_length,
    scaled,
)


def bold_driver(
    *,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    accelerate: float = 1.1,
    brake: float = 0.5,
) -> optax.GradientTransformationExtraArgs:
    """Gradient descent with momentum that undoes steps that increase the loss.

    With accepted point y, loss E, gradient ∇E, velocity v and learning rate µ, each trial is

        v ← momentum · v − µ ∇E(y)
        success, E(y + v) ≤ E(y):   y ← y + v,        µ ← accelerate · µ
        failure, otherwise:         v ← brake · v,    µ ← brake · µ

    A loss or a gradient that is not finite is a failure. The first trial is the starting point, and
    the first step from it has norm `learning_rate` · ‖y‖: µ₀ = `learning_rate` · ‖y‖ / ‖∇E(y)‖.
    Steps are therefore independent of the scales of y and E. If y = 0, the square root of its size
    replaces ‖y‖.

    `update(gradient, state, params, value=…)` takes the point just tried, its loss and its gradient
    (ignored after a failure), and returns the update from there to the next trial. It must be the
    last transformation of an `optax.chain`, because the update includes the way back from failures.

    Args:
        learning_rate: Norm of the first step relative to the norm of the starting point, above 0.
        momentum: Fraction of the last step that is added to the next one, in [0, 1).
        accelerate: Factor of µ after a success, at least 1.
        brake: Factor of µ and of the velocity after a failure, in (0, 1).

    Returns:
        A transformation whose state is a `TrialState`, with the best point so far as its `params`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> def loss(y):
        ...     return jnp.sum((y - 3.0) ** 2)
        >>> optimizer = bold_driver()
        >>> y = jnp.ones(2)
        >>> state = optimizer.init(y)
        >>> for _ in range(100):
        ...     value, gradient = jax.value_and_grad(loss)(y)
        ...     updates, state = optimizer.update(gradient, state, y, value=value)
        ...     y = optax.apply_updates(y, updates)
        >>> bool(loss(state.params) < 0.01)
        True

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3.
        Andén, Lostanlen & Mallat, Joint time–frequency scattering for audio classification, 2015.

    See Also:
        lbfgs: has the same interface and converges faster.
    """
    check("learning_rate", learning_rate, "positive", learning_rate > 0)
    check("momentum", momentum, "in [0, 1)", (momentum >= 0) & (momentum < 1))
    check("accelerate", accelerate, "at least 1", accelerate >= 1)
    check("brake", brake, "in (0, 1)", (brake > 0) & (brake < 1))

    def init(params: optax.Params) -> TrialState:
        return at_rest(params, memory=())

    def update(updates, state, params=None, *, value, **_):
        params = given(params)
        value = jnp.asarray(value, state.value.dtype)
        accepted = (value <= state.value) & is_finite((value, updates))
        starts = ~jnp.isfinite(state.value)
        factor = jnp.where(accepted, accelerate, brake) * state.learning_rate
        first = learning_rate * relative_length(params, updates)
        gradient = tree_utils.tree_where(accepted, updates, state.gradient)
        rate = jnp.where(accepted & starts, first, factor).astype(factor.dtype)
        velocity = scaled(state.step, jnp.where(accepted, momentum, momentum * brake))
        step = jax.tree.map(lambda v, g: v - rate.astype(g.dtype) * g, velocity, gradient)
        return proposed(state, params, value, gradient, step, rate, accepted, memory=())

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]
