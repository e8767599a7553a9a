"""Losses: how far the coefficients of a sound are from those of another, for training and fitting.

Pure functions of coefficients, which compose with the transforms and with compression: the target's
coefficients are computed once and passed as an argument, as the filterbank is.

    target = jtfs(bank, x)
    gradient = jax.jit(jax.grad(lambda y, bank, target: distance(jtfs(bank, y), target)))
"""

from ._distances import cosine_distance as cosine_distance, distance as distance
from ._spectral import multiscale_spectral_distance as multiscale_spectral_distance
from ._weights import path_weights as path_weights
