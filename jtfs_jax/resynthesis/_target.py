"""What metamers approach, and how far from it they are."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jtfs_jax._checks import is_traced
from jtfs_jax._coefficients import broadcast_weights
from jtfs_jax._nodes import exportable
from jtfs_jax._norms import flat, norm

# A function of a filterbank, or whatever else it takes, and of a batch of sounds.
Transform = Callable[[Any, Float[Array, "sound time"]], Any]


@exportable
class Target(NamedTuple):
    """Weights and weighted coefficients, both relative to the norm of the latter."""

    weights: PyTree[Array]
    coefficients: PyTree[Array]


def flattened(
    coefficients: PyTree[Array], of_one: PyTree[jax.ShapeDtypeStruct]
) -> tuple[PyTree[Array], tuple[int, ...]]:
    """Coefficients with a single axis for all targets, and the axes that it stands for.

    `of_one` tells the structure and the shapes of those of one target, with an axis for it.
    """
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, coefficients))
    if tree != jax.tree.structure(of_one):
        raise ValueError(
            f"coefficients must be a pytree as transform returns it, {jax.tree.structure(of_one)}, "
            f"got {tree}; compute them by the same transform."
        )
    shapes = [leaf.shape[1:] for leaf in jax.tree.leaves(of_one)]
    targets = leaves[0].shape[: max(leaves[0].ndim - len(shapes[0]), 0)]
    if any(leaf.shape != (*targets, *shape) for leaf, shape in zip(leaves, shapes, strict=True)):
        raise ValueError(
            f"coefficients must have the shapes {shapes} after the same leading axes, got "
            f"{[leaf.shape for leaf in leaves]}; compute them with this filterbank."
        )
    flat = [
        leaf.reshape(math.prod(targets), *shape) for leaf, shape in zip(leaves, shapes, strict=True)
    ]
    return jax.tree.unflatten(tree, flat), targets


def target_of(coefficients: PyTree[Array], weights: PyTree, name: str) -> Target:
    """What errors are computed from; raises where a target has nothing to approach."""
    weights = broadcast_weights(weights, coefficients)
    weighted = jax.tree.map(jnp.multiply, weights, coefficients)
    size = norm(flat(weighted, n_batch=1))
    if not is_traced(size):
        bad = [float(n) for n in size if not (np.isfinite(n) and n > 0)]
        if bad:
            raise ValueError(
                f"{name} must be finite and not silent, but the norm of the coefficients, times "
                f"the weights, is {bad[0]}; take another sound, or scale it to a peak of 1."
            )

    def relative(leaf):
        return leaf / size.astype(leaf.dtype).reshape(-1, *[1] * (leaf.ndim - 1))

    return Target(jax.tree.map(relative, weights), jax.tree.map(relative, weighted))


def half_square(target: Target, s: PyTree[Array], n_targets: int) -> Float[Array, " sound"]:
    """½E² of each sound of a batch, which counts over targets first."""

    def difference(s, w, wanted):
        by_target = s.reshape(len(s) // n_targets, n_targets, *s.shape[1:])
        return w[None] * by_target - wanted[None]

    differences = flat(jax.tree.map(difference, s, *target), n_batch=2)
    return jnp.square(differences).sum(axis=-1).reshape(-1) / 2
