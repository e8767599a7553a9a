"""Limited-memory BFGS that undoes failed steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree
from optax import tree_utils

from jtfs_jax._checks import positive_integer
from jtfs_jax._nodes import exportable

from ._trial_state import (
    TrialState,
    at_rest,
    check,
    dot,
    given,
    is_finite,
    norm,
    proposed,
    relative_length,
    scaled,
    value_dtype,
)

_MAX_FAILURES = 12  # halvings of a step, to 1/4096, before its direction is abandoned
_LEAST_COSINE = 1e-8  # between a step and the change of gradient, for a pair to be used


@exportable
class _Pairs(NamedTuple):
    """Pairs of steps and gradient changes, from the oldest to the newest."""

    steps: PyTree[Float[Array, "pair ..."]]
    changes: PyTree[Float[Array, "pair ..."]]  # of the gradient, along each step
    weight: Float[Array, " pair"]  # 1 / (step · change), 0 where there is no pair
    n_failures: Int[Array, ""]  # since the last accepted trial


def lbfgs(
    *, memory_size: int = 10, learning_rate: float = 0.1
) -> optax.GradientTransformationExtraArgs:
    """L-BFGS that tries its full step and halves it if the loss does not decrease.

    The direction is −H∇E(y), where H is the limited-memory BFGS estimate of the inverse Hessian
    from the last `memory_size` pairs of steps s and gradient changes u along them. A pair is used
    only if s · u > 1e-8 ‖s‖ ‖u‖, which keeps H positive definite. Each trial is

        success, E(y − µ H∇E) < E(y):  y ← y − µ H∇E,  µ ← 1
        failure, otherwise:            µ ← µ / 2

    After 12 failures at the same point, or if −H∇E is not a descent direction, all pairs are
    discarded. A step without pairs is one of steepest descent, like the first step of
    `bold_driver`. The notes in `bold_driver` on scales, non-finite losses and `update` also apply
    here.

    Unlike `optax.lbfgs`, this optimizer needs no line search within a step: most steps cost one
    gradient, and failures cost none.

    Args:
        memory_size: Number of pairs, at least 1; each takes as much memory as two points.
        learning_rate: As for `bold_driver`, for every step without pairs.

    Returns:
        A transformation, as for `bold_driver`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> def loss(y):
        ...     return jnp.sum(jnp.array([1.0, 100.0]) * (y - 3.0) ** 2)
        >>> optimizer = lbfgs()
        >>> y = jnp.ones(2)
        >>> state = optimizer.init(y)
        >>> for _ in range(20):
        ...     value, gradient = jax.value_and_grad(loss)(y)
        ...     updates, state = optimizer.update(gradient, state, y, value=value)
        ...     y = optax.apply_updates(y, updates)
        >>> bool(loss(state.params) < 1e-6)
        True

    References:
        Nocedal & Wright, Numerical Optimization, 2006, algorithm 7.4.

    See Also:
        bold_driver: gradient descent with momentum, as published for metamers.
    """
    memory_size = positive_integer("memory_size", memory_size)
    check("learning_rate", learning_rate, "positive", learning_rate > 0)

    def init(params: optax.Params) -> TrialState:
        none = jax.tree.map(lambda leaf: jnp.zeros((memory_size, *leaf.shape), leaf.dtype), params)
        weight = jnp.zeros(memory_size, value_dtype(params))
        return at_rest(params, _Pairs(none, none, weight, jnp.zeros((), jnp.int32)))

    def update(updates, state, params=None, *, value, **_):
        params = given(params)
        value = jnp.asarray(value, state.value.dtype)
        accepted = (value < state.value) & is_finite((value, updates))
        gradient = tree_utils.tree_where(accepted, updates, state.gradient)
        pairs = _with_pair(state, params, updates, accepted)
        newton = _times_inverse_hessian(gradient, pairs)
        slope = dot(gradient, newton)
        exhausted = (pairs.n_failures >= _MAX_FAILURES) & (pairs.weight[-1] > 0)
        forget = exhausted | ~((slope > 0) & jnp.isfinite(slope))
        pairs = jax.tree.map(lambda leaf: jnp.where(forget, 0, leaf).astype(leaf.dtype), pairs)
        here = tree_utils.tree_where(accepted, params, state.params)
        descent = scaled(gradient, learning_rate * relative_length(here, gradient))
        direction = tree_utils.tree_where(pairs.weight[-1] > 0, newton, descent)
        rate = jnp.where(accepted | forget, 1, state.learning_rate / 2)
        step = scaled(direction, -rate)
        return proposed(state, params, value, gradient, step, rate, accepted, pairs)

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


def _with_pair(state: TrialState, params, gradient, accepted) -> _Pairs:
    """Pairs after a trial, including a new one if it was accepted with positive curvature."""
    pairs: _Pairs = state.memory
    step = tree_utils.tree_sub(params, state.params)
    change = tree_utils.tree_sub(gradient, state.gradient)
    curvature = dot(step, change)
    bound = _LEAST_COSINE * norm(step) * norm(change)
    use = accepted & jnp.isfinite(state.value) & (curvature > bound)
    weight = 1 / jnp.where(use, curvature, 1)
    newest = (step, change, weight.astype(pairs.weight.dtype))

    def push(memory, new):
        return jnp.where(use, jnp.concatenate([memory[1:], new[None]]), memory)

    each = (pairs.steps, pairs.changes, pairs.weight)
    steps, changes, weights = jax.tree.map(push, each, newest)
    return _Pairs(steps, changes, weights, jnp.where(accepted, 0, pairs.n_failures + 1))


def _times_inverse_hessian(gradient: PyTree[Array], pairs: _Pairs) -> PyTree[Array]:
    """Two-loop recursion; a pair of weight 0 changes nothing."""

    def toward_oldest(q, pair):
        step, change, weight = pair
        alpha = weight * dot(step, q)
        return _plus(q, -alpha, change), alpha

    def toward_newest(q, pair_and_alpha):
        (step, change, weight), alpha = pair_and_alpha
        return _plus(q, alpha - weight * dot(change, q), step), None

    each = (pairs.steps, pairs.changes, pairs.weight)
    q, alphas = jax.lax.scan(toward_oldest, gradient, each, reverse=True)
    last = jax.tree.map(lambda memory: memory[-1], pairs.changes)
    inverse = pairs.weight[-1] * dot(last, last)
    q = scaled(q, 1 / jnp.where(inverse > 0, inverse, 1))
    return jax.lax.scan(toward_newest, q, (each, alphas))[0]


def _plus(tree: PyTree[Array], factor: Array, other: PyTree[Array]) -> PyTree[Array]:
    return jax.tree.map(lambda a, b: a + factor.astype(b.dtype) * b, tree, other)
