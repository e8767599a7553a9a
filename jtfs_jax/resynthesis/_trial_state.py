"""Trials that optimizers accept or undo, and the pytree algebra for them."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree
from optax import tree_utils

from jtfs_jax._checks import is_traced
from jtfs_jax._nodes import exportable


@exportable
class TrialState(NamedTuple):
    """State of an optimizer that undoes failed trials: `bold_driver` or `lbfgs`.

    Attributes:
        params: The last accepted point.
        value: The loss there; infinite until a point has been accepted.
        gradient: The gradient there.
        step: Step from the accepted point to the next trial.
        learning_rate: Factor that multiplies the search direction in this step.
        accepted: Whether the last trial was accepted.
        memory: Other data that the method keeps: the pairs of `lbfgs`, nothing for `bold_driver`.
    """

    params: PyTree[Array]
    value: Float[Array, ""]
    gradient: PyTree[Array]
    step: PyTree[Array]
    learning_rate: Float[Array, ""]
    accepted: Bool[Array, ""]
    memory: Any


def at_rest(params: PyTree[Array], memory: Any) -> TrialState:
    """State with nothing accepted yet; the first trial is `params` itself."""
    dtype = value_dtype(params)
    return TrialState(
        params=jax.tree.map(jnp.asarray, params),
        value=jnp.full((), jnp.inf, dtype),
        gradient=tree_utils.tree_zeros_like(params),
        step=tree_utils.tree_zeros_like(params),
        learning_rate=jnp.zeros((), dtype),
        accepted=jnp.zeros((), bool),
        memory=memory,
    )


def proposed(state, tried, value, gradient, step, rate, accepted, memory):
    """The update from the point just tried to the next trial, and the state after it."""
    params = tree_utils.tree_where(accepted, tried, state.params)
    # The step starts at an accepted trial, so it is then returned as it is, without rounding.
    back = jax.tree.map(lambda p, s, t: jnp.where(accepted, s, (p + s) - t), params, step, tried)
    value = jnp.where(accepted, value, state.value)
    return back, TrialState(params, value, gradient, step, rate, accepted, memory)


def trial_state(state: PyTree) -> TrialState | None:
    """The `TrialState` within the state of an optimizer, or None."""
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, TrialState))
    return next((node for node in nodes if isinstance(node, TrialState)), None)


def given(params):
    if params is None:
        raise ValueError("params must be the point just tried, got None; pass it to update.")
    return params


def check(name: str, value: object, rule: str, holds) -> None:
    # Under a trace, optax.inject_hyperparams passes arrays, which cannot be checked.
    if not is_traced(holds) and not holds:
        raise ValueError(f"{name} must be {rule}, got {value!r}.")


def value_dtype(params: PyTree[Array]):
    """Dtype of the most precise leaf, at least float32."""
    dtypes = [np.dtype(np.float32), *(leaf.dtype for leaf in jax.tree.leaves(params))]
    return max(dtypes, key=lambda dtype: jnp.finfo(dtype).bits)


def is_finite(tree: PyTree[Array]) -> Bool[Array, ""]:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()


def relative_length(params: PyTree[Array], gradient: PyTree[Array]) -> Float[Array, ""]:
    """‖params‖ / ‖gradient‖; ‖params‖ = 0 counts as √size, and ‖gradient‖ = 0 gives 0."""
    size = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    length, slope = norm(params), norm(gradient)
    length = jnp.where(length > 0, length, math.sqrt(size))
    return jnp.where(slope > 0, length / jnp.where(slope > 0, slope, 1), 0)


def dot(a: PyTree[Array], b: PyTree[Array]) -> Float[Array, ""]:
    return jnp.asarray(tree_utils.tree_vdot(a, b))


def norm(tree: PyTree[Array]) -> Float[Array, ""]:
    return jnp.sqrt(dot(tree, tree))


def scaled(tree: PyTree[Array], factor: Array) -> PyTree[Array]:
    return jax.tree.map(lambda leaf: factor.astype(leaf.dtype) * leaf, tree)
