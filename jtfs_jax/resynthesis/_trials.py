"""Optimizers that undo what does not work: transformations of optax that judge each trial."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree
from optax import tree_utils

from jtfs_jax._checks import is_traced, positive_integer

_MAX_FAILURES = 12  # halvings of an L-BFGS step, to 1/4096, before its direction is given up
_LEAST_COSINE = 1e-8  # between a step and the change of gradient, where curvature is believed


class TrialState(NamedTuple):
    """Where an optimizer stands that undoes failed trials: `bold_driver` or `lbfgs`.

    Attributes:
        params: The point accepted last.
        value: The loss there; infinite until a point has been accepted.
        gradient: The gradient there.
        step: From the accepted point to the next trial.
        learning_rate: Factor of the direction in this step.
        accepted: Whether the last trial was accepted.
        memory: What else the method remembers.
    """

    params: PyTree[Array]
    value: Float[Array, ""]
    gradient: PyTree[Array]
    step: PyTree[Array]
    learning_rate: Float[Array, ""]
    accepted: Bool[Array, ""]
    memory: Any


def bold_driver(
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    accelerate: float = 1.1,
    brake: float = 0.5,
) -> optax.GradientTransformationExtraArgs:
    """Gradient descent with momentum, which undoes a step that makes the loss larger.

    With accepted point y, loss E, gradient ∇E, velocity v and learning rate µ, each trial is

        v ← momentum · v − µ ∇E(y)
        success, E(y + v) ≤ E(y):   y ← y + v,        µ ← accelerate · µ
        failure, anything else:     v ← brake · v,    µ ← brake · µ

    A loss or a gradient that is not finite is a failure. The first trial is the starting point,
    from which the first step has the norm `learning_rate` · ‖y‖: µ₀ = `learning_rate` · ‖y‖ /
    ‖∇E(y)‖. Steps are thus free of the scales of y and E. Where y = 0, ‖y‖ counts as √size.

    `update(gradient, state, params, value=…)` takes the point just tried, its loss and its
    gradient (which is not looked at where the loss is a failure), and leads from there to the next
    trial. So it must be the last of an `optax.chain`: the update contains the way back.

    Args:
        learning_rate: Norm of the first step relative to that of the starting point, above 0.
        momentum: Share of the last step in the next one, in [0, 1).
        accelerate: Factor of µ after a success, at least 1.
        brake: Factor of µ, and of the velocity, after a failure, in (0, 1).

    Returns:
        A transformation whose state is a `TrialState`; its `params` are the best so far.

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
        lbfgs: the same contract; converges faster.
    """
    _check("learning_rate", learning_rate, "positive", learning_rate > 0)
    _check("momentum", momentum, "in [0, 1)", (momentum >= 0) & (momentum < 1))
    _check("accelerate", accelerate, "at least 1", accelerate >= 1)
    _check("brake", brake, "in (0, 1)", (brake > 0) & (brake < 1))

    def init(params: optax.Params) -> TrialState:
        return _at_rest(params, memory=())

    def update(updates, state, params=None, *, value, **_):
        params = _given(params)
        value = value.astype(state.value.dtype)
        accepted = (value <= state.value) & _is_finite((value, updates))
        starts = ~jnp.isfinite(state.value)
        factor = jnp.where(accepted, accelerate, brake) * state.learning_rate
        first = learning_rate * _relative_length(params, updates)
        gradient = tree_utils.tree_where(accepted, updates, state.gradient)
        rate = jnp.where(accepted & starts, first, factor).astype(factor.dtype)
        velocity = _scaled(state.step, jnp.where(accepted, momentum, momentum * brake))
        step = jax.tree.map(lambda v, g: v - rate.astype(g.dtype) * g, velocity, gradient)
        return _proposed(state, params, value, gradient, step, rate, accepted, memory=())

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


class _Pairs(NamedTuple):
    """What L-BFGS knows of the curvature, from the oldest pair to the newest."""

    steps: PyTree[Float[Array, "pair ..."]]
    changes: PyTree[Float[Array, "pair ..."]]  # of the gradient, along each step
    weight: Float[Array, " pair"]  # 1 / (step · change), 0 where there is no pair
    n_failures: Int[Array, ""]  # since a trial was accepted


def lbfgs(
    memory_size: int = 10, learning_rate: float = 0.1
) -> optax.GradientTransformationExtraArgs:
    """L-BFGS that tries its full step, and halves it where the loss does not become smaller.

    The direction −H∇E(y) is that of limited-memory BFGS, H being an estimate of the inverse Hessian
    from the last `memory_size` pairs of steps s and changes u of the gradient along them. A pair
    is used only if s · u > 1e-8 ‖s‖ ‖u‖, which keeps H positive. Each trial is

        success, E(y − µ H∇E) < E(y):  y ← y − µ H∇E,  µ ← 1
        failure, anything else:        µ ← µ / 2

    After 12 failures at the same point, or where the direction does not descend, all pairs are
    forgotten. Without pairs a step is that of steepest descent, as the first one of `bold_driver`;
    what is said there of scales, of losses that are not finite and of `update` holds here too.

    Unlike `optax.lbfgs`, it needs no line search within a step: mostly one gradient a step, and
    none for failures.

    Args:
        memory_size: Number of pairs, at least 1: each takes the memory of two points.
        learning_rate: As for `bold_driver`, for every step without pairs.

    Returns:
        As `bold_driver` does.

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
    _check("learning_rate", learning_rate, "positive", learning_rate > 0)

    def init(params: optax.Params) -> TrialState:
        none = jax.tree.map(lambda leaf: jnp.zeros((memory_size, *leaf.shape), leaf.dtype), params)
        weight = jnp.zeros(memory_size, _value_dtype(params))
        return _at_rest(params, _Pairs(none, none, weight, jnp.zeros((), jnp.int32)))

    def update(updates, state, params=None, *, value, **_):
        params = _given(params)
        value = value.astype(state.value.dtype)
        accepted = (value < state.value) & _is_finite((value, updates))
        gradient = tree_utils.tree_where(accepted, updates, state.gradient)
        pairs = _with_pair(state, params, updates, accepted)
        newton = _times_inverse_hessian(gradient, pairs)
        slope = _dot(gradient, newton)
        exhausted = (pairs.n_failures >= _MAX_FAILURES) & (pairs.weight[-1] > 0)
        forget = exhausted | ~((slope > 0) & jnp.isfinite(slope))
        pairs = jax.tree.map(lambda leaf: jnp.where(forget, 0, leaf).astype(leaf.dtype), pairs)
        here = tree_utils.tree_where(accepted, params, state.params)
        descent = _scaled(gradient, learning_rate * _relative_length(here, gradient))
        direction = tree_utils.tree_where(pairs.weight[-1] > 0, newton, descent)
        rate = jnp.where(accepted | forget, 1, state.learning_rate / 2)
        step = _scaled(direction, -rate)
        return _proposed(state, params, value, gradient, step, rate, accepted, pairs)

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


def _with_pair(state: TrialState, params, gradient, accepted) -> _Pairs:
    """The pairs after a trial: with the new one, if it was accepted and shows curvature."""
    pairs: _Pairs = state.memory
    step = tree_utils.tree_sub(params, state.params)
    change = tree_utils.tree_sub(gradient, state.gradient)
    curvature = _dot(step, change)
    bound = _LEAST_COSINE * _norm(step) * _norm(change)
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
        alpha = weight * _dot(step, q)
        return _plus(q, -alpha, change), alpha

    def toward_newest(q, pair_and_alpha):
        (step, change, weight), alpha = pair_and_alpha
        return _plus(q, alpha - weight * _dot(change, q), step), None

    each = (pairs.steps, pairs.changes, pairs.weight)
    q, alphas = jax.lax.scan(toward_oldest, gradient, each, reverse=True)
    last = jax.tree.map(lambda memory: memory[-1], pairs.changes)
    inverse = pairs.weight[-1] * _dot(last, last)
    q = _scaled(q, 1 / jnp.where(inverse > 0, inverse, 1))
    return jax.lax.scan(toward_newest, q, (each, alphas))[0]


def _at_rest(params: PyTree[Array], memory: Any) -> TrialState:
    """Nothing accepted yet; the first trial is `params` itself."""
    dtype = _value_dtype(params)
    return TrialState(
        params=jax.tree.map(jnp.asarray, params),
        value=jnp.full((), jnp.inf, dtype),
        gradient=tree_utils.tree_zeros_like(params),
        step=tree_utils.tree_zeros_like(params),
        learning_rate=jnp.zeros((), dtype),
        accepted=jnp.zeros((), bool),
        memory=memory,
    )


def _proposed(state, tried, value, gradient, step, rate, accepted, memory):
    """The update from the point just tried to the next trial, and the state after."""
    params = tree_utils.tree_where(accepted, tried, state.params)
    # What was accepted is not gone back on: there, rounding is kept out of the step.
    back = jax.tree.map(lambda p, s, t: jnp.where(accepted, s, (p + s) - t), params, step, tried)
    value = jnp.where(accepted, value, state.value)
    return back, TrialState(params, value, gradient, step, rate, accepted, memory)


def trial_state(state: PyTree) -> TrialState | None:
    """The `TrialState` within the state of an optimizer, None where there is none."""
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, TrialState))
    return next((node for node in nodes if isinstance(node, TrialState)), None)


def _given(params):
    if params is None:
        raise ValueError("params must be the point just tried, got None; pass it to update.")
    return params


def _check(name: str, value: object, rule: str, holds) -> None:
    # optax.inject_hyperparams gives arrays under a trace, which cannot be judged.
    if not is_traced(holds) and not holds:
        raise ValueError(f"{name} must be {rule}, got {value!r}.")


def _value_dtype(params: PyTree[Array]):
    """That of the most precise leaf, float32 at least."""
    dtypes = [np.dtype(np.float32), *(leaf.dtype for leaf in jax.tree.leaves(params))]
    return max(dtypes, key=lambda dtype: jnp.finfo(dtype).bits)


def _is_finite(tree: PyTree[Array]) -> Bool[Array, ""]:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()


def _relative_length(params: PyTree[Array], gradient: PyTree[Array]) -> Float[Array, ""]:
    """‖params‖ / ‖gradient‖, in which 0 counts as √size above, and as nothing to do below."""
    size = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    length, slope = _norm(params), _norm(gradient)
    length = jnp.where(length > 0, length, math.sqrt(size))
    return jnp.where(slope > 0, length / jnp.where(slope > 0, slope, 1), 0)


def _dot(a: PyTree[Array], b: PyTree[Array]) -> Float[Array, ""]:
    return jnp.asarray(tree_utils.tree_vdot(a, b))


def _norm(tree: PyTree[Array]) -> Float[Array, ""]:
    return jnp.sqrt(_dot(tree, tree))


def _plus(tree: PyTree[Array], factor: Array, other: PyTree[Array]) -> PyTree[Array]:
    return jax.tree.map(lambda a, b: a + factor.astype(b.dtype) * b, tree, other)


def _scaled(tree: PyTree[Array], factor: Array) -> PyTree[Array]:
    return jax.tree.map(lambda leaf: factor.astype(leaf.dtype) * leaf, tree)
