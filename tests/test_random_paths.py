"""Losses of random paths: their mean is the loss of all paths; importance follows its formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax
from jtfs_jax import analysis, jtfs_path
from jtfs_jax.losses import path_curvatures, path_distance, path_probabilities

N = 128
pytestmark = pytest.mark.usefixtures("quick_compile")


def loss_of_all(y, bank, target):
    return path_distance(jtfs_jax.jtfs(bank, y).S2, target).mean()


def loss_of_one(y, bank, target, index):
    return path_distance(jtfs_path(bank, y, index), target[..., index, :, :]).mean()


def test_distance_is_a_norm():
    s, target = noise(2, 3, 4, 5, 6)
    expected = np.linalg.norm((s - target).reshape(3, 4, -1), axis=-1)
    np.testing.assert_allclose(path_distance(jnp.asarray(s), jnp.asarray(target)), expected, 1e-6)


def test_mean_over_paths_is_the_loss_of_all_and_one_program_serves_them():
    bank = jtfs_jax.filterbank(N, J=(3, 4), Q=1, J_fr=1, pad_mode_fr="conj-reflect")
    traces = []
    y, x = noise(4, N).reshape(2, 2, N)
    target = jtfs_jax.jtfs(bank, x).S2
    n_paths = target.shape[-3]

    @jax.jit
    def step(y, bank, target, index):
        traces.append(index)
        return jax.value_and_grad(loss_of_one)(y, bank, target, index)

    steps = [step(y, bank, target, index) for index in range(n_paths)]
    values, gradients = zip(*steps, strict=True)
    assert len(traces) == 1
    assert len({float(value) for value in values}) == n_paths
    value, gradient = jax.jit(jax.value_and_grad(loss_of_all))(y, bank, target)
    np.testing.assert_allclose(np.mean(values), value, rtol=1e-5)
    mean = np.mean(gradients, axis=0)
    np.testing.assert_allclose(mean, gradient, atol=1e-5 * np.abs(gradient).max())


def test_derivatives_of_order_two_with_compression(x64):
    bank = jtfs_jax.filterbank(64, 3, 1, J_fr=1, T="global", dtype=jnp.float64)
    y, x, direction = noise(3, N, dtype=np.float64)[:, :64]
    silence = jnp.zeros_like(x)

    @jax.jit
    def derivatives(y, x, index):
        def loss(y):
            pair = [jtfs_path(bank, sound, index) for sound in (y, x)]
            return path_distance(*analysis.log_compress(pair, 1e-3))

        return jax.jvp(jax.value_and_grad(loss), (y,), (direction,))

    h = 1e-5
    for index in (1, 7):
        (low, gradient_low), _ = derivatives(y - h * direction, x, index)
        (high, gradient_high), _ = derivatives(y + h * direction, x, index)
        _, (slope, product) = derivatives(y, x, index)
        np.testing.assert_allclose(slope, (high - low) / (2 * h), rtol=1e-6)
        change = (gradient_high - gradient_low) / (2 * h)
        np.testing.assert_allclose(product, change, atol=1e-6 * np.abs(change).max())
        at_match, at_silence = (
            jax.tree.leaves(derivatives(sound, sound, index)) for sound in (x, silence)
        )
        assert not any(np.any(leaf) for leaf in at_silence)
        # Two transforms of one sound in a program may differ by rounding: see below.
        assert all(np.isfinite(leaf).all() for leaf in at_match)
        assert at_match[0] < 1e-13 * low
        from_silence = jax.tree.leaves(derivatives(silence, x, index))
        assert all(np.isfinite(leaf).all() for leaf in from_silence)
        assert from_silence[0] > 0


def test_derivatives_of_order_two_vanish_where_coefficients_match(x64):
    bank = jtfs_jax.filterbank(64, 3, 1, J_fr=1, T="global", dtype=jnp.float64)
    s, direction = (jtfs_path(bank, sound, 7) for sound in noise(2, 64, dtype=np.float64))

    def loss(s_of_y):
        return path_distance(*analysis.log_compress([s_of_y, s], 1e-3))

    found = jax.jvp(jax.value_and_grad(loss), (s,), (direction,))
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(found))


def test_curvatures_of_a_linear_network():
    rng = np.random.default_rng(0)
    sounds, hessian = rng.standard_normal((7, 5)), rng.standard_normal((3, 3))
    hessian = hessian + hessian.T
    hessian[1, 1] *= -1  # largest eigenvalues of either sign

    def predict(weights):
        return jnp.asarray(sounds, jnp.float32) @ weights["a"] + weights["b"][None]

    def loss(theta):
        return 0.5 * jnp.einsum("bk,kl,bl->", theta, jnp.asarray(hessian, jnp.float32), theta)

    weights = {"a": jnp.zeros((5, 3)), "b": jnp.ones(3)}
    found = path_curvatures(predict, loss, weights, jax.random.key(0), n_iterations=60)
    # ∂q_k/∂w acts only on the weights of θ_k, as h_kk XᵀX of the sounds and the constant 1.
    x = np.hstack([sounds, np.ones((7, 1))])
    expected = np.abs(np.diag(hessian)) * np.linalg.eigvalsh(x.T @ x).max()
    assert len(np.unique(np.sign(np.diag(hessian)))) == 2
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_curvatures_where_eigenvalues_are_opposite():
    def loss(theta):
        return jnp.sum(jnp.array([[3.0], [-3.0], [1.0]]) * theta**2) / 2

    found = path_curvatures(lambda w: w[:, None], loss, jnp.ones(3), jax.random.key(0))
    np.testing.assert_allclose(found, [3.0], rtol=1e-3)


def test_curvatures_of_paths(x64):
    bank = jtfs_jax.filterbank(64, 3, 1, J_fr=1, T="global", dtype=jnp.float64)
    n, traces = np.arange(64) / 1.0, []

    def synthesizer(theta):
        return jnp.cos(2 * jnp.pi * (theta[0] * n / 8 + theta[1] * (n / 16) ** 2))

    target = jtfs_jax.jtfs(bank, synthesizer(jnp.array([0.6, 0.7]))).S2

    @jax.jit
    def loss(theta, index):
        return loss_of_one(synthesizer(theta), bank, target, index)

    @jax.jit
    def curvatures(theta, index):
        traces.append(index)
        key = jax.random.key(0)
        return path_curvatures(lambda theta: theta, lambda theta: loss(theta, index), theta, key)

    # Where a modulus is small, third derivatives are large.
    theta, h = jnp.array([0.5, 0.8]), 1e-5
    for index in (1, 7):
        # If the parameters are the weights, these are the second derivatives with respect to each.
        expected = [
            np.abs(np.dot([1, -2, 1], [loss(theta + d * h * unit, index) for d in (-1, 0, 1)]))
            for unit in jnp.eye(2)
        ]
        found = curvatures(theta, index)
        np.testing.assert_allclose(found, np.array(expected) / h**2, rtol=1e-3)
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
    "no axis": (
        lambda: path_curvatures(jnp.sum, jnp.sin, jnp.ones(1), jax.random.key(0)),
        "predict must return parameters on its last axis",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_named(name):
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        call()
