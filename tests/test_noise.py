"""Initial noise of metamers: its first-order coefficients and keys."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax
from jtfs_jax.resynthesis import colored_noise

N = 1024
pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=6, Q=4)


@pytest.fixture(scope="module")
def x():
    """A rising chirp with a decaying envelope."""
    t = np.arange(N) / N
    return np.asarray(np.sin(300 * t + 400 * t**2) * np.exp(-2 * t), np.float32)


def test_noise_has_the_spectrum_of_s1():
    bank = jtfs_jax.filterbank(4096, J=6, Q=4)
    frequency = np.fft.rfftfreq(4096)
    density = 1 / (1 + (frequency / 0.05) ** 2)
    white_hat = np.fft.rfft(noise(64, 4096, dtype=np.float64))
    x = jnp.asarray(np.fft.irfft(np.sqrt(density) * white_hat), jnp.float32)
    s1 = jtfs_jax.time_scattering(bank, x).S1.mean(axis=(0, 2))[:, None]
    y = colored_noise(bank, s1, n_sounds=64)

    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-6)
    power = (np.abs(np.fft.rfft(y)) ** 2 / 4096).mean(axis=0)
    octaves = [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32]
    for low, high in itertools.pairwise(octaves):
        inside = (low <= frequency) & (frequency < high)
        assert power[inside].mean() == pytest.approx(density[inside].mean(), rel=0.15)


@pytest.mark.parametrize("options", [{}, {"T": 16}, {"T": "global"}, {"T": 0}], ids=str)
def test_noise_has_nearly_the_s1(x, options):
    bank = jtfs_jax.filterbank(N, J=6, Q=4, **options)
    s1 = jtfs_jax.time_scattering(bank, x).S1
    s1y = jtfs_jax.time_scattering(bank, colored_noise(bank, s1, n_sounds=16)).S1.mean(axis=0)
    for axis in (0, 1):
        wanted, found = (np.asarray(s).mean(axis=axis) for s in (s1, s1y))
        assert np.linalg.norm(wanted - found) < 0.25 * np.linalg.norm(wanted)
    stationary = colored_noise(bank, s1.mean(axis=1, keepdims=True), n_sounds=16)
    if s1.shape[1] > 1:
        s1z = jtfs_jax.time_scattering(bank, stationary).S1.mean(axis=0)
        assert jnp.linalg.norm(s1 - s1y) < 0.6 * jnp.linalg.norm(s1 - s1z)


def test_several_noises_at_once(bank, x):
    s1 = jtfs_jax.time_scattering(bank, np.stack([[x, 2 * x], [x[::-1], x]])).S1
    y = colored_noise(bank, s1, n_sounds=3)
    assert y.shape == (3, 2, 2, N)
    np.testing.assert_allclose(y[:, 0, 1], 2 * y[:, 0, 0], atol=1e-3 * float(y.max()))
    np.testing.assert_allclose(y[:, 1, 1], colored_noise(bank, s1[0, 0], n_sounds=3), atol=1e-4)


def test_keys(bank, x):
    s1 = jtfs_jax.time_scattering(bank, x).S1
    two, three = (
        colored_noise(bank, s1, n_sounds=n_sounds, key=jax.random.key(5)) for n_sounds in (2, 3)
    )
    np.testing.assert_allclose(two, three[:2], rtol=1e-4, atol=1e-5)
    sounds = np.concatenate([three, colored_noise(bank, s1, key=jax.random.key(6))])
    correlation = np.corrcoef(sounds) - np.eye(4)
    assert np.abs(correlation).max() < 0.5


def test_keys_of_either_kind_make_the_same_noise(bank, x):
    s1 = jtfs_jax.time_scattering(bank, x).S1
    typed = colored_noise(bank, s1, key=jax.random.key(4))
    for legacy in (jax.random.PRNGKey(4), np.asarray(jax.random.PRNGKey(4))):
        np.testing.assert_array_equal(colored_noise(bank, s1, key=legacy), typed)
    default = colored_noise(bank, s1)
    np.testing.assert_array_equal(default, colored_noise(bank, s1, key=jax.random.key(0)))


NO_KEYS: dict[str, Any] = {
    "seed": 4,
    "array": jnp.zeros(2),
    "shape": np.zeros(3, np.uint32),
    "several": jax.random.split(jax.random.key(0), 2),
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_what_is_no_key(bank, name):
    s1 = jnp.ones((len(bank.wavelets1), 1))
    with pytest.raises(ValueError, match=r"key must be a single jax\.random key, got .*use jax"):
        colored_noise(bank, s1, key=NO_KEYS[name])
