"""`bold_driver` and `lbfgs` in isolation, on losses with steps known in closed form."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import literal_bold_driver

from jtfs_jax.resynthesis import bold_driver, lbfgs

OPTIMIZERS: dict[str, Any] = {"bold_driver": bold_driver, "lbfgs": lbfgs}


def quadratic(condition, size=8, seed=0):
    """Matrix and minimum of E(y) = ½ (y − x)ᵀ A (y − x), and a starting point."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.standard_normal((size, size)))
    return (basis * np.geomspace(1, condition, size)) @ basis.T, *rng.standard_normal((2, size))


def minimize(optimizer, value_and_grad, y, n_trials) -> list[Any]:
    """All states, one per trial, of a run that passes the loss and applies the steps."""
    update, state, states = jax.jit(optimizer.update), optimizer.init(y), []
    for _ in range(n_trials):
        value, gradient = value_and_grad(y)
        updates, state = update(gradient, state, y, value=value)
        y = optax.apply_updates(y, updates)
        states.append(state)
    return states


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_may_be_numbers_of_python(name):
    optimizer, y = OPTIMIZERS[name](), jnp.ones(3)
    state = optimizer.init(y)
    steps = [optimizer.update(y, state, y, value=value)[0] for value in (1.5, jnp.float32(1.5))]
    np.testing.assert_array_equal(*steps)


def literal_lbfgs(error, gradient, y, n_trials, memory_size):
    """Textbook two-loop recursion with halving, on lists."""
    g, e, pairs, history, q, mu = gradient(y), error(y), [], [], y, 1.0
    for _ in range(n_trials):
        if not history or history[-1][-1]:
            q, alphas = g, []
            for s, u in reversed(pairs):
                alphas.append((s @ q) / (s @ u))
                q = q - alphas[-1] * u
            if pairs:
                s, u = pairs[-1]
                q = q * (s @ u) / (u @ u)
            else:
                q = q * 0.1 * np.linalg.norm(y) / np.linalg.norm(g)
            for (s, u), alpha in zip(pairs, reversed(alphas), strict=True):
                q = q + (alpha - (u @ q) / (s @ u)) * s
            mu = 1.0
        y_trial = y - mu * q
        e_trial = error(y_trial)
        accepted = e_trial < e
        if accepted:
            g_trial = gradient(y_trial)
            pairs = [*pairs, (y_trial - y, g_trial - g)][-memory_size:]
            y, e, g, mu = y_trial, e_trial, g_trial, 1.0
        else:
            mu /= 2
        history.append((y, e, mu, accepted))
    return history


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("name", "condition"), [("bold_driver", 30), ("lbfgs", 1e4)])
def test_steps_are_those_of_the_literal_rule(name, condition):
    matrix, x, y = quadratic(condition)
    n_trials = 60 if name == "bold_driver" else 30
    literal = literal_bold_driver
    if name == "lbfgs":
        literal = lambda *arguments: literal_lbfgs(*arguments, memory_size=4)  # noqa: E731
    expected = literal(
        lambda y: 0.5 * (y - x) @ matrix @ (y - x), lambda y: matrix @ (y - x), y, n_trials
    )
    assert 0 < sum(not accepted for *_, accepted in expected) < n_trials - 5

    optimizer = bold_driver() if name == "bold_driver" else lbfgs(memory_size=4)
    loss = jax.jit(jax.value_and_grad(lambda y: 0.5 * (y - x) @ matrix @ (y - x)))
    _, *states = minimize(optimizer, loss, jnp.asarray(y), n_trials + 1)
    for state, (y, e, mu, accepted) in zip(states, expected, strict=True):
        assert state.accepted == accepted
        np.testing.assert_allclose(state.params, y, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(state.value, e, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(state.learning_rate, mu, rtol=1e-9)


def test_directions_are_those_of_optax():
    matrix, x, y = (jnp.asarray(a, jnp.float32) for a in quadratic(10))
    loss = jax.value_and_grad(lambda y: 0.5 * (y - x) @ matrix @ (y - x))
    theirs: Any = optax.scale_by_lbfgs(memory_size=3)
    memory, n_compared = theirs.init(y), 0
    for state in minimize(lbfgs(memory_size=3), loss, y, 14):
        if state.accepted:
            direction, memory = theirs.update(state.gradient, memory, state.params)
            if n_compared:
                atol = 1e-3 * float(jnp.abs(direction).max())
                np.testing.assert_allclose(state.step, -direction, atol=atol)
            n_compared += 1
    assert n_compared > 8


def test_lbfgs_reaches_the_minimum_where_curvatures_differ_a_thousandfold():
    matrix, x, y = (jnp.asarray(a, jnp.float32) for a in quadratic(1e3, size=12))
    loss = jax.jit(jax.value_and_grad(lambda y: 0.5 * (y - x) @ matrix @ (y - x)))
    ours = minimize(lbfgs(), loss, y, 100)
    assert ours[-1].value < 1e-8 * ours[0].value
    assert minimize(bold_driver(), loss, y, 100)[-1].value > 1e-4 * ours[0].value


def test_lbfgs_passes_negative_curvature():
    def loss(y):  # concave beyond |y| = 0.6, where pairs are useless
        return jnp.sum(jnp.square(y) / (1 + jnp.square(y)))

    states = minimize(lbfgs(), jax.value_and_grad(loss), jnp.array([5.0, 3.0]), 60)
    assert (np.diff([float(state.value) for state in states]) <= 0).all()
    assert states[-1].value < 1e-6
    assert states[5].memory.weight.max() == 0


def test_lbfgs_forgets_directions_that_fail():
    """A memory that leads away from the minimum is dropped after twelve failures."""
    loss = jax.value_and_grad(lambda y: jnp.sum(jnp.array([1.0, 9.0]) * jnp.square(y)))
    y = jnp.array([3.0, 1.0])
    optimizer = OPTIMIZERS["lbfgs"]()
    state = minimize(optimizer, loss, y, 3)[-1]
    assert state.memory.weight[-1] > 0
    here = state.params
    for _ in range(12):
        _, state = optimizer.update(state.gradient, state, here, value=jnp.float32(jnp.inf))
        np.testing.assert_array_equal(state.params, here)
    assert (state.memory.weight == 0).all()
    share = jnp.linalg.norm(state.step) / jnp.linalg.norm(here)
    np.testing.assert_allclose(share, 0.1, rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_never_accepted(name, bad):
    def loss(y):  # its minimum, at which the first steps aim, is beyond a cliff
        value = jnp.sum(jnp.square(y - jnp.array([0.9, 0.0])))
        return jnp.where(y[0] > 1, bad, value)

    optimizer = OPTIMIZERS[name](learning_rate=2.0)
    states = minimize(optimizer, jax.value_and_grad(loss), jnp.array([0.5, 0.0]), 40)
    assert [bool(state.accepted) for state in states[:2]] == [True, False]
    for state in states:
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    np.testing.assert_array_equal(states[1].params, states[0].params)
    assert states[-1].value < 0.01 * states[0].value


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_gradient_that_is_not_finite_is_a_failure(name):
    optimizer = OPTIMIZERS[name]()
    y = jnp.ones(3)
    _, state = optimizer.update(2 * y, optimizer.init(y), y, value=jnp.float32(3.0))
    bad = jnp.array([0.0, jnp.nan, 0.0])
    updates, after = optimizer.update(bad, state, 0.9 * y, value=jnp.float32(2.0))
    assert not after.accepted
    np.testing.assert_array_equal(after.params, y)
    np.testing.assert_array_equal(after.gradient, 2 * y)
    np.testing.assert_allclose(0.9 * y + updates, y + after.step, rtol=1e-6)
    assert jnp.linalg.norm(after.step) < jnp.linalg.norm(state.step)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_start_that_is_not_finite_stays_unaccepted(name):
    optimizer = OPTIMIZERS[name]()
    states = minimize(optimizer, lambda y: (jnp.float32(jnp.nan), y * jnp.nan), jnp.ones(2), 3)
    for state in states:
        assert np.isinf(state.value)
        np.testing.assert_array_equal(state.params, jnp.ones(2))
        np.testing.assert_array_equal(state.step, jnp.zeros(2))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_free_of_scale(name):
    matrix, x, y = (jnp.asarray(a, jnp.float32) for a in quadratic(30))

    def values(unit, weight):
        def loss(y):
            return weight * 0.5 * (y / unit - x) @ matrix @ (y / unit - x)

        states = minimize(OPTIMIZERS[name](), jax.value_and_grad(loss), unit * y, 25)
        return np.array([state.value for state in states]) / weight

    expected = values(1.0, 1.0)
    for unit, weight in itertools.product([2.0**-12, 2.0**10], [2.0**-8, 2.0**8]):
        np.testing.assert_allclose(values(unit, weight), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_first_step(name):
    optimizer = OPTIMIZERS[name](learning_rate=0.3)
    for y, length in [(jnp.array([3.0, 4.0]), 1.5), (jnp.zeros(4), 0.6)]:
        gradient = jnp.arange(1.0, 1 + len(y))
        updates, _ = optimizer.update(gradient, optimizer.init(y), y, value=jnp.float32(1.0))
        expected = -length * gradient / jnp.linalg.norm(gradient)
        np.testing.assert_allclose(updates, expected, rtol=1e-6)
        nowhere, _ = optimizer.update(0 * y, optimizer.init(y), y, value=jnp.float32(1.0))
        np.testing.assert_array_equal(nowhere, 0 * y)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pytrees_are_one_vector(name):
    matrix, x, y = (jnp.asarray(a, jnp.float32) for a in quadratic(30))

    def loss(y):
        return 0.5 * (y - x) @ matrix @ (y - x)

    def of_tree(tree):
        return loss(jnp.concatenate([tree["a"].ravel(), tree["b"][0]]))

    tree = {"a": y[:6].reshape(2, 3), "b": (y[6:],)}
    flat = minimize(OPTIMIZERS[name](), jax.value_and_grad(loss), y, 15)
    nested = minimize(OPTIMIZERS[name](), jax.value_and_grad(of_tree), tree, 15)
    values = [[float(state.value) for state in states] for states in (flat, nested)]
    np.testing.assert_allclose(*values, rtol=1e-3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_composition_with_optax(name):
    matrix, x, y = (jnp.asarray(a, jnp.float32) for a in quadratic(30))
    loss = jax.value_and_grad(lambda y: 0.5 * (y - x) @ matrix @ (y - x))
    alone = minimize(OPTIMIZERS[name](learning_rate=0.05), loss, y, 10)
    expected = [float(state.value) for state in alone]

    chained = optax.chain(optax.identity(), OPTIMIZERS[name](learning_rate=0.05))
    found = [float(state[-1].value) for state in minimize(chained, loss, y, 10)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)

    static = ("memory_size",) if name == "lbfgs" else ()
    injected = optax.inject_hyperparams(OPTIMIZERS[name], static_args=static)(learning_rate=0.05)
    states = minimize(injected, loss, y, 10)
    assert float(states[-1].hyperparams["learning_rate"]) == pytest.approx(0.05)
    found = [float(state.inner_state.value) for state in states]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


INVALID: dict[str, tuple[Any, dict[str, Any], str]] = {
    "learning_rate": (bold_driver, {"learning_rate": 0.0}, "learning_rate must be positive"),
    "momentum": (bold_driver, {"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1\.0"),
    "accelerate": (bold_driver, {"accelerate": 0.9}, r"accelerate must be at least 1, got 0\.9"),
    "brake": (bold_driver, {"brake": 1.0}, r"brake must be in \(0, 1\), got 1\.0"),
    "first step": (lbfgs, {"learning_rate": np.nan}, "learning_rate must be positive, got nan"),
    "memory_size": (lbfgs, {"memory_size": 0}, "memory_size must be an integer of at least 1"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_arguments(name):
    optimizer, options, match = INVALID[name]
    with pytest.raises(ValueError, match=match):
        optimizer(**options)
    with pytest.raises(ValueError, match="params must be the point just tried"):
        lbfgs().update(jnp.ones(1), lbfgs().init(jnp.ones(1)), None, value=jnp.float32(0))


@pytest.mark.parametrize("optimizer", [bold_driver, lbfgs])
def test_constants_go_by_name(optimizer):
    with pytest.raises(TypeError, match="positional"):
        optimizer(0.1)
