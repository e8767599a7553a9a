"""Coefficients as vectors, and norms of vectors with finite derivatives at 0."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ._modulus import safe_sqrt


def flat(tree: PyTree[Array], n_batch: int) -> Float[Array, "*batch coefficient"]:
    """Flatten leaves into one axis after `n_batch` axes; complex numbers become two real ones."""

    # A sum over hundreds of leaves, one per path, would take minutes to compile.
    def vectors(leaf: Array) -> Array:
        leaf = leaf.reshape(*leaf.shape[:n_batch], math.prod(leaf.shape[n_batch:]))
        return jnp.concatenate([leaf.real, leaf.imag], -1) if jnp.iscomplexobj(leaf) else leaf

    return jnp.concatenate([vectors(leaf) for leaf in jax.tree.leaves(tree)], axis=-1)


def norm(a: Float[Array, "*batch coefficient"], p: int = 2) -> Float[Array, "*batch"]:
    """Return (Σ |a|ᵖ)^(1/p) for p = 1 or 2, whose derivatives of every order are 0 at 0."""
    a, largest = _scaled(a)
    if p == 1:
        return largest * magnitude(a).sum(axis=-1)
    return largest * safe_sqrt(jnp.square(a).sum(axis=-1))


def unit(
    a: Float[Array, "*batch coefficient"],
) -> tuple[Float[Array, "*batch coefficient"], Bool[Array, "*batch"]]:
    """Return vectors divided by their norms, and a mask of zero vectors, which stay 0."""
    a, _ = _scaled(a)
    length = norm(a)
    silent = length == 0
    return a / jnp.where(silent, 1, length)[..., None], silent


def magnitude(a: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return |a|, with derivative 0 at 0 rather than JAX's 1."""
    return a * jax.lax.stop_gradient(jnp.sign(a))


def _scaled(
    a: Float[Array, "*batch coefficient"],
) -> tuple[Float[Array, "*batch coefficient"], Float[Array, "*batch"]]:
    """Divide vectors by their largest magnitudes, so that squares do not underflow; return both."""
    largest = jnp.abs(jax.lax.stop_gradient(a)).max(axis=-1, initial=0)
    largest = jnp.where(largest >= jnp.finfo(a.dtype).tiny, largest, 1)
    return a / largest[..., None], largest
