"""Optimizers with a memory for each path, against their formulas in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jtfs_jax.losses import scale_by_p_adam, scale_by_p_saga

pytestmark = pytest.mark.usefixtures("quick_compile")


def draws_and_gradients(n_paths, n_steps):
    """Random paths, never the last one, and gradients that depend on the path, for 3 weights."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, n_paths - 1, n_steps)
    return draws, rng.standard_normal((n_steps, 3)) + 0.3 * draws[:, None]


def p_adam_in_numpy(n_paths, draws, gradients, b1=0.9, b2=0.999, eps=1e-8):
    m, v, t_last = np.zeros((n_paths, 3)), np.zeros((n_paths, 3)), np.zeros(n_paths)
    found = []
    for s, (p, g) in enumerate(zip(draws, gradients, strict=True), start=1):
        t = s / n_paths
        elapsed = t - t_last[p]
        m[p] = b1**elapsed * m[p] + (1 - b1**elapsed) * g
        v[p] = b2**elapsed * v[p] + (1 - b2**elapsed) * g**2
        t_last[p] = t
        found.append((m[p] / (1 - b1**t)) / (np.sqrt(v[p] / (1 - b2**t)) + eps))
    return np.array(found)


def p_saga_in_numpy(n_paths, draws, gradients):
    memory, seen = np.zeros((n_paths, 3)), set()
    found = []
    for p, g in zip(draws, gradients, strict=True):
        seen.add(p)
        found.append(g - memory[p] + memory.sum(axis=0) / max(1, len(seen) - 1))
        memory[p] = g
    return np.array(found)


def updates_of(optimizer, draws, gradients, dtype=jnp.float32):
    """Updates step by step, with one compiled function; weights are a pytree of two leaves."""

    traces = []

    @jax.jit
    def step(gradient, state, index):
        traces.append(index)
        tree = {"a": gradient[:2], "b": (gradient[2:, None],)}
        updates, state = optimizer.update(tree, state, index=index)
        return jnp.concatenate([updates["a"], updates["b"][0][:, 0]]), state

    state = optimizer.init({"a": jnp.zeros(2, dtype), "b": (jnp.zeros((1, 1), dtype),)})
    found = []
    for index, gradient in zip(draws, gradients, strict=True):
        update, state = step(jnp.asarray(gradient, dtype), state, index)
        found.append(update)
    assert len(traces) == 1
    return np.stack(found)


@pytest.mark.parametrize("n_paths", [5, 315])
def test_p_adam_is_its_formula(n_paths):
    # With 315 paths little is forgotten between steps: 3e-6 of the squares, which float32 resolves.
    draws, gradients = draws_and_gradients(n_paths, 60)
    expected = p_adam_in_numpy(n_paths, draws, gradients)
    found = updates_of(scale_by_p_adam(n_paths), draws, gradients)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_options_of_p_adam(x64):
    draws, gradients = draws_and_gradients(5, 30)
    options = {"b1": 0.5, "b2": 0.7, "eps": 0.1}
    expected = p_adam_in_numpy(5, draws, gradients, **options)
    found = updates_of(scale_by_p_adam(5, **options), draws, gradients, jnp.float64)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_p_adam_of_a_single_path_is_adam():
    _, gradients = draws_and_gradients(2, 20)
    adam = optax.with_extra_args_support(optax.scale_by_adam())
    with jax.numpy_dtype_promotion("standard"):  # as optax requires
        expected = updates_of(adam, [0] * 20, gradients)
    found = updates_of(scale_by_p_adam(1), [0] * 20, gradients)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_p_saga_is_its_formula():
    draws, gradients = draws_and_gradients(5, 60)
    expected = p_saga_in_numpy(5, draws, gradients)
    found = updates_of(scale_by_p_saga(5), draws, gradients)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_chain_of_both():
    draws, gradients = draws_and_gradients(5, 60)
    expected = -0.1 * p_saga_in_numpy(5, draws, p_adam_in_numpy(5, draws, gradients))
    chain = optax.chain(scale_by_p_adam(5), scale_by_p_saga(5), optax.scale_by_learning_rate(0.1))
    found = updates_of(chain, draws, gradients)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_p_saga_settles_where_descent_wanders():
    """Minimize a sum of many quadratics, one of which is drawn at each step."""
    n_paths, n_steps, size = 20, 2000, 4
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((n_paths, size, size))
    a = np.einsum("pij,pkj->pik", roots, roots) / size + np.eye(size)
    centers = rng.standard_normal((n_paths, size))
    minimum = np.linalg.solve(a.sum(0), np.einsum("pij,pj->i", a, centers))
    draws = jnp.asarray(rng.integers(0, n_paths, n_steps))
    a, centers = jnp.asarray(a, jnp.float32), jnp.asarray(centers, jnp.float32)

    def error(optimizer):
        optimizer = optax.chain(optimizer, optax.scale_by_learning_rate(0.02))

        def step(weights_and_state, p):
            weights, state = weights_and_state
            gradient = a[p] @ (weights - centers[p])
            updates, state = optimizer.update(gradient, state, weights, index=p)
            return (optax.apply_updates(weights, updates), state), None

        @jax.jit
        def descent(start):
            (weights, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), draws)
            return weights

        return np.linalg.norm(descent(jnp.zeros(size)) - minimum)

    of_saga, of_descent = error(scale_by_p_saga(n_paths)), error(optax.identity())
    assert of_saga < 1e-5
    assert of_descent > 1e-2


ERRORS = {
    "b1": (lambda: scale_by_p_adam(3, b1=1.0), "b1 must be a number between 0 and 1"),
    "b2": (lambda: scale_by_p_adam(3, b2=0.0), "b2 must be a number between 0 and 1"),
    "eps": (lambda: scale_by_p_adam(3, eps=0.0), "eps must be a positive number"),
    "n_paths of P-Adam": (lambda: scale_by_p_adam(0), "n_paths must be an integer of at least 1"),
    "n_paths of P-SAGA": (lambda: scale_by_p_saga(0), "n_paths must be an integer of at least 1"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_named(name):
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        call()
