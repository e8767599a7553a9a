"""Scattering with random paths: the distance between sounds in each path."""

import math

import jax
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._jit import jit
from jtfs_jax._norms import norm


@jit
@jax.named_scope("jtfs_jax.losses.path_distance")
def path_distance(
    s: Float[Array, "*batch band frame"], target: Float[Array, "*batch band frame"]
) -> Float[Array, "*batch"]:
    """Distance in each second-order path, for scattering with random paths (SCRAPL).

        d(s, r) = ‖s − r‖₂     over bands and frames

    For all paths, d(S2(y), S2(x)) contains one distance per path, and their mean is a loss. For one
    path, d(jtfs_path(y, p), jtfs_path(x, p)) is one term of that mean and takes a fraction of the
    time. If each training step draws one p uniformly for the whole batch, steps descend the mean on
    average. Make p an argument of the training step, so that it is compiled only once.

    Derivatives of every order are 0 at s = r. Compose it with compression, as in
    `path_distance(log_compress(s, 1e-3), log_compress(r, 1e-3))`, or with a square.

    Args:
        s: The result of `jtfs_path`, or the S2 of the result of `jtfs`; with any batch axes.
        target: The same coefficients of the target. If sounds are compared with the same targets
            many times, it is cheaper to store the S2 of the targets and use S2[..., p, :, :].

    Returns:
        Distances, one per item of the batch, and one per path if `s` has an axis of paths.

    Raises:
        ValueError: At trace time, if `s` and `target` are not real, differ in shape, or have no
            bands and frames.

    Example:
        >>> import jax, jax.numpy as jnp, jtfs_jax
        >>> from jtfs_jax import jtfs, jtfs_path
        >>> bank = jtfs_jax.filterbank(64, J=3, Q=1, J_fr=1)
        >>> n_paths = len(jtfs_jax.path_table(bank))
        >>> x = jnp.sin(jnp.linspace(0, 8, 64) ** 2)
        >>> @jax.jit
        ... def loss(y, bank, x, p):
        ...     return path_distance(jtfs_path(bank, y, p), jtfs_path(bank, x, p))
        >>> losses = [loss(0.5 * x, bank, x, p) for p in range(n_paths)]
        >>> all_at_once = path_distance(jtfs(bank, 0.5 * x).S2, jtfs(bank, x).S2)
        >>> bool(jnp.allclose(jnp.stack(losses), all_at_once))
        True

    In training, `p = jax.random.randint(key, (), 0, n_paths)` draws a path.

    References:
        Mitcheltree, Lostanlen, Benetos & Lagrange, SCRAPL: Scattering Transform with Random Paths
        for Machine Learning, 2026, arXiv:2602.11145. It omits the paths with α = 0, which are the
        first `len(bank.wavelets_fr) + 1` paths here.

    See Also:
        path_probabilities: probabilities of drawing paths, from their importance for the parameters
            of a synthesizer.
        scale_by_p_adam, scale_by_p_saga: optimizers that receive the path of each gradient.
    """
    s, target = _checks.real_array("s", s), _checks.real_array("target", target)
    if s.shape != target.shape or s.ndim < 2:
        raise ValueError(
            f"s and target must have bands and frames on their last axes, and the same shape, got "
            f"{s.shape} and {target.shape}; compute both with the same filterbank, for the same "
            f"number of sounds."
        )
    s, target = _checks.coefficients("s", s), _checks.coefficients("target", target)
    return norm((s - target).reshape(*s.shape[:-2], math.prod(s.shape[-2:])))
