"""Losses for sound matching: distances between sounds, and between parameters of synthesizers."""

from ._damping import (
    Damping as Damping,
    start_damping as start_damping,
    update_damping as update_damping,
)
from ._metric import (
    Eigendecomposition as Eigendecomposition,
    eigendecomposition as eigendecomposition,
    riemannian_metric as riemannian_metric,
)
from ._pnp import pnp_loss as pnp_loss
