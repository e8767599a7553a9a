"""Helpers for several tests: signals, random coefficients, comparisons, literal rules."""

import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jtfs_jax

TRANSFORMS = {
    "scalogram": jtfs_jax.scalogram,
    "time_scattering": jtfs_jax.time_scattering,
    "jtfs": jtfs_jax.jtfs,
}


# ---- Signals and coefficients --------------------------------------------------------------------


def noise(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Any:
    """White noise of variance 1."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def bursts(n: int) -> np.ndarray:
    """Two noise bursts with silent ends, so that padding has no influence."""
    x = noise(2, n)
    x[..., : 3 * n // 8] = x[..., -3 * n // 8 :] = 0
    return x


def shapes(bank, *batch: int, transform: Any = jtfs_jax.jtfs) -> Any:
    """Coefficients with shapes and dtypes, but without values."""
    x = jax.ShapeDtypeStruct((*batch, bank.n_samples), np.float32)
    return jax.eval_shape(transform, bank, x)


def coefficients(bank, *batch: int, seed: int = 0, transform: Any = jtfs_jax.jtfs) -> Any:
    """Random coefficients of the right shapes, no two alike, without compiling a transform."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: rng.standard_normal(leaf.shape).astype(leaf.dtype),
        shapes(bank, *batch, transform=transform),
    )


# ---- Comparisons ---------------------------------------------------------------------------------


def flat(tree: Any) -> np.ndarray:
    """All leaves as one vector, in double precision."""
    leaves = [np.ravel(np.asarray(leaf)) for leaf in jax.tree.leaves(tree)]
    return np.concatenate([leaf.astype(np.result_type(leaf, np.float64)) for leaf in leaves])


def relative_error(actual: Any, expected: Any) -> float:
    """Distance of two pytrees, divided by the norm of the second."""
    actual, expected = flat(actual), flat(expected)
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def largest_error(found, wanted):
    """Largest relative error of a leaf."""
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    return max(relative_error(a, b) for a, b in pairs)


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Assert that pytrees agree, to a tolerance relative to the loudest value of each leaf."""
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=tolerance * np.abs(b).max(initial=1e-30))


def imports(package: str, module: str) -> bool:
    """Whether importing a package in a new process also imports a module."""
    code = f"import sys, {package}; sys.exit({module!r} in sys.modules)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode != 0


def energy(transform, bank, x):
    """Sum of squares of all coefficients, as a loss to differentiate."""
    return jnp.stack([jnp.sum(leaf**2) for leaf in jax.tree.leaves(transform(bank, x))]).sum()


# ---- Rules written out ---------------------------------------------------------------------------


def literal_bold_driver(error, gradient, y, n_trials, learning_rate=0.1):
    """The literal rule in NumPy: (y, error, step size, accepted) after each trial.

    The first step is a fraction `learning_rate` of y along the gradient.
    """
    d, v, e = -gradient(y), np.zeros_like(y), error(y)
    mu = learning_rate * np.linalg.norm(y) / np.linalg.norm(d)
    history = []
    for _ in range(n_trials):
        v_trial = 0.9 * v + mu * d
        y_trial = (y + v_trial).astype(y.dtype)
        e_trial = error(y_trial)
        accepted = e_trial <= e
        if accepted:
            mu, y, v, e, d = 1.1 * mu, y_trial, v_trial, e_trial, -gradient(y_trial)
        else:
            mu, v = 0.5 * mu, 0.5 * v_trial
        history.append((y, e, mu, accepted))
    return history
