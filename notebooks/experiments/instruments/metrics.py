"""Weighted cross-entropy, and accuracy by class."""

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int


def class_weights(label: Int[np.ndarray, " sound"], n_classes: int) -> Float[np.ndarray, " class"]:
    """Return max(N) / N_k for N_k sounds of class k, or 0 for a class without sounds."""
    n = np.bincount(label, minlength=n_classes)
    return np.where(n > 0, n.max() / np.maximum(n, 1), 0).astype(np.float32)


def weighted_cross_entropy(
    logits: Float[Array, "sound class"],
    label: Int[Array, " sound"],
    weights: Float[Array, " class"],
) -> Float[Array, ""]:
    """Cross-entropy of softmax, averaged with class weights.

        − Σ_i w(y_i) log softmax(z_i)[y_i] / Σ_i w(y_i)

    Equation 11 of the paper has only the sum. The mean, which is the default of PyTorch's weighted
    loss, makes gradients and their clipping independent of the number of rare sounds in a batch.
    """
    w = weights[label]
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, label)
    return jnp.sum(w * losses) / jnp.sum(w)


def confusion(
    label: Int[np.ndarray, " sound"], predicted: Int[np.ndarray, " sound"], n_classes: int
) -> Int[np.ndarray, "class class"]:
    """Number of sounds of each class (rows) classified as each class (columns)."""
    pairs = np.bincount(label * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def accuracies(matrix: Int[np.ndarray, "class class"]) -> Float[np.ndarray, " class"]:
    """Fraction of each class that is classified correctly; NaN for a class without sounds."""
    n = matrix.sum(1)
    return np.where(n > 0, np.diag(matrix) / np.maximum(n, 1), np.nan)


def macro_accuracy(matrix: Int[np.ndarray, "class class"]) -> float:
    """Unweighted mean of the accuracies of all classes."""
    return float(np.nanmean(accuracies(matrix)))
