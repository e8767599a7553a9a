"""One path at a time: values and derivatives for any path, from one compiled program."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise
from jax.test_util import check_grads

import jtfs_jax
from jtfs_jax import jtfs_path

N = 128
pytestmark = pytest.mark.usefixtures("quick_compile")
SMALL: dict[str, Any] = {"J": 4, "Q": (3, 2), "J_fr": 2}
BANKS: dict[str, dict[str, Any]] = {
    "dense frames and bands": {"T": 10.0, "stride": 2, "F": 5.0, "stride_fr": 1, "Q_fr": 2},
    "sharp, rows reflected": {"preset": "sharp", "pad_mode_fr": "conj-reflect"},
    "global": {"T": "global", "F": "global"},
}


@pytest.mark.parametrize(
    ("name", "dtype", "tolerance"),
    [
        ("dense frames and bands", jnp.float64, 1e-12),
        ("sharp, rows reflected", jnp.float32, 1e-5),
        ("global", jnp.float32, 1e-5),
    ],
)
def test_each_path_is_that_of_jtfs(name, dtype, tolerance, x64):
    bank, x = jtfs_jax.filterbank(N, **SMALL | BANKS[name], dtype=dtype), noise(2, 1, N)
    expected = np.asarray(jtfs_jax.jtfs(bank, x).S2)
    for index, path in enumerate(np.moveaxis(expected, -3, 0)):
        actual = jtfs_path(bank, x, index)
        assert actual.shape == path.shape
        assert actual.dtype == dtype
        assert path.max() > 0
        np.testing.assert_allclose(actual, path, rtol=0, atol=tolerance * path.max())


def test_derivatives(x64):
    bank = jtfs_jax.filterbank(64, 3, 1, J_fr=1, T="global", dtype=jnp.float64)
    x = noise(N, dtype=np.float64)[:64]
    last = len(jtfs_jax.path_table(bank)) - 1
    energy = jax.jit(lambda x, index: jnp.sum(jtfs_path(bank, x, index) ** 2))
    for index in (jnp.asarray(1), jnp.asarray(last)):  # α = 0, and spin −1
        check_grads(lambda x, index=index: energy(x, index), (x,), order=1, modes=("fwd", "rev"))


def test_vmap_over_paths():
    bank, x = jtfs_jax.filterbank(64, 3, 1, J_fr=1), noise(2, N)[:, :64]
    indices = jnp.array([0, 4, 7])
    expected = jtfs_jax.jtfs(bank, x).S2[:, indices]
    many = jax.vmap(jtfs_path, (None, None, 0), 1)(bank, x, indices)
    np.testing.assert_allclose(many, expected, atol=1e-5 * expected.max())


ERRORS = {
    "too large": (SMALL, 1000, r"index must be an integer between 0 and \d+, got 1000"),
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
        jtfs_path(jtfs_jax.filterbank(N, **options), noise(N), index)


@pytest.mark.parametrize("index", [jnp.arange(3), jnp.float32(1)])
def test_wrong_indices_are_named_under_jit(index):
    bank = jtfs_jax.filterbank(N, **SMALL)
    with pytest.raises(ValueError, match="index must be an integer"):
        jax.jit(jtfs_path)(bank, noise(N), index)
