"""The metric, the quadratic loss and its damping, against their definitions."""

import functools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise
from jax.test_util import check_grads

import jtfs_jax
from jtfs_jax import analysis, synth
from jtfs_jax.losses import (
    eigendecomposition,
    pnp_loss,
    riemannian_metric,
    start_damping,
    update_damping,
)

pytestmark = pytest.mark.usefixtures("quick_compile")
GRID = {"n_samples": 1024, "sample_rate": 1024.0}
RANGES = synth.ParameterRanges((64, 4, -2), (128, 16, 2), log=(True, True, False))
POINTS = np.array([[0.3, -0.2, 0.6], [-0.5, 0.4, -0.3], [0.1, 0.2, 0.0]])  # the last: γ = 0
TRACES = []


@functools.cache
def make_bank():
    return jtfs_jax.filterbank(1024, 5, 3, J_fr=1, F=2, T="global", dtype=jnp.float64)


def phi(bank, gain, nu):
    TRACES.append(1)
    x = gain * synth.am_chirp(*RANGES.denormalize(nu), **GRID)
    return analysis.log_compress(jtfs_jax.jtfs(bank, x), 1e-3)


@jax.jit
def metrics(bank, gain, nu):
    return riemannian_metric(partial(phi, bank, gain), nu)


@jax.jit
def representation(bank, nu):
    """Φ as a vector, point by point."""
    leaves = jax.lax.map(lambda point: jax.tree.leaves(phi(bank, 1.0, point)), nu)
    return jnp.concatenate([leaf.reshape(len(nu), -1) for leaf in leaves], axis=1)


def random_metrics(*batch):
    jacobian = noise(*batch, 5, 3, dtype=np.float64)
    return np.einsum("...pk,...pl->...kl", jacobian, jacobian)


def test_metric_agrees_with_finite_differences(x64):
    found = metrics(make_bank(), 1.0, jnp.asarray(POINTS))
    assert found.dtype == jnp.float64
    step = 1e-7  # because the moduli of some coefficients have kinks at γ = 0
    for point, metric in zip(POINTS, np.asarray(found), strict=True):
        ends = point + step * np.stack([np.eye(3), -np.eye(3)]).reshape(6, 3)
        plus, minus = np.split(np.asarray(representation(make_bank(), ends)), 2)
        jacobian = (plus - minus) / (2 * step)
        expected = jacobian @ jacobian.T
        scale = np.sqrt(np.diag(expected))
        assert np.all(scale > 0.1)
        np.testing.assert_allclose(
            metric / scale / scale[:, None], expected / scale / scale[:, None], atol=1e-4
        )


def test_metric_is_symmetric_and_positive(x64):
    found = metrics(make_bank(), 1.0, jnp.asarray(POINTS))
    np.testing.assert_allclose(found, np.asarray(found).swapaxes(1, 2), rtol=1e-12)
    values = np.linalg.eigvalsh(found)
    assert np.all(values > 0)


def test_metric_of_silence_is_zero(x64):
    assert not np.any(metrics(make_bank(), 0.0, jnp.asarray(POINTS)))


def test_one_trace_for_filterbanks_alike(x64):
    points = jnp.asarray(POINTS)
    first = metrics(make_bank(), 1.0, points)
    n_traces = len(TRACES)
    quieter = jax.tree.map(lambda leaf: 0.5 * leaf, make_bank())
    assert np.all(metrics(quieter, 1.0, points) != first)
    assert len(TRACES) == n_traces


def test_loss_is_the_distance_of_coefficients_to_second_order(x64):
    bank, target = make_bank(), POINTS[1]
    metric = metrics(bank, 1.0, jnp.asarray(POINTS))[1]
    direction = np.array([0.5, -0.6, 0.4])
    steps = 1e-3 * 2.0 ** -np.arange(4)
    points = np.concatenate([target[None], target + steps[:, None] * direction])
    coefficients = np.asarray(representation(bank, points))
    distance = 0.5 * np.sum((coefficients[1:] - coefficients[0]) ** 2, axis=1)
    loss = np.array([pnp_loss(point, target, metric) for point in points[1:]])
    # The remainder is of third order.
    error = np.abs(loss - distance)
    np.testing.assert_allclose(error[:-1] / error[1:], 8, rtol=0.02)
    assert error[-1] < 1e-2 * distance[-1]


A, B = noise(4, 3), noise(2, 5, 3)


def linear(theta):
    return {"a": jnp.asarray(A) @ theta, "b": jnp.asarray(B) @ theta, "c": theta[0] * 2}


def cubic(theta):
    return jax.tree.map(lambda leaf: leaf**3, linear(theta))


def test_metric_of_linear_functions():
    rows = np.concatenate([A, B.reshape(10, 3), [[2, 0, 0]]]).astype(float)
    found = riemannian_metric(linear, jnp.ones(3))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, rows.T @ rows, rtol=1e-5)
    np.testing.assert_allclose(riemannian_metric(linear, np.arange(3)), found, rtol=1e-5)


@pytest.mark.parametrize(("shape", "batch_size"), [((4,), 1), ((2, 2), 3), ((0,), 2)])
def test_batches_are_stacks(shape, batch_size):
    theta = noise(*shape, 3)
    found = jax.jit(lambda theta: riemannian_metric(cubic, theta, batch_size=batch_size))(theta)
    assert found.shape == (*shape, 3, 3)
    single_metric = jax.jit(partial(riemannian_metric, cubic))
    for index in np.ndindex(shape):
        single = single_metric(theta[index])
        np.testing.assert_allclose(
            found[index], single, rtol=1e-4, atol=1e-5 * np.abs(single).max()
        )


def test_eigendecomposition():
    found = random_metrics(4).astype(np.float32)
    found[0] = np.ones((3, 3))  # of rank 1
    parts = eigendecomposition(found)
    values, vectors = np.asarray(parts.values), np.asarray(parts.vectors)
    assert np.all(np.diff(values, axis=-1) <= 0)
    assert np.all(values >= 0)
    restored = (vectors * values[:, None]) @ vectors.swapaxes(1, 2)
    np.testing.assert_allclose(restored, found, atol=1e-5 * np.abs(found).max())


DAMPING_MATRICES = {
    "identity": lambda metric: np.eye(3),
    "diagonal": lambda metric: np.diag(np.diag(metric)),
    "mean": lambda metric: MEAN,
}
MEAN = random_metrics(20).mean(0)


@pytest.mark.parametrize("name", DAMPING_MATRICES)
def test_loss_is_its_quadratic_form(name, x64):
    metric, prediction, target = (
        random_metrics(4),
        noise(4, 3, dtype=np.float64),
        noise(2, 4, 3, dtype=np.float64)[1],
    )
    expected = []
    for m, p, t in zip(metric, prediction, target, strict=True):
        expected.append(0.5 * (p - t) @ (m + 0.7 * DAMPING_MATRICES[name](m)) @ (p - t))
    matrix = MEAN if name == "mean" else name
    loss = jax.jit(partial(pnp_loss, damping=0.7, damping_matrix=matrix))
    np.testing.assert_allclose(loss(prediction, target, metric), expected, rtol=1e-12)
    one = jax.vmap(loss)(prediction, target, metric)
    np.testing.assert_allclose(one, expected, rtol=1e-12)
    if name == "diagonal":
        arguments = prediction, target, metric
        check_grads(lambda *arguments: loss(*arguments).sum(), arguments, order=2)


def test_exact_predictions_have_no_loss_and_no_gradient():
    metric, nu = random_metrics(2).astype(np.float32), noise(2, 3)
    value, gradient = jax.value_and_grad(lambda p: pnp_loss(p, nu, metric, damping=1.0).sum())(nu)
    assert value == 0
    assert not np.any(gradient)


def test_damping_follows_validation():
    losses = [5.0, 4.0, 4.0, np.nan, 6.0, 3.0, 2.9, 8.0, 8.0, 8.0, 8.0, np.inf, 1.0]
    state, strength, best = start_damping(100), 100.0, np.inf
    update = jax.jit(partial(update_damping, decrease=0.3, increase=4.0))
    for loss in losses:
        state = update(state, loss)
        improved = loss < best
        if improved:
            strength, best = strength * 0.3, loss
        else:
            strength = min(strength * 4.0, 100.0)
        np.testing.assert_allclose(state.strength, strength, rtol=1e-6)
        assert state.improved == improved
        assert state.best == np.float32(best)
    assert float(state.largest) == 100


UNKNOWN: Any = "mean"
ERRORS = {
    "scalar": (lambda: riemannian_metric(linear, np.array(1.0)), "theta must have parameters"),
    "complex theta": (lambda: riemannian_metric(linear, np.ones(3) * 1j), "theta must have real"),
    "batch_size": (
        lambda: riemannian_metric(linear, np.ones(3, np.float32), batch_size=0),
        "batch_size must be an integer of at least 1",
    ),
    "complex phi": (
        lambda: riemannian_metric(lambda t: jnp.fft.fft(t), np.ones(3, np.float32)),
        "phi must return arrays of real floating-point numbers, got complex64",
    ),
    "empty phi": (
        lambda: riemannian_metric(lambda t: (), np.ones(3, np.float32)),
        "phi must return arrays .* got none",
    ),
    "not square": (lambda: eigendecomposition(np.ones((2, 3), np.float32)), "square matrices"),
    "shapes": (
        lambda: pnp_loss(np.ones(3), np.ones((2, 3)), np.ones((2, 3, 3))),
        r"got \(3,\), \(2, 3\) and \(2, 3, 3\)",
    ),
    "no matrix": (lambda: pnp_loss(np.ones(3), np.ones(3), np.ones(3)), "metric with riem"),
    "damping_matrix": (
        lambda: pnp_loss(np.ones(3), np.ones(3), np.eye(3), damping_matrix=UNKNOWN),
        "damping_matrix must be 'identity' or 'diagonal', got 'mean'",
    ),
    "shape of damping_matrix": (
        lambda: pnp_loss(np.ones(3), np.ones(3), np.eye(3), damping_matrix=np.eye(2)),
        r"one matrix of 3 by 3 .* got the shape \(2, 2\)",
    ),
    "negative damping": (
        lambda: pnp_loss(np.ones(3), np.ones(3), np.eye(3), damping=-0.1),
        "damping must be a number of at least 0, got -0.1",
    ),
    "damping of each": (
        lambda: pnp_loss(np.ones(3), np.ones(3), np.eye(3), damping=jnp.ones(3)),
        "damping must be a number",
    ),
    "negative": (lambda: start_damping(-1.0), "at least 0, got -1"),
    "decrease": (
        lambda: update_damping(start_damping(1.0), 1.0, decrease=1.5),
        "decrease must be a number between 0 and 1",
    ),
    "increase": (
        lambda: update_damping(start_damping(1.0), 1.0, increase=0.5),
        "increase must be at least",
    ),
    "losses": (lambda: update_damping(start_damping(1.0), np.ones(2)), "take the mean"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_argument(name):
    make, match = ERRORS[name]
    with pytest.raises(ValueError, match=match):
        make()
