"""Path importance: curvature of each path's loss along the parameters that a network predicts."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from jtfs_jax import _checks
from jtfs_jax._modulus import safe_divide

Weights = TypeVar("Weights", bound=PyTree)


@jax.named_scope("jtfs_jax.losses.path_curvatures")
def path_curvatures(
    predict: Callable[[Weights], Float[Array, "*batch parameter"]],
    loss: Callable[[Float[Array, "*batch parameter"]], Float[Array, ""]],
    weights: Weights,
    key: Array,
    *,
    n_iterations: int = 20,
) -> Float[Array, " parameter"]:
    """Curvature of one path's loss along each parameter that a network predicts.

    With θ = predict(w) the parameters and L_p(θ) the loss of the path, the gradient that reaches
    the weights w through the k-th parameter, and its curvature C_k, are

        q_k(w) = (∂θ_k/∂w)ᵀ ∂L_p/∂θ_k
        C_k    = |λ|,     λ the dominant eigenvalue of ∂q_k/∂w

    λ is computed by power iteration, v ← (∂q_k/∂w) v. Each iteration takes as long as a few
    gradients, and no more memory. C_k is the ratio of the norm of the last v to the norm of the
    previous one, which converges even if both λ and −λ are eigenvalues.

    Compile the call in a function of the path, as below, so that one program serves all paths. Take
    the mean, the maximum or the median over several batches.

    Args:
        predict: The network, applied to a batch of sounds, as a function of its weights. It returns
            parameters on the last axis; other axes are batch.
        loss: The loss of one path, as a function of the parameters: a synthesizer followed by a
            distance.
        weights: Weights at which to measure the curvature: a pytree of real arrays.
        key: Key of `jax.random`, for the random v of the first iteration.
        n_iterations: Number of power iterations, at least 1.

    Returns:
        C, one number per parameter; 0 if q_k does not depend on the weights.

    Raises:
        ValueError: At trace time, if `n_iterations` is not positive, `key` is not a key, or
            `predict` returns a single number.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> sounds = jnp.array([[1.0, 0.0], [0.0, 2.0]])
        >>> hessians = jnp.array([[1.0, 3.0], [2.0, 0.0]])  # of the loss of each path, diagonal
        >>> @jax.jit
        ... def curvatures(weights, p):
        ...     predict = lambda weights: sounds @ weights  # a network of two parameters
        ...     loss = lambda theta: 0.5 * jnp.sum(theta**2 @ hessians[p])
        ...     return path_curvatures(predict, loss, weights, jax.random.key(0))
        >>> for p in range(2):
        ...     print(curvatures(jnp.ones((2, 2)), p).round())
        [ 4. 12.]
        [8. 0.]

    References:
        Mitcheltree, Lostanlen, Benetos & Lagrange, SCRAPL: Scattering Transform with Random Paths
        for Machine Learning, 2026, arXiv:2602.11145.

    See Also:
        path_probabilities: converts the curvatures of all paths to probabilities.
    """
    n_iterations = _checks.positive_integer("n_iterations", n_iterations)
    shape = jax.eval_shape(predict, weights).shape
    if not shape:
        raise ValueError(
            "predict must return parameters on its last axis, got a single number; for a single "
            "parameter, return theta[..., None]."
        )
    start = _scaled_to_one(_random_like(weights, _checks.random_key("key", key)))

    def through(parameter: Int[Array, ""], weights: Weights) -> Weights:
        theta, pullback = jax.vjp(predict, weights)
        gradient = jax.grad(loss)(theta)[..., parameter]
        return pullback(jnp.zeros_like(theta).at[..., parameter].set(gradient))[0]

    def curvature(parameter: Int[Array, ""]) -> Float[Array, ""]:
        _, product = jax.linearize(lambda weights: through(parameter, weights), weights)

        def iterate(_, v_and_norm):
            v = product(v_and_norm[0])
            return _scaled_to_one(v), _norm(v)

        first = product(start)
        last = _scaled_to_one(first), _norm(first)
        return jax.lax.fori_loop(1, n_iterations, iterate, last)[1]

    return jax.lax.map(curvature, jnp.arange(shape[-1]))


def _random_like(tree: Weights, key: Array) -> Weights:
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    normal = [
        jax.random.normal(key, leaf.shape, leaf.dtype)
        for key, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, normal)


def _scaled_to_one(tree: Weights) -> Weights:
    """A tree of norm 1; zeros stay zeros."""
    norm = _norm(tree)
    norm = jnp.where(norm > 0, norm, 1)
    return jax.tree.map(lambda leaf: leaf / norm.astype(leaf.dtype), tree)


def _norm(tree: PyTree[Array]) -> Float[Array, ""]:
    return jnp.sqrt(jnp.stack([jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)]).sum())


def path_probabilities(
    curvatures: Float[Array, "path parameter"], *, min_prob_frac: float = 0.0
) -> Float[Array, " path"]:
    """Probabilities of drawing each path, to which all parameters contribute equally.

        π_k(p) = (1 − f) C(p, k) / Σ_q C(q, k) + f / P
        π(p)   = mean over k of π_k(p)

    Draw paths with `jax.random.choice(key, P, p=π)`. Gradients are deliberately not divided by π:
    training descends the mean of the losses of all paths, weighted by π.

    Args:
        curvatures: C, at least 0, from `path_curvatures` for each of P paths. A parameter whose
            curvature is 0 for every path contributes equally to all paths.
        min_prob_frac: f, the fraction of draws that are uniform, from 0 to 1.

    Returns:
        π, summing to 1.

    Raises:
        ValueError: If `curvatures` does not have two axes, some curvatures are negative or not
            finite, or `min_prob_frac` is out of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> curvatures = jnp.array([[3.0, 0.5], [1.0, 0.5], [0.0, 0.0]])
        >>> path_probabilities(curvatures)
        Array([0.625, 0.375, 0.   ], dtype=float32)
        >>> path_probabilities(curvatures, min_prob_frac=0.75)
        Array([0.40625, 0.34375, 0.25   ], dtype=float32)

    References:
        Mitcheltree, Lostanlen, Benetos & Lagrange, SCRAPL: Scattering Transform with Random Paths
        for Machine Learning, 2026, arXiv:2602.11145.

    See Also:
        path_curvatures: the curvature of each path.
    """
    curvatures = _checks.real_array("curvatures", curvatures)
    if curvatures.ndim != 2:
        raise ValueError(
            f"curvatures must have the axes (path, parameter), got the shape {curvatures.shape}; "
            f"stack the results of path_curvatures for all paths."
        )
    if not _checks.is_traced(curvatures) and not jnp.all(
        (curvatures >= 0) & jnp.isfinite(curvatures)
    ):
        raise ValueError(
            "curvatures must be finite and at least 0, but some are not; compute them with "
            "path_curvatures, where the loss has finite second derivatives."
        )
    if not 0 <= min_prob_frac <= 1:
        raise ValueError(f"min_prob_frac must be between 0 and 1, got {min_prob_frac!r}.")
    n_paths = len(curvatures)
    total = curvatures.sum(axis=0, keepdims=True)
    shares = safe_divide(curvatures, total, 1 / n_paths)
    return ((1 - min_prob_frac) * shares + min_prob_frac / n_paths).mean(axis=1)
