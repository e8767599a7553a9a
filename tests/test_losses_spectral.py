"""The multi-scale spectral distance against its definition in NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise
from jax.test_util import check_grads

from jtfs_jax.losses import multiscale_spectral_distance

pytestmark = pytest.mark.usefixtures("quick_compile")

SCALES: dict[str, Any] = {"n_fft": (64, 16)}


def spectrogram(x, n):
    """Spectrogram, computed frame by frame."""
    padded = np.pad(np.asarray(x, float), n // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    starts = range(0, len(padded) - n + 1, n // 4)
    return np.abs([np.fft.rfft(padded[start : start + n] * window) for start in starts])


def literal(x, y, n_fft, log_weight, level):
    parts = []
    for n in n_fft:
        a, b = spectrogram(x, n), spectrogram(y, n)
        logarithms = np.abs(np.log(level + a) - np.log(level + b))
        parts.append(np.abs(a - b).mean() + log_weight * logarithms.mean())
    return np.mean(parts)


@pytest.mark.parametrize("n_samples", [128, 117])
@pytest.mark.parametrize("log_weight", [0.0, 0.3])
def test_definition(n_samples, log_weight):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, n_samples)).astype(np.float32)
    y = rng.standard_normal((3, n_samples)).astype(np.float32)
    options = {**SCALES, "log_weight": log_weight, "level": 1e-2}
    found = multiscale_spectral_distance(x, y, **options)
    assert found.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        np.testing.assert_allclose(found[i, j], literal(x[i, j], y[j], **options), rtol=1e-4)


def test_windows_of_the_literature():
    x, y = noise(2, 2048)
    expected = literal(x, y, (2048, 1024, 512, 256, 128, 64), 0.0, 1.0)
    np.testing.assert_allclose(multiscale_spectral_distance(x, y), expected, rtol=1e-4)
    listed = multiscale_spectral_distance(x, y, n_fft=[2048, 1024, 512, 256, 128, 64])
    np.testing.assert_allclose(listed, expected, rtol=1e-4)


def test_derivatives(x64):
    x, y, direction = noise(3, 32, dtype=np.float64)

    def loss(x, y):
        return multiscale_spectral_distance(x, y, n_fft=(16,), log_weight=0.3, level=0.1)

    check_grads(lambda x: loss(x, y), (x,), order=2, modes=("fwd", "rev"))

    @jax.jit
    def derivatives(x, y):
        gradient = jax.grad(loss)
        return loss(x, y), gradient(x, y), jax.jvp(lambda x: gradient(x, y), (x,), (direction,))

    for pair in ((x, x), (0 * x, 0 * x)):
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(derivatives(*pair)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(derivatives(0 * x, y)))


def test_integers_are_cast():
    x = np.arange(128) % 7
    found = multiscale_spectral_distance(x, 2 * x, **SCALES)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, literal(x, 2 * x, (64, 16), 0.0, 1.0), rtol=1e-4)


X = np.zeros((3, 128), np.float32)
ERRORS = {
    "length": (lambda: multiscale_spectral_distance(X, X[:, 1:]), "same number of samples"),
    "scalar": (lambda: multiscale_spectral_distance(X[0, 0], X[0, 0]), "same number of samples"),
    "batch": (lambda: multiscale_spectral_distance(X, X[:2]), r"to those of x, \(3,\), got \(2,\)"),
    "complex": (lambda: multiscale_spectral_distance(X * 1j, X), "x must have real numbers"),
    "odd": (lambda: multiscale_spectral_distance(X, X, n_fft=(16, 10)), r"n_fft\[1\].* multiple"),
    "none": (lambda: multiscale_spectral_distance(X, X, n_fft=()), "n_fft must be one or more"),
    "weight": (lambda: multiscale_spectral_distance(X, X, log_weight=-1.0), "log_weight must be"),
    "level": (lambda: multiscale_spectral_distance(X, X, level=0.0), "level must be a positive"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        call()
