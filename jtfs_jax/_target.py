"""What metamers approach, and how far from it they are."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ._checks import is_traced

# A function of a filterbank, or whatever else it takes, and of a batch of sounds.
Transform = Callable[[Any, Float[Array, "sound time"]], Any]


class Target(NamedTuple):
    """Weights and weighted coefficients, both relative to the norm of the latter."""

    weights: PyTree[Array]
    coefficients: PyTree[Array]


def coefficients_of(
    bank: Any, x: Array | None, coefficients: PyTree, transform: Transform, n_samples: int, dtype
) -> tuple[PyTree[Array], tuple[int, ...]]:
    """Coefficients with a single axis for all targets, and the axes that it stands for."""
    if x is not None:
        targets = x.shape[:-1]
        return transform(bank, x.reshape(math.prod(targets), x.shape[-1])), targets
    sound = jax.ShapeDtypeStruct((1, n_samples), dtype)
    one = jax.eval_shape(transform, bank, sound)
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, coefficients))
    expected = jax.tree.leaves(one)
    if tree != jax.tree.structure(one):
        raise ValueError(
            f"coefficients must be a pytree as transform returns it, {jax.tree.structure(one)}, "
            f"got {tree}; compute them by the same transform."
        )
    n_axes = [leaf.ndim - like.ndim + 1 for leaf, like in zip(leaves, expected, strict=True)]
    batches = {leaf.shape[: max(n, 0)] for leaf, n in zip(leaves, n_axes, strict=True)}
    if (
        min(n_axes) < 0
        or len(batches) > 1
        or any(
            leaf.shape[n:] != like.shape[1:]
            for leaf, n, like in zip(leaves, n_axes, expected, strict=True)
        )
    ):
        raise ValueError(
            f"coefficients must have the shapes {[like.shape[1:] for like in expected]} after the "
            f"same leading axes, got {[leaf.shape for leaf in leaves]}; compute them with this "
            f"filterbank."
        )
    (targets,) = batches
    flat = [
        leaf.reshape(math.prod(targets), *like.shape[1:])
        for leaf, like in zip(leaves, expected, strict=True)
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
    unit = jax.tree.map(lambda leaf: leaf / _like(largest, leaf), weighted)
    squares = [_squared(leaf).reshape(len(leaf), -1).sum(axis=1) for leaf in jax.tree.leaves(unit)]
    norm = largest * jnp.sqrt(jnp.stack(squares).sum(axis=0))
    if not is_traced(norm):
        bad = [float(n) for n in norm if not np.isfinite(n) or n == 0]
        silent = bool((largest == 0).any())
        if bad or silent:
            raise ValueError(
                f"{name} must be finite and not silent, but the norm of the coefficients, times "
                f"the weights, is {0.0 if silent else bad[0]}; take another sound, or scale it to "
                f"a peak of 1."
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
