"""Losses for sound matching: distances between coefficients, single paths or parameters.

All are pure functions; distances between coefficients compose with the transforms and compression.
Compute the target's coefficients once and pass them as an argument, like the filterbank.

    target = jtfs(bank, x)
    gradient = jax.jit(jax.grad(lambda y, bank, target: distance(jtfs(bank, y), target)))

Two methods avoid computing the whole transform at each training step: SCRAPL computes one random
path (see `path_distance`), and PNP uses the metric that the transform induces on the parameters of
a synthesizer, which is computed before training (see `riemannian_metric`).
"""

from ._damping import Damping, start_damping, update_damping
from ._distances import cosine_distance, distance
from ._metric import Eigendecomposition, eigendecomposition, riemannian_metric
from ._path_importance import path_curvatures, path_probabilities
from ._path_optimizers import PAdamState, PSagaState, scale_by_p_adam, scale_by_p_saga
from ._pnp import pnp_loss
from ._random_paths import path_distance
from ._spectral import multiscale_spectral_distance
from ._weights import path_weights

__all__ = [
    "Damping",
    "Eigendecomposition",
    "PAdamState",
    "PSagaState",
    "cosine_distance",
    "distance",
    "eigendecomposition",
    "multiscale_spectral_distance",
    "path_curvatures",
    "path_distance",
    "path_probabilities",
    "path_weights",
    "pnp_loss",
    "riemannian_metric",
    "scale_by_p_adam",
    "scale_by_p_saga",
    "start_damping",
    "update_damping",
]
