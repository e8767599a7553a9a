"""The objective: weighted coefficients of the targets, and the distance of sounds from them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jtfs_jax._checks import is_traced
from jtfs_jax._coefficients import broadcast_weights
from jtfs_jax._nodes import exportable
from jtfs_jax._norms import flat, norm

Bank = TypeVar("Bank")  # a filterbank, or any other first argument of a transform
Transform = Callable[[Bank, Float[Array, "sound time"]], PyTree[Array]]


class Goal(Protocol):
    """Objective that a search minimizes."""

    def loss(self, s: Any, n_targets: int) -> Float[Array, " sound"]:
        """Nonnegative loss of each sound, from the results of the transform."""
        ...


@exportable
class Objective(NamedTuple):
    """Weights and weighted coefficients, both divided by the norm of the weighted coefficients."""

    weights: PyTree[Array]
    coefficients: PyTree[Array]

    def loss(self, s: PyTree[Array], n_targets: int) -> Float[Array, " sound"]:
        """½E² of each sound of a batch, in which targets vary fastest."""
        return half_square(self, s, n_targets)


def flattened(
    target: PyTree[Array], like: PyTree[jax.ShapeDtypeStruct]
) -> tuple[PyTree[Array], tuple[int, ...]]:
    """Coefficients with a single axis for all targets, and the shape of the axes that it replaces.

    `like` has the structure and the shapes of coefficients for a batch of one target.
    """
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, target))
    if tree != jax.tree.structure(like):
        raise ValueError(
            f"target must have the structure that transform returns, {jax.tree.structure(like)}, "
            f"got {tree}; compute it with the same transform."
        )
    shapes = [leaf.shape[1:] for leaf in jax.tree.leaves(like)]
    targets = leaves[0].shape[: max(leaves[0].ndim - len(shapes[0]), 0)]
    if any(leaf.shape != (*targets, *shape) for leaf, shape in zip(leaves, shapes, strict=True)):
        raise ValueError(
            f"target must have the shapes {shapes} after the same leading axes, got "
            f"{[leaf.shape for leaf in leaves]}; compute it with this filterbank."
        )
    if 0 in targets:
        raise ValueError(f"target must have at least one sound, got the batch axes {targets}.")
    flat = [
        leaf.reshape(math.prod(targets), *shape) for leaf, shape in zip(leaves, shapes, strict=True)
    ]
    return jax.tree.unflatten(tree, flat), targets


def objective(coefficients: PyTree[Array], weights: PyTree) -> Objective:
    """Objective relative to the norm of each target, which must be finite and not 0."""
    weights = broadcast_weights(weights, coefficients)
    weighted = jax.tree.map(jnp.multiply, weights, coefficients)
    size = norm(flat(weighted, n_batch=1))
    if not is_traced(size):
        bad = [float(n) for n in size if not (np.isfinite(n) and n > 0)]
        if bad:
            raise ValueError(
                f"target must be finite and not silent, but the norm of its weighted coefficients "
                f"is {bad[0]}; take another sound, or scale it to a peak of 1."
            )

    def relative(leaf):
        return leaf / size.astype(leaf.dtype).reshape(-1, *[1] * (leaf.ndim - 1))

    return Objective(jax.tree.map(relative, weights), jax.tree.map(relative, weighted))


def half_square(goal: Objective, s: PyTree[Array], n_targets: int) -> Float[Array, " sound"]:
    """½E² of each sound of a batch, in which targets vary fastest."""

    def difference(s, weights, weighted):
        by_target = s.reshape(len(s) // n_targets, n_targets, *s.shape[1:])
        return weights[None] * by_target - weighted[None]

    differences = flat(jax.tree.map(difference, s, *goal), n_batch=2)
    return jnp.square(differences).sum(axis=-1).reshape(-1) / 2
