"""The perceptual–neural–physical loss: a distance between sounds in terms of their parameters."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks


@jax.named_scope("jtfs_jax.losses.pnp_loss")
def pnp_loss(
    prediction: Float[Array | np.ndarray, "*batch parameter"],
    target: Float[Array | np.ndarray, "*batch parameter"],
    metric: Float[Array | np.ndarray, "*batch parameter parameter"],
    *,
    damping: float | Float[Array, ""] = 0.0,
    damping_matrix: Literal["identity", "diagonal"]
    | Float[Array | np.ndarray, "parameter parameter"] = "identity",
) -> Float[Array, "*batch"]:
    """Perceptual–neural–physical (PNP) loss: parameter errors weighted by their audible effect.

        L(ν̂) = ½ (ν̂ − ν)ᵀ (M(ν) + λ D) (ν̂ − ν)

    With λ = 0 and M from `riemannian_metric`, this is the distance ½ ‖Φ(ν̂) − Φ(ν)‖² between the
    sounds with parameters ν̂ and ν, to second order in ν̂ − ν. M(ν) is computed once per target
    before training, so a training step needs neither a synthesizer nor a transform. Far from ν, the
    distance saturates but L does not; there, training is guided by the damping λ D, which measures
    distances between parameters. For large λ and D = I, L is λ/2 times the squared error of the
    parameters.

    Args:
        prediction: Parameters ν̂ that a network predicts, on the last axis; other axes are batch.
        target: The true parameters ν.
        metric: M(ν), with respect to the same parameters: normalized parameters if ν is normalized.
        damping: λ, at least 0; `update_damping` adapts it during training. Use 0 for validation.
        damping_matrix: D: "identity"; "diagonal" for the diagonal of each M(ν); or one matrix for
            all items, such as the mean of M over a set of targets.

    Returns:
        The loss of each item of the batch; take the mean for training.

    Raises:
        ValueError: At trace time, if shapes do not match, arguments are not real, `damping_matrix`
            is none of the above, or `damping` is negative or not a single number.

    Example:
        >>> import jax.numpy as jnp
        >>> nu, metric = jnp.array([0.5, 0.0]), jnp.array([[4.0, 0.0], [0.0, 100.0]])
        >>> float(pnp_loss(nu + jnp.array([1.0, 0.0]), nu, metric))
        2.0
        >>> float(pnp_loss(nu + jnp.array([0.0, 1.0]), nu, metric))
        50.0

    References:
        Han, Lostanlen & Lagrange, Perceptual–Neural–Physical Sound Matching, 2023,
        arXiv:2301.02886; Learning to Solve Inverse Problems for Perceptual Sound Matching, 2024,
        arXiv:2311.14213.

    See Also:
        riemannian_metric: computes M.
        update_damping: updates λ.
        jtfs_jax.synth.ParameterRanges: converts between ν and parameters in physical units.
    """
    prediction = _checks.real_array("prediction", prediction)
    target = _checks.real_array("target", target)
    metric = _checks.real_array("metric", metric)
    n = target.shape[-1] if target.ndim else 0
    if prediction.shape != target.shape or metric.shape != (*target.shape, n):
        raise ValueError(
            f"prediction and target must have the same shape, and metric one matrix for each, got "
            f"{prediction.shape}, {target.shape} and {metric.shape}; compute metric with "
            f"riemannian_metric at target."
        )
    damping = _checks.not_negative("damping", damping)
    difference = prediction - target
    damped = _quadratic_form(metric, difference)
    if isinstance(damping_matrix, str):
        _checks.choice("damping_matrix", damping_matrix, ("identity", "diagonal"))
        diagonal = jnp.diagonal(metric, axis1=-2, axis2=-1)
        weights = diagonal if damping_matrix == "diagonal" else jnp.ones_like(diagonal)
        length = jnp.sum(weights * difference**2, axis=-1)
    else:
        matrix = _checks.real_array("damping_matrix", damping_matrix)
        if matrix.shape != (n, n):
            raise ValueError(
                f'damping_matrix must be "identity", "diagonal" or one matrix of {n} by {n} '
                f"parameters, got the shape {matrix.shape}; take the mean of metrics over a set."
            )
        length = _quadratic_form(matrix, difference)
    return 0.5 * (damped + damping.astype(length.dtype) * length)


def _quadratic_form(
    matrix: Float[Array, "*#batch parameter parameter"], vector: Float[Array, "*batch parameter"]
) -> Float[Array, "*batch"]:
    exact = jax.lax.Precision.HIGHEST
    return jnp.einsum("...k,...kl,...l->...", vector, matrix, vector, precision=exact)
