"""Losses of random paths: their mean is the loss of all, and importance is what formulas say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jtfs_jax
from jtfs_jax import analysis, jtfs_path
from jtfs_jax.losses import path_curvatures, path_distance, path_probabilities

N = 256
pytestmark = pytest.mark.usefixtures("quick_compile")


def make_bank(dtype=jnp.float32):
    return jtfs_jax.filterbank(N, J=5, Q=(3, 2), J_fr=2, T="global", dtype=dtype)


def signals(n, dtype=np.float32):
    return jnp.asarray(np.random.default_rng(0).standard_normal((n, N)), dtype)


def of_all(y, bank, x):
    return path_distance(jtfs_jax.jtfs(bank, y).S2, jtfs_jax.jtfs(bank, x).S2).mean()


def of_one(y, bank, x, index):
    return path_distance(jtfs_path(bank, y, index), jtfs_path(bank, x, index)).mean()


def test_distance_is_a_norm():
    s, target = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6)).astype(np.float32)
    expected = np.linalg.norm((s - target).reshape(3, 4, -1), axis=-1)
    np.testing.assert_allclose(path_distance(jnp.asarray(s), jnp.asarray(target)), expected, 1e-6)


def test_mean_over_paths_is_the_loss_of_all():
    bank = make_bank()
    y, x = signals(4).reshape(2, 2, N)
    indices = jnp.arange(len(jtfs_jax.path_table(bank)))

    @jax.jit
    def path_by_path(y, bank, x):
        step = jax.value_and_grad(of_one)
        each = jax.lax.map(lambda index: step(y, bank, x, index), indices)
        return jax.tree.map(lambda a: a.mean(0), each)

    value, gradient = jax.jit(jax.value_and_grad(of_all))(y, bank, x)
    mean_value, mean_gradient = path_by_path(y, bank, x)
    np.testing.assert_allclose(mean_value, value, rtol=1e-5)
    np.testing.assert_allclose(mean_gradient, gradient, atol=1e-5 * np.abs(gradient).max())


def test_exact_match_and_silence_have_finite_derivatives():
    bank = make_bank()
    x, direction = signals(2)

    @jax.jit
    def derivatives(y, x, index):
        loss = jax.value_and_grad(lambda y: of_one(y, bank, x, index))
        return jax.jvp(loss, (y,), (direction,))

    for index in (0, 9):
        for derivative in jax.tree.leaves(derivatives(x, x, index)):
            assert not np.any(derivative)
        from_silence = derivatives(jnp.zeros(N), x, index)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(from_silence))
        assert from_silence[0][0] > 0


def test_compression_composes_with_second_derivatives(x64):
    bank = make_bank(jnp.float64)
    y, x, direction = signals(3, np.float64)

    def loss(y, index):
        s, target = (analysis.log_compress(jtfs_path(bank, sound, index), 1e-3) for sound in (y, x))
        return path_distance(s, target) ** 2

    @jax.jit
    def differences(index):
        gradient = jax.grad(loss)
        slopes = [loss(y + h * direction, index) for h in (-1e-5, 1e-5)]
        gradients = [gradient(y + h * direction, index) for h in (-1e-5, 1e-5)]
        found = jax.jvp(gradient, (y,), (direction,))
        return found, (slopes[1] - slopes[0]) / 2e-5, (gradients[1] - gradients[0]) / 2e-5

    (gradient, product), slope, change = differences(7)
    np.testing.assert_allclose(gradient @ direction, slope, rtol=1e-6)
    np.testing.assert_allclose(product, change, atol=1e-6 * np.abs(change).max())


def test_curvatures_of_a_linear_network():
    rng = np.random.default_rng(0)
    sounds, hessian = rng.standard_normal((7, 5)), rng.standard_normal((3, 3))
    hessian = hessian + hessian.T
    assert hessian[1, 1] * hessian[0, 0] < 0, "one direction each way"

    def predict(weights):
        return jnp.asarray(sounds, jnp.float32) @ weights["a"] + weights["b"][None]

    def loss(theta):
        return 0.5 * jnp.einsum("bk,kl,bl->", theta, jnp.asarray(hessian, jnp.float32), theta)

    weights = {"a": jnp.zeros((5, 3)), "b": jnp.ones(3)}
    found = path_curvatures(predict, loss, weights, jax.random.key(0), n_iterations=60)
    # ∂q_k/∂w acts on the weights of θ_k alone, as h_kk XᵀX of the sounds and the constant 1.
    x = np.hstack([sounds, np.ones((7, 1))])
    expected = np.abs(np.diag(hessian)) * np.linalg.eigvalsh(x.T @ x).max()
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_curvatures_where_eigenvalues_are_opposite():
    def loss(theta):
        return jnp.sum(jnp.array([[3.0], [-3.0], [1.0]]) * theta**2) / 2

    found = path_curvatures(lambda w: w[:, None], loss, jnp.ones(3), jax.random.key(0))
    np.testing.assert_allclose(found, [3.0], rtol=1e-3)


def test_curvatures_of_paths(x64):
    bank, n = make_bank(jnp.float64), np.arange(N)
    traces = []

    def synthesizer(theta):
        phase = 2 * jnp.pi * (theta[0] * n / 8 + theta[1] * n**2 / N / 4)
        return jnp.cos(phase)

    target = synthesizer(jnp.array([0.6, 0.7]))

    def loss(theta, index):
        return of_one(synthesizer(theta), bank, target, index)

    @jax.jit
    def curvatures(theta, index):
        traces.append(index)
        key = jax.random.key(0)
        return path_curvatures(lambda theta: theta, lambda theta: loss(theta, index), theta, key)

    @jax.jit
    def hessian(theta, index):
        h, units = 1e-5, np.eye(2)
        ends = [[loss(theta + sign * h * unit, index) for sign in (-1, 0, 1)] for unit in units]
        low, middle, high = jnp.array(ends).T
        return (low - 2 * middle + high) / h**2

    theta = jnp.array([0.5, 0.8])
    for index in (2, 9, 30):
        # Where parameters are the weights, these are the second derivatives by each.
        expected = np.abs(hessian(theta, index))
        np.testing.assert_allclose(curvatures(theta, index), expected, rtol=1e-3)
    assert len(traces) == 1


def test_probabilities():
    curvatures = np.random.default_rng(0).uniform(size=(6, 3)).astype(np.float32)
    curvatures[:, 1] *= 1000
    expected = np.zeros(6)
    for k in range(3):
        for p in range(6):
            share = curvatures[p, k] / sum(curvatures[q, k] for q in range(6))
            expected[p] += (0.75 * share + 0.25 / 6) / 3
    found = path_probabilities(jnp.asarray(curvatures), min_prob_frac=0.25)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert path_probabilities(jnp.zeros((4, 2))).tolist() == [0.25] * 4


ERRORS = {
    "shapes": (lambda: path_distance(jnp.ones((3, 2)), jnp.ones((2, 3))), "same shape"),
    "axes": (lambda: path_distance(jnp.ones(3), jnp.ones(3)), "bands and frames"),
    "vector": (lambda: path_probabilities(jnp.ones(3)), r"\(path, parameter\)"),
    "negative": (lambda: path_probabilities(-jnp.ones((3, 1))), "at least 0"),
    "not finite": (lambda: path_probabilities(jnp.full((3, 1), jnp.nan)), "finite"),
    "fraction": (
        lambda: path_probabilities(jnp.ones((3, 1)), min_prob_frac=2.0),
        "min_prob_frac must be between 0 and 1",
    ),
    "iterations": (
        lambda: path_curvatures(jnp.sin, jnp.sum, jnp.ones(1), jax.random.key(0), n_iterations=0),
        "n_iterations must be an integer of at least 1",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_named(name):
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        call()
