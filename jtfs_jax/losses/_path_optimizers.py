"""Optimizers that receive the path of each gradient and keep a memory per path."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from jtfs_jax import _checks
from jtfs_jax._nodes import exportable


@exportable
class PAdamState(NamedTuple):
    """State of `scale_by_p_adam`.

    Attributes:
        n_steps: Number of steps.
        last: The step at which each path was last drawn, or 0.
        mu: Running average of the gradients, with a leading axis of paths.
        nu: Running average of the squared gradients.
    """

    n_steps: Int[Array, ""]
    last: Int[Array, " path"]
    mu: PyTree[Float[Array, "path ..."]]
    nu: PyTree[Float[Array, "path ..."]]


def scale_by_p_adam(
    n_paths: int, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> optax.GradientTransformationExtraArgs:
    """Adam with moments for each path, which decay with the time between draws of the path.

    At step s, let t = s/P be the time in units of P steps, g the gradient of path p, and Δ the time
    since p was last drawn, or since the start, in the same units:

        m_p ← β₁^Δ m_p + (1 − β₁^Δ) g
        v_p ← β₂^Δ v_p + (1 − β₂^Δ) g²
        update = m_p/(1 − β₁^t) / (√(v_p/(1 − β₂^t)) + ε)

    `update(gradient, state, index=p)` takes the index of the path along with its gradient. The
    moments take as much memory as 2 P copies of the weights; donate the state to the compiled step
    to avoid copying them each time.

    The gradient of a path, which has few coefficients, with respect to the weights of a network may
    not be much larger than ε. In that case, chain `optax.scale(1e8)` first, as in the literature.

    Args:
        n_paths: P, the number of paths.
        b1: β₁, between 0 and 1.
        b2: β₂, between 0 and 1.
        eps: ε, above 0.

    Returns:
        A transformation without a learning rate, like `optax.scale_by_adam`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> optimizer = optax.chain(scale_by_p_adam(2), optax.scale_by_learning_rate(0.1))
        >>> weights = jnp.array([1.0, -2.0])
        >>> state = optimizer.init(weights)
        >>> for p in (0, 1, 1):
        ...     gradient = (p + 1) * weights
        ...     updates, state = optimizer.update(gradient, state, weights, index=p)
        ...     weights = optax.apply_updates(weights, updates)
        >>> weights.round(1)
        Array([ 0.7, -1.7], dtype=float32)

    References:
        Mitcheltree, Lostanlen, Benetos & Lagrange, SCRAPL: Scattering Transform with Random Paths
        for Machine Learning, 2026, arXiv:2602.11145.

    See Also:
        scale_by_p_saga: can come after it in a chain.
    """
    n_paths = _checks.positive_integer("n_paths", n_paths)
    b1, b2 = _checks.fraction("b1", b1), _checks.fraction("b2", b2)
    eps = _checks.positive_number("eps", eps)

    def init(params: optax.Params) -> PAdamState:
        return PAdamState(
            n_steps=jnp.zeros((), jnp.int32),
            last=jnp.zeros(n_paths, jnp.int32),
            mu=_for_each_path(n_paths, params),
            nu=_for_each_path(n_paths, params),
        )

    def update(updates, state, params=None, *, index, **_):
        n_steps = state.n_steps + 1
        elapsed = n_steps - state.last[index]

        def moved(decay: float, moments: Array, g: Array) -> Array:
            old = moments[index]
            return old + _forgotten(decay, elapsed, n_paths, g.dtype) * (g - old)

        def direction(m: Array, v: Array) -> Array:
            m = m / _forgotten(b1, n_steps, n_paths, m.dtype)
            v = v / _forgotten(b2, n_steps, n_paths, v.dtype)
            return m / (jnp.sqrt(v) + eps)

        m = jax.tree.map(lambda moments, g: moved(b1, moments, g), state.mu, updates)
        v = jax.tree.map(lambda moments, g: moved(b2, moments, g**2), state.nu, updates)
        new = PAdamState(
            n_steps=n_steps,
            last=state.last.at[index].set(n_steps),
            mu=_with_entry(state.mu, index, m),
            nu=_with_entry(state.nu, index, v),
        )
        return jax.tree.map(direction, m, v), new

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


@exportable
class PSagaState(NamedTuple):
    """State of `scale_by_p_saga`.

    Attributes:
        seen: Whether each path has been drawn.
        memory: The last gradient of each path, or 0, with a leading axis of paths.
        total: Sum of `memory` over paths.
    """

    seen: Bool[Array, " path"]
    memory: PyTree[Float[Array, "path ..."]]
    total: PyTree[Float[Array, "..."]]


def scale_by_p_saga(n_paths: int) -> optax.GradientTransformationExtraArgs:
    """Stochastic average gradients (SAGA) over paths, to reduce the noise of drawing one path.

    With G_q the last gradient of each path q, and n the number of paths drawn so far, p included,

        update = g − G_p + 1/max(1, n − 1) Σ_q G_q,     then     G_p ← g

    At a minimum the terms cancel, so descent converges with a constant learning rate, whereas with
    the gradients of single paths it would keep wandering.

    `update(gradient, state, index=p)` takes the index of the path along with its gradient. The
    state takes as much memory as P copies of the weights. This is too much for large networks,
    which can do without SAGA. In the literature it comes between `scale_by_p_adam` and plain
    gradient descent:

        optax.chain(scale_by_p_adam(P), scale_by_p_saga(P), optax.scale_by_learning_rate(1e-4))

    Args:
        n_paths: P, the number of paths.

    Returns:
        A transformation without a learning rate.

    Raises:
        ValueError: If `n_paths` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> saga = scale_by_p_saga(3)
        >>> state = saga.init(jnp.zeros(()))
        >>> for p, gradient in [(0, 1.0), (1, 4.0), (0, 2.0)]:
        ...     update, state = saga.update(jnp.asarray(gradient), state, index=p)
        ...     print(update)
        1.0
        5.0
        6.0

    References:
        Defazio, Bach & Lacoste-Julien, SAGA, 2014, arXiv:1407.0202; for scattering paths,
        Mitcheltree, Lostanlen, Benetos & Lagrange, SCRAPL: Scattering Transform with Random Paths
        for Machine Learning, 2026, arXiv:2602.11145.

    See Also:
        scale_by_p_adam: comes before it in the chain.
    """
    n_paths = _checks.positive_integer("n_paths", n_paths)

    def init(params: optax.Params) -> PSagaState:
        return PSagaState(
            seen=jnp.zeros(n_paths, bool),
            memory=_for_each_path(n_paths, params),
            total=jax.tree.map(jnp.zeros_like, params),
        )

    def update(updates, state, params=None, *, index, **_):
        seen = state.seen.at[index].set(True)
        others = jnp.maximum(seen.sum() - 1, 1)
        change = jax.tree.map(lambda g, memory: g - memory[index], updates, state.memory)
        new = PSagaState(
            seen=seen,
            memory=_with_entry(state.memory, index, updates),
            total=jax.tree.map(jnp.add, state.total, change),
        )
        direction = jax.tree.map(lambda d, s: d + s / others.astype(s.dtype), change, state.total)
        return direction, new

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


def _for_each_path(n_paths: int, params: PyTree[Array]) -> PyTree[Array]:
    return jax.tree.map(lambda leaf: jnp.zeros((n_paths, *leaf.shape), leaf.dtype), params)


def _with_entry(
    tree: PyTree[Array], index: int | Int[Array, ""], entry: PyTree[Array]
) -> PyTree[Array]:
    return jax.tree.map(lambda leaf, new: leaf.at[index].set(new), tree, entry)


def _forgotten(decay: float, steps: Int[Array, ""], n_paths: int, dtype: np.dtype) -> Array:
    """1 − decay^(steps/P), accurate even where it is small."""
    return -jnp.expm1(steps.astype(dtype) * (np.log(decay) / n_paths))
