"""Losses for sound matching, and what training with them takes."""

from ._path_importance import (
    path_curvatures as path_curvatures,
    path_probabilities as path_probabilities,
)
from ._path_optimizers import (
    PAdamState as PAdamState,
    PSagaState as PSagaState,
    p_saga as p_saga,
    scale_by_p_adam as scale_by_p_adam,
)
from ._random_paths import path_distance as path_distance
