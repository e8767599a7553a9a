"""Distances between the coefficients of sounds, one per sound of a batch."""

from functools import partial
from typing import Literal, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jtfs_jax import _checks
from jtfs_jax._arrays import of_rank
from jtfs_jax._coefficients import JointScattering, TimeScattering, broadcast_weights
from jtfs_jax._jit import jit
from jtfs_jax._norms import flat, norm, unit

Coefficients = TypeVar("Coefficients", bound=PyTree)


@partial(jit, static_argnames=("p", "relative"))
@jax.named_scope("jtfs_jax.losses.distance")
def distance(
    S: Coefficients,
    target: Coefficients,
    *,
    p: Literal[1, 2] = 2,
    relative: bool = False,
    weights: PyTree[Array | float] = 1.0,
) -> Float[Array, "*batch"]:
    """Distance between coefficients: an ℓp norm over all orders, paths, bands and frames.

        d(S, R) = ‖w (S − R)‖ₚ = (Σ |w (S − R)|ᵖ)^(1/p)       R the target
        relative:  d(S, R) / ‖w R‖ₚ

    In the results of `jtfs` and `time_scattering`, the axes before S0's frames are batch axes:
    there is one distance per sound. Batch axes of `S` and `target` broadcast, so one target can
    serve all sounds, and batch shapes (n, 1) and (1, m) give all distances between two sets. Any
    other pytree counts as one sound: use `jax.vmap` for several.

    Derivatives with respect to `S` and `target` are finite to every order, and 0 at an exact match.
    Elsewhere the gradient of ‖S − R‖₂ has norm 1 however close the match is: decay the learning
    rate or square the distance to converge.

    Adam neglects gradients below its ε of 1e-8, and in float32 the squares of gradients below about
    1e-18 underflow; gradients with respect to the parameters of quiet sounds may be that small. The
    relative distance does not depend on the level of the sounds. If gradients are still small, for
    example with respect to the samples of a long sound, multiply the loss by a large constant,
    which does not affect Adam otherwise.

    Compose it with compression: `distance(log_compress(S, level), log_compress(R, level))`.

    Args:
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes; or any pytree of
            numbers and arrays, in which a complex number counts as two real ones.
        target: Coefficients of the same transform, with no batch axes or axes that broadcast to the
            batch axes of `S`.
        p: 2 for the Euclidean distance, 1 for the sum of magnitudes.
        relative: Whether to divide by the norm of the target. The norm of silence counts as 1.
        weights: w, a number, or a pytree with the structure of the coefficients or a prefix of it,
            whose leaves broadcast to the coefficients; see `path_weights`.

    Returns:
        Distances, one per sound of the batch.

    Raises:
        ValueError: At trace time, if `S` and `target` are not numeric or differ in structure or
            shapes, `weights` do not match them, or `p` is neither 1 nor 2.

    Example:
        >>> import jax, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> x = jax.random.normal(jax.random.key(0), (3, 1024))
        >>> target = jtfs_jax.jtfs(bank, x[0])
        >>> distance(jtfs_jax.jtfs(bank, x), target, relative=True).shape
        (3,)
        >>> loss = lambda y, bank, target: distance(jtfs_jax.jtfs(bank, y), target)
        >>> gradient = jax.jit(jax.grad(loss))(x[1], bank, target)

    References:
        p = 2: Vahidi et al., Mesostructures, 2023, arXiv:2301.10183; relative: Muradeli et al.,
        Differentiable Time–Frequency Scattering on GPU, 2022, section 5, arXiv:2204.08269.

    See Also:
        path_weights: weights by order, kind of path, or path.
        analysis.log_compress, analysis.mu_log: compression.
        analysis.pair_distances: relative distances for each order and pair of filters.
    """
    _checks.choice("p", p, (1, 2))
    a, b = _vectors(S, target, weights)
    length = norm(a - b, p)
    if not relative:
        return length
    of_target = norm(b, p)
    return length / jnp.where(of_target == 0, 1, of_target)


@jit
@jax.named_scope("jtfs_jax.losses.cosine_distance")
def cosine_distance(
    S: Coefficients, target: Coefficients, *, weights: PyTree[Array | float] = 1.0
) -> Float[Array, "*batch"]:
    """One minus the cosine of the angle between coefficients; ignores the levels of the sounds.

        d(S, R) = 1 − ⟨wS, wR⟩ / (‖wS‖ ‖wR‖) = ½ ‖ wS / ‖wS‖ − wR / ‖wR‖ ‖²

    with R the target. It is computed from the second form, which is accurate near a match. Silence
    has no angle: its distance is 0 to silence and 1 to any other sound. Batches and derivatives are
    as in `distance`.

    Args:
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes; or any pytree of
            arrays.
        target: Coefficients of the same transform, with no batch axes or axes that broadcast to the
            batch axes of `S`.
        weights: w, as for `distance`.

    Returns:
        Distances, one per sound, between 0 and 1 if no coefficients are negative.

    Raises:
        ValueError: At trace time, if `S` and `target` differ in structure or shapes, or `weights`
            do not match them.

    Example:
        >>> import jax, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> S = jtfs_jax.jtfs(bank, jax.random.normal(jax.random.key(0), (1024,)))
        >>> louder = jax.tree.map(lambda s: 5 * s, S)
        >>> bool(cosine_distance(louder, S) < 1e-6)
        True
    """
    a, b = _vectors(S, target, weights)
    a, a_silent = unit(a)
    b, b_silent = unit(b)
    half = jnp.square(a - b).sum(axis=-1) / 2
    return jnp.where(a_silent | b_silent, (a_silent != b_silent).astype(half.dtype), half)


def _vectors(S: PyTree[Array], target: PyTree[Array], weights: PyTree) -> tuple[Array, Array]:
    """Weighted coefficients of both, as `(*batch, coefficient)` with broadcastable batch axes."""
    S, target = _checks.coefficients("S", S), _checks.coefficients("target", target)
    trees = jax.tree.structure(S), jax.tree.structure(target)
    if trees[0] != trees[1]:
        raise ValueError(
            f"target must have the pytree structure of S, {trees[0]}, got {trees[1]}; compute both "
            f"with the same transform and filterbank."
        )
    ndims = _n_batch(S), _n_batch(target)
    shapes_a, shapes_b = (
        [leaf.shape[n:] for leaf in jax.tree.leaves(tree)]
        for tree, n in zip((S, target), ndims, strict=True)
    )
    if shapes_a != shapes_b:
        raise ValueError(
            f"target must have the shapes of S, {shapes_a} after the batch axes, got {shapes_b}; "
            f"compute both with the same filterbank."
        )
    a, b = (
        flat(jax.tree.map(jnp.multiply, broadcast_weights(weights, tree), tree), n)
        for tree, n in zip((S, target), ndims, strict=True)
    )
    try:
        batch = jnp.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    except ValueError as error:
        raise ValueError(
            f"target must have batch axes that broadcast to those of S, {a.shape[:-1]}, got "
            f"{b.shape[:-1]}; pass one target for each sound, or one for all."
        ) from error
    a, b = (of_rank(v, len(batch) + 1) for v in (a, b))
    return a, b


def _n_batch(S: PyTree[Array]) -> int:
    is_scattering = isinstance(S, JointScattering | TimeScattering)
    return S.S0.ndim - 1 if is_scattering else 0
