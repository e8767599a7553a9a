"""One path at a time: the numbers and derivatives of all paths, from one compiled program."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jtfs_jax
from jtfs_jax import jtfs_path

N = 256
pytestmark = pytest.mark.usefixtures("quick_compile")
SMALL: dict[str, Any] = {"J": 5, "Q": (3, 2), "J_fr": 2}
BANKS: dict[str, dict[str, Any]] = {
    "averaged": {"Q_fr": 2},
    "sharp, rows reflected": {"preset": "sharp", "pad_mode_fr": "conj-reflect"},
    "dense frames and bands": {"T": 20.0, "stride": 4, "F": 5.0, "stride_fr": 1},
    "global": {"T": "global", "F": "global"},
    "global in time": {"J": 8, "T": "global"},
}


def make_bank(name, dtype: Any = jnp.float32):
    return jtfs_jax.filterbank(N, **SMALL | BANKS[name], dtype=dtype)


def signals(*shape, dtype: Any = np.float32):
    return jnp.asarray(np.random.default_rng(0).standard_normal((*shape, N)), dtype)


def all_paths(bank, x):
    """Path by path, as one program."""
    indices = jnp.arange(len(jtfs_jax.path_table(bank)))
    paths = jax.lax.map(lambda index: jtfs_path(bank, x, index), indices)
    return jnp.moveaxis(paths, 0, -3)


@pytest.mark.parametrize("name", BANKS)
def test_each_path_is_that_of_jtfs(name):
    bank, x = make_bank(name), signals(2, 1)
    expected = np.asarray(jtfs_jax.jtfs(bank, x).S2)
    actual = jax.jit(all_paths)(bank, x)
    assert actual.shape == expected.shape
    largest = expected.max(axis=(0, 1, 3, 4), keepdims=True)
    assert np.all(largest > 0)
    assert np.all(np.abs(actual - expected) <= 1e-5 * largest)


def test_float64(x64):
    bank, x = make_bank("averaged", jnp.float64), signals(dtype=jnp.float64)
    actual = jax.jit(all_paths)(bank, x)
    assert actual.dtype == jnp.float64
    np.testing.assert_allclose(actual, jtfs_jax.jtfs(bank, x).S2, rtol=0, atol=1e-15)


def test_gradient_of_each_path_is_that_of_jtfs():
    bank, x = make_bank("sharp, rows reflected"), signals()
    weights = jnp.asarray(np.random.default_rng(1).standard_normal((2, *jtfs_shape(bank))))
    weights = weights.astype(jnp.float32)

    def of_all(x):
        return jnp.einsum("kpbt,pbt->kp", weights, jtfs_jax.jtfs(bank, x).S2)

    def of_one(x, index):
        return jnp.einsum("kbt,bt->k", weights[:, index], jtfs_path(bank, x, index))

    expected = jax.jit(jax.jacrev(of_all))(x)
    gradient = jax.jit(jax.jacrev(of_one))
    for index in range(0, expected.shape[1], 3):
        scale = np.abs(expected[:, index]).max()
        np.testing.assert_allclose(gradient(x, index), expected[:, index], atol=1e-5 * scale)


def jtfs_shape(bank):
    return jax.eval_shape(jtfs_jax.jtfs, bank, jnp.zeros(N)).S2.shape


@pytest.mark.parametrize("index", [1, -1])
def test_derivatives_of_order_two(index, x64):
    options: dict[str, Any] = {"J": 3, "Q": 1, "J_fr": 1, "T": "global"}
    bank = jtfs_jax.filterbank(64, **options, dtype=jnp.float64)
    n_paths = len(jtfs_jax.path_table(bank))
    index = jnp.asarray(index % n_paths)
    x = signals(dtype=jnp.float64)[:64]
    energy = jax.jit(lambda x, index: jnp.sum(jtfs_path(bank, x, index) ** 2))
    check_grads(lambda x: energy(x, index), (x,), order=2, modes=("fwd", "rev"))


def test_one_program_serves_all_paths():
    bank, x, traces = make_bank("averaged"), signals(), []

    @jax.jit
    def gradient(bank, x, index):
        traces.append(index)
        return jax.value_and_grad(lambda x: jtfs_path(bank, x, index).sum())(x)

    n_paths = len(jtfs_jax.path_table(bank))
    values = [float(gradient(bank, x, index)[0]) for index in range(n_paths)]
    assert len(traces) == gradient._cache_size() == 1
    assert len(set(values)) == n_paths


def test_vmap_over_signals_and_over_paths():
    bank, x = make_bank("averaged"), signals(2)
    indices = jnp.array([0, 9, 30])
    expected = jtfs_jax.jtfs(bank, x).S2
    one_index = jax.vmap(jtfs_path, (None, 0, None))
    np.testing.assert_allclose(one_index(bank, x, 9), expected[:, 9], rtol=1e-4, atol=1e-6)
    many = jax.vmap(jtfs_path, (None, None, 0), 1)(bank, x, indices)
    np.testing.assert_allclose(many, expected[:, indices], rtol=1e-4, atol=1e-6)


def test_silence_has_finite_derivatives():
    bank, silence, direction = make_bank("averaged"), jnp.zeros(N), signals()

    @jax.jit
    def derivatives(index):
        gradient = jax.grad(lambda x: jtfs_path(bank, x, index).sum())
        return jax.jvp(gradient, (silence,), (direction,))

    for index in (0, 9):
        for derivative in derivatives(index):
            assert not np.any(derivative)


ERRORS = {
    "too large": (SMALL, 1000, r"index must be an integer between 0 and 52, got 1000"),
    "negative": (SMALL, -1, "index must be an integer between 0"),
    "of an array": (SMALL, jnp.asarray(1000), "index must be an integer between 0"),
    "several": (SMALL, np.arange(3), "index must be an integer between 0"),
    "not an integer": (SMALL, 1.0, "index must be an integer between 0"),
    "not averaged in time": (SMALL | {"T": 0}, 0, r"must average .* got T=0"),
    "not averaged in frequency": (SMALL | {"F": 0}, 0, r"must average .* F=0"),
    "no frequential wavelets": (SMALL | {"J_fr": None}, 0, "J_fr"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_named(name):
    options, index, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        jtfs_path(jtfs_jax.filterbank(N, **options), signals(), index)


@pytest.mark.parametrize("index", [jnp.arange(3), jnp.float32(1)])
def test_wrong_indices_are_named_under_jit(index):
    bank = make_bank("averaged")
    with pytest.raises(ValueError, match="index must be an integer"):
        jax.jit(jtfs_path)(bank, signals(), index)
