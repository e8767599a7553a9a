import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jtfs_jax
from jtfs_jax.resynthesis import (
    bold_driver_start,
    bold_driver_step,
    colored_noise,
    resynthesize,
)

N = 1024


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=6, Q=4, J_fr=2)


@pytest.fixture(scope="module")
def x():
    """A rising chirp with a decaying envelope."""
    t = np.arange(N) / N
    return np.asarray(np.sin(300 * t + 400 * t**2) * np.exp(-2 * t), np.float32)


@pytest.fixture(scope="module")
def result(bank, x):
    return resynthesize(bank, x, n_steps=30)


def linear(matrix, y):
    return {"first": y @ matrix.T, "second": 0.5 * y}


def literal_bold_driver(matrix, target, y, n_steps, learning_rate=0.1):
    """The rule as it is written, for E(y) = ‖My − t‖ / ‖t‖, one sound, float64."""
    norm = np.linalg.norm(target)

    def error(y):
        return np.linalg.norm(matrix @ y - target) / norm

    def descent(y):
        return -matrix.T @ (matrix @ y - target) / (norm**2 * error(y))

    d, v, e = descent(y), np.zeros_like(y), error(y)
    mu = learning_rate * np.linalg.norm(y) / np.linalg.norm(d)
    history = []
    for _ in range(n_steps):
        trial = 0.9 * v + mu * d
        e_trial = error(y + trial)
        if e_trial <= e:
            y, v, e = y + trial, trial, e_trial
            d, mu = descent(y), 1.1 * mu
        else:
            v, mu = 0.5 * trial, 0.5 * mu
        history.append((y, e, mu, e == e_trial))
    return history


def test_steps_are_those_of_the_literal_rule():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((12, 8))
    x, y = rng.standard_normal((2, 8))
    both = np.concatenate([matrix, 0.5 * np.eye(8)])
    expected = literal_bold_driver(both, both @ x, y, n_steps=40)
    assert 5 < sum(accepted for *_, accepted in expected) < 35

    bank = jnp.asarray(matrix, jnp.float32)
    target = linear(bank, jnp.asarray(x, jnp.float32))
    state = bold_driver_start(bank, target, jnp.asarray(y, jnp.float32)[None], transform=linear)
    for y, e, mu, accepted in expected:
        state = step(bank, target, state, linear)
        assert state.accepted[0] == accepted
        np.testing.assert_allclose(state.learning_rate[0], mu, rtol=1e-4)
        np.testing.assert_allclose(state.error[0], e, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(state.y[0], y, atol=1e-4)


def step(bank, target, state, transform):
    return bold_driver_step(
        bank, target, state, transform=transform, momentum=0.9, accelerate=1.1, brake=0.5
    )


def test_a_failed_step_is_undone(bank, x):
    target = jtfs_jax.jtfs(bank, x)
    y = colored_noise(bank, target.S1, count=2)
    start = bold_driver_start(bank, target, y)
    rates = start.learning_rate * jnp.array([1e4, 1.0])
    before = dataclasses.replace(start, learning_rate=rates)
    after = step(bank, target, before, jtfs_jax.jtfs)
    assert after.accepted.tolist() == [False, True]
    for name in ("y", "direction", "error"):
        np.testing.assert_array_equal(getattr(after, name)[0], getattr(before, name)[0])
        assert (np.asarray(getattr(after, name)[1]) != np.asarray(getattr(before, name)[1])).any()
    np.testing.assert_allclose(after.learning_rate, rates * jnp.array([0.5, 1.1]), rtol=1e-6)
    trial = rates[0] * before.direction[0]
    np.testing.assert_allclose(after.velocity[0], 0.5 * trial, rtol=1e-6)
    np.testing.assert_array_equal(after.y[1], before.y[1] + after.velocity[1])


def broken_above_1(bank, y):
    return jnp.where(y > 1, jnp.float32(bank), y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_errors_that_are_not_finite_are_failures(value):
    y = jnp.zeros((1, 4)).at[0, 0].set(0.5)
    target = jnp.full(4, 0.9)
    state = bold_driver_start(value, target, y, transform=broken_above_1, learning_rate=10.0)
    after = step(value, target, state, broken_above_1)
    assert not after.accepted[0]
    np.testing.assert_array_equal(after.y, y)
    for _ in range(20):
        after = step(value, target, after, broken_above_1)
        assert np.isfinite(after.y).all()
    assert after.error[0] < 0.1 * state.error[0]


def steep(bank, y):
    return jnp.concatenate([jnp.sqrt(jnp.maximum(y - 1, 0)), bank[None]], axis=1)


def test_a_gradient_that_is_not_finite_is_a_failure():
    bank, target = jnp.ones(1), jnp.array([0.0, 1.0])
    state = bold_driver_start(bank, target, jnp.array([[1.5]]), transform=steep, learning_rate=0.5)
    assert float(state.y[0, 0] + state.learning_rate[0] * state.direction[0, 0]) < 1
    after = step(bank, target, state, steep)
    assert not after.accepted[0]
    assert np.isfinite(after.direction).all()
    assert after.y[0, 0] == 1.5


def test_start_on_the_target_stays_there(bank, x):
    target = jtfs_jax.jtfs(bank, x)
    state = bold_driver_start(bank, target, jnp.asarray(x)[None])
    after = step(bank, target, state, jtfs_jax.jtfs)
    np.testing.assert_allclose(after.y[0], x, atol=1e-4)
    assert after.error[0] < 1e-5
    assert np.isfinite(after.learning_rate).all()


def relative_error(bank, x, y):
    def flat(S):
        leaves = jax.tree.leaves(S)
        return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in leaves])

    sx, sy = flat(jtfs_jax.jtfs(bank, x)), flat(jtfs_jax.jtfs(bank, y))
    return np.linalg.norm(sx - sy) / np.linalg.norm(sx)


def test_the_error_falls_and_is_what_it_says(bank, x, result):
    assert (np.diff(result.error[:, 0]) <= 0).all()
    assert (np.diff(result.error[:, 0]) < 0).tolist() == result.accepted[1:, 0].tolist()
    assert result.error[-1, 0] < 0.2 * result.error[0, 0]
    assert result.error[-1, 0] == pytest.approx(relative_error(bank, x, result.y[0]), rel=1e-4)
    assert not np.allclose(result.y[0], x, atol=0.1)


def test_history_follows_the_rule(result):
    assert result.error.shape == result.learning_rate.shape == result.accepted.shape == (31, 1)
    ratio = result.learning_rate[1:] / result.learning_rate[:-1]
    np.testing.assert_allclose(ratio, np.where(result.accepted[1:], 1.1, 0.5), rtol=1e-5)


def test_the_first_step_is_free_of_scale(bank, x):
    quiet = resynthesize(bank, x * np.float32(2**-12), n_steps=5)
    loud = resynthesize(bank, x * np.float32(2**12), n_steps=5)
    np.testing.assert_allclose(loud.error, quiet.error, rtol=1e-3)
    peak = float(quiet.y.max())
    np.testing.assert_allclose(loud.y * 2**-24, quiet.y, atol=1e-3 * peak)

    first = resynthesize(bank, x, n_steps=1)
    assert first.accepted[1, 0]
    start = first.y - first.state.velocity
    share = np.linalg.norm(first.state.velocity) / np.linalg.norm(start)
    assert share == pytest.approx(0.1, rel=1e-4)


def test_a_batch_is_separate_runs(bank, x):
    batch = resynthesize(bank, x, n_steps=6, count=2)
    target = jtfs_jax.jtfs(bank, x)
    for k, y in enumerate(colored_noise(bank, target.S1, count=2)):
        state = bold_driver_start(bank, target, y[None])
        for _ in range(6):
            state = step(bank, target, state, jtfs_jax.jtfs)
        np.testing.assert_allclose(state.error[0], batch.error[-1, k], rtol=1e-3)
        np.testing.assert_allclose(state.y[0], batch.y[k], atol=1e-3 * float(jnp.abs(y).max()))


def test_seeds(bank, x, result):
    again = resynthesize(bank, x, n_steps=30)
    np.testing.assert_array_equal(again.y, result.y)
    s1 = jtfs_jax.jtfs(bank, x).S1
    two, three = colored_noise(bank, s1, count=2, seed=5), colored_noise(bank, s1, count=3, seed=5)
    np.testing.assert_allclose(two, three[:2], rtol=1e-5, atol=1e-6)
    sounds = np.concatenate([three, colored_noise(bank, s1, seed=6)])
    correlation = np.corrcoef(sounds) - np.eye(4)
    assert np.abs(correlation).max() < 0.5


def test_noise_has_the_spectrum_of_s1():
    bank = jtfs_jax.filterbank(4096, J=6, Q=4)
    frequency = np.fft.rfftfreq(4096)
    density = 1 / (1 + (frequency / 0.05) ** 2)
    white_hat = np.fft.rfft(np.random.default_rng(0).standard_normal((64, 4096)))
    x = jnp.asarray(np.fft.irfft(np.sqrt(density) * white_hat), jnp.float32)
    s1 = jtfs_jax.time_scattering(bank, x).S1.mean(axis=0)
    y = colored_noise(bank, s1, count=64)

    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-6)
    power = (np.abs(np.fft.rfft(y)) ** 2 / 4096).mean(axis=0)
    octaves = [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32]
    for low, high in itertools.pairwise(octaves):
        inside = (low <= frequency) & (frequency < high)
        assert power[inside].mean() == pytest.approx(density[inside].mean(), rel=0.15)


@jax.custom_vjp
def identity(y):
    return y


gradients = []
identity.defvjp(
    lambda y: (y, None), lambda _, g: (jax.debug.callback(lambda: gradients.append(1)), (g,))[1]
)


def counted(bank, y):
    return linear(bank, identity(y))


def test_failed_steps_cost_no_gradient():
    bank = jnp.asarray(np.random.default_rng(0).standard_normal((6, 4)), jnp.float32)
    target = linear(bank, jnp.ones(4))
    gradients.clear()
    state = bold_driver_start(bank, target, -jnp.ones((1, 4)), transform=counted)
    n_accepted = 0
    for _ in range(30):
        state = step(bank, target, state, counted)
        n_accepted += int(state.accepted[0])
    jax.effects_barrier()
    assert 0 < n_accepted < 30
    assert len(gradients) == 1 + n_accepted


def test_the_number_of_steps_does_not_matter_to_compilation(bank, x):
    n_traces = []

    def traced(bank, y):
        n_traces.append(y.ndim)
        return jtfs_jax.time_scattering(bank, y)

    resynthesize(bank, x, transform=traced, n_steps=2)
    once = len(n_traces)
    resynthesize(bank, x, transform=traced, n_steps=9)
    assert len(n_traces) == once + 1  # the coefficients of the target


def test_callback_sees_every_state_and_ends_it(bank, x, result):
    errors = []

    def callback(state):
        errors.append(float(state.error[0]))
        return len(errors) == 4

    stopped = resynthesize(bank, x, n_steps=30, callback=callback)
    np.testing.assert_array_equal(stopped.error[:, 0], np.asarray(errors, np.float32))
    np.testing.assert_array_equal(stopped.error, result.error[:4])


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "wrong length": ({"x": np.ones(N - 1)}, f"{N - 1}"),
    "a batch": ({"x": np.ones((2, N))}, rf"its shape is \(2, {N}\)"),
    "silence": ({"x": np.zeros(N)}, "not silent"),
    "NaN": ({"x": np.full(N, np.nan)}, "finite"),
    "n_steps": ({"n_steps": 0}, "n_steps must be an integer of at least 1, got 0"),
    "count": ({"count": 0}, "count must be an integer of at least 1, got 0"),
    "seed": ({"seed": -1}, "seed must be an integer between 0 and 2.*32 − 1, got -1"),
    "learning_rate": ({"learning_rate": 0.0}, r"learning_rate must be positive, got 0\.0"),
    "momentum": ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1\.0"),
    "accelerate": ({"accelerate": 0.9}, r"accelerate must be at least 1, got 0\.9"),
    "brake": ({"brake": 1.0}, r"brake must be in \(0, 1\), got 1\.0"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_arguments(bank, x, name):
    options, match = INVALID[name]
    options = {"x": x} | options
    with pytest.raises(ValueError, match=match):
        resynthesize(bank, **options)
