"""The metric that a representation of sounds induces on the parameters of a synthesizer."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jtfs_jax import _checks
from jtfs_jax._jit import jit
from jtfs_jax._nodes import exportable
from jtfs_jax._products import product


@exportable
class Eigendecomposition(eqx.Module):
    """Eigenvalues and eigenvectors of metrics, as returned by `eigendecomposition`.

    Attributes:
        values: Eigenvalues, from the largest to the smallest.
        vectors: Eigenvectors of unit norm as columns, in the same order.
    """

    values: Float[Array, "*batch parameter"]
    vectors: Float[Array, "*batch parameter parameter"]


@jax.named_scope("jtfs_jax.losses.riemannian_metric")
def riemannian_metric(
    phi: Callable[[Float[Array, " parameter"]], PyTree[Float[Array, "..."]]],
    theta: Float[Array | np.ndarray, "*batch parameter"],
    *,
    batch_size: int = 1,
) -> Float[Array, "*batch parameter parameter"]:
    """Riemannian metric that a representation induces on the parameters of a synthesizer.

    With g the synthesizer, S the representation and Φ = S∘g, which is the function `phi`,

        J(θ) = ∂Φ/∂θ
        M(θ) = J(θ)ᵀ J(θ)       so that ‖Φ(θ + ε) − Φ(θ)‖² = εᵀ M(θ) ε + O(‖ε‖³)

    M is symmetric and, up to rounding, positive semi-definite. Its size does not depend on the
    number of coefficients in Φ. It is computed in forward mode: one directional derivative per
    parameter, sequentially, at `batch_size` points θ at a time. Apart from J and the result, memory
    grows neither with the number of parameters nor with the number of points.

    Call it within a jitted function of the filterbank, as below: the filterbank is then an argument
    of the compiled program, not a constant in it.

    Args:
        phi: Function of the parameters of one sound that returns coefficients, as an array or a
            pytree of arrays. JAX must be able to differentiate it in forward mode.
        theta: Points at which to compute M, with parameters on the last axis; other axes are batch.
        batch_size: Number of points to process at once, at least 1; memory grows with it. On a CPU,
            larger batches are not faster.

    Returns:
        M at each point, in the precision of the values of `phi`.

    Raises:
        ValueError: At trace time, if `theta` is not real or has no parameters, if `batch_size` is
            not positive, or if `phi` does not return real arrays.

    Example:
        >>> from functools import partial
        >>> import jax, jax.numpy as jnp, jtfs_jax
        >>> from jtfs_jax import analysis, synth
        >>> def phi(bank, theta):
        ...     f_c, f_m, gamma = theta
        ...     grid = {"n_samples": bank.n_samples, "sample_rate": 4096.0}
        ...     S = jtfs_jax.jtfs(bank, synth.am_chirp(f_c, f_m, gamma, **grid))
        ...     return analysis.log_compress(S, 1e-3)
        >>> @jax.jit
        ... def metrics(bank, theta):
        ...     return riemannian_metric(partial(phi, bank), theta)
        >>> bank = jtfs_jax.filterbank(1024, J=8, Q=4, J_fr=2, T="global")
        >>> theta = jnp.array([[512.0, 8.0, 2.0], [600.0, 16.0, -4.0]])
        >>> metrics(bank, theta).shape
        (2, 3, 3)

    References:
        Han, Lostanlen & Lagrange, Perceptual–Neural–Physical Sound Matching, 2023,
        arXiv:2301.02886; Learning to Solve Inverse Problems for Perceptual Sound Matching, 2024,
        arXiv:2311.14213.

    See Also:
        pnp_loss: the loss defined by M.
        eigendecomposition: the directions in which sounds change most.
    """
    theta = _checks.real_array("theta", theta)
    if theta.ndim == 0 or theta.shape[-1] == 0:
        raise ValueError(
            f"theta must have parameters on its last axis, got the shape {theta.shape}; for a "
            f"single parameter, use theta[..., None]."
        )
    if not jnp.issubdtype(theta.dtype, jnp.floating):
        theta = theta.astype(float)
    batch_size = _checks.positive_integer("batch_size", batch_size)
    points = theta.reshape(-1, theta.shape[-1])
    metrics = jax.lax.map(partial(_metric_at, phi), points, batch_size=batch_size)
    return metrics.reshape(*theta.shape, theta.shape[-1])


def _metric_at(phi: Callable, theta: Float[Array, " parameter"]) -> Array:
    """M at one point: the sum of JᵀJ over the arrays of Φ."""

    def derivative(direction: Float[Array, " parameter"]) -> list[Array]:
        coefficients, slopes = jax.jvp(phi, (theta,), (direction,))
        kinds = [leaf.dtype for leaf in jax.tree.leaves(coefficients)]
        if not (kinds and all(jnp.issubdtype(kind, jnp.floating) for kind in kinds)):
            raise ValueError(
                f"phi must return arrays of real floating-point numbers, got "
                f"{', '.join(map(str, kinds)) or 'none'}; return moduli, or real and imaginary "
                f"parts."
            )
        return jax.tree.leaves(slopes)

    # Sequential evaluation is as fast as a batch and takes less memory.
    slopes = jax.lax.map(derivative, jnp.eye(theta.size, dtype=theta.dtype))
    rows = jnp.concatenate([leaf.reshape(theta.size, -1) for leaf in slopes], axis=1)
    return product(rows, rows.T)


@jit
@jax.named_scope("jtfs_jax.losses.eigendecomposition")
def eigendecomposition(
    metric: Float[Array | np.ndarray, "*batch parameter parameter"],
) -> Eigendecomposition:
    """Eigendecomposition of a metric: directions in which parameters change the sound most.

        M = Σₖ σₖ uₖ uₖᵀ     with σ₁ ≥ σ₂ ≥ … ≥ 0 and ⟨uₖ, uₗ⟩ = 1 for k = l, else 0

    A step of length ε along uₖ changes the representation by √σₖ · ε. If the σₖ differ by orders of
    magnitude, equal errors in the parameters are far from equal to the ear. Eigenvalues that
    rounding makes negative are set to 0.

    Args:
        metric: From `riemannian_metric`, with any batch axes.

    Returns:
        Eigenvalues σ, and eigenvectors u as columns.

    Raises:
        ValueError: At trace time, if `metric` does not consist of square matrices.

    Example:
        >>> import jax.numpy as jnp
        >>> found = eigendecomposition(jnp.array([[2.0, 0.0], [0.0, 18.0]]))
        >>> found.values
        Array([18.,  2.], dtype=float32)

    References:
        Han, Lostanlen & Lagrange, Learning to Solve Inverse Problems for Perceptual Sound
        Matching, 2024, arXiv:2311.14213.
    """
    metric = _checks.real_array("metric", metric)
    if metric.ndim < 2 or metric.shape[-1] != metric.shape[-2]:
        raise ValueError(
            f"metric must have square matrices on its last two axes, got the shape "
            f"{metric.shape}; compute it with riemannian_metric."
        )
    values, vectors = jnp.linalg.eigh(metric)
    return Eigendecomposition(jnp.maximum(values[..., ::-1], 0), vectors[..., ::-1])
