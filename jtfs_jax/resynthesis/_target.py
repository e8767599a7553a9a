"""What metamers approach, and how far from it they are."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jtfs_jax._checks import is_traced

# A function of a filterbank, or whatever else it takes, and of a batch of sounds.
Transform = Callable[[Any, Float[Array, "sound time"]], Any]


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

    def spread(w, coefficients):
        def to(leaf):
            return jnp.broadcast_to(jnp.asarray(w, leaf.dtype), leaf.shape)

        return jax.tree.map(to, coefficients)

    try:
        weights = jax.tree.map(spread, weights, coefficients)
    except ValueError as error:
        raise ValueError(
            f"weights must be numbers, or a pytree like that of the coefficients whose leaves "
            f"broadcast to these, which it is not: {error}"
        ) from error
    weighted = jax.tree.map(jnp.multiply, weights, coefficients)
    largest = jnp.stack([_highest(leaf) for leaf in jax.tree.leaves(weighted)]).max(axis=0)
    # Divided by the largest first, lest the squares of a quiet sound vanish.
    divisor = jnp.where(largest > 0, largest, 1)
    unit = jax.tree.map(lambda leaf: leaf / _like(divisor, leaf), weighted)
    squares = [_squared(leaf).reshape(len(leaf), -1).sum(axis=1) for leaf in jax.tree.leaves(unit)]
    norm = largest * jnp.sqrt(jnp.stack(squares).sum(axis=0))
    if not is_traced(norm):
        bad = [float(n) for n in norm if not (np.isfinite(n) and n > 0)]
        if bad:
            raise ValueError(
                f"{name} must be finite and not silent, but the norm of the coefficients, times "
                f"the weights, is {bad[0]}; take another sound, or scale it to a peak of 1."
            )
    return Target(
        jax.tree.map(lambda leaf: leaf / _like(norm, leaf), weights),
        jax.tree.map(lambda leaf: leaf / _like(norm, leaf), weighted),
    )


def _highest(leaf: Array) -> Array:
    return jnp.abs(leaf).reshape(len(leaf), -1).max(axis=1, initial=0)


def _like(per_target: Array, leaf: Array) -> Array:
    """One number a target, to broadcast with a leaf."""
    shape = (-1, *[1] * (leaf.ndim - 1))
    return per_target.astype(leaf.dtype).reshape(shape)


def half_square(target: Target, s: PyTree[Array], n_targets: int) -> Float[Array, " sound"]:
    """½E² of each sound of a batch, which counts over targets first."""

    def part(s, w, wanted):
        by_target = s.reshape(len(s) // n_targets, n_targets, *s.shape[1:])
        difference = w[None] * by_target - wanted[None]
        return _squared(difference).reshape(len(s), -1).sum(axis=1)

    parts = jax.tree.leaves(jax.tree.map(part, s, *target))
    return jnp.stack(parts).sum(axis=0) / 2


def _squared(a: Array) -> Array:
    return jnp.real(jnp.conj(a) * a) if jnp.iscomplexobj(a) else jnp.square(a)
