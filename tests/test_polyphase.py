"""Fourier transforms by phases, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

from jtfs_jax import _platforms, _polyphase

N = 512

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture(params=[1, 2, 4, 8], ids="{} phases".format)
def phases(request):
    assert _polyphase.n_phases(N, N // request.param) == request.param
    return request.param


def fourier_of(phases):
    layout = _platforms.LAYOUTS["cpu"]._replace(transform=N // phases)
    return jax.tree.map(jnp.asarray, _polyphase.fourier_tables(N, layout))


def polyphase_ifft(lowest, n, phases):
    transfer = jnp.ones(lowest.shape[-1:], lowest.real.dtype)
    return _polyphase.polyphase_ifft(lowest, transfer[None], n, fourier_of(phases))


def polyphase_rfft(u, n_bins, phases):
    return _polyphase.polyphase_rfft(u, n_bins, fourier_of(phases))


def synthesis(lowest, n, phases):
    """Signals by phases and in order of time."""

    @jax.jit
    def both(lowest):
        y = polyphase_ifft(lowest, n, phases)
        return y, _polyphase.interleave(y)

    return jax.tree.map(np.asarray, both(lowest))


@pytest.mark.parametrize("n_bins", [1, 63, 64, 65, 300, N])
def test_synthesis_is_the_inverse_transform(phases, n_bins, x64):
    rng = np.random.default_rng(n_bins)
    lowest = rng.standard_normal((2, 3, n_bins)) + 1j * rng.standard_normal((2, 3, n_bins))
    y, in_time = synthesis(lowest, N, phases)
    assert y.shape == (2, phases, 3, N // phases)
    expected = np.fft.ifft(lowest, N)
    np.testing.assert_allclose(in_time, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(y[:, -1], expected[..., phases - 1 :: phases], rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_bins", [1, 32, 33, 34, 97, 200, N // 2 + 1])
def test_analysis_is_the_transform(phases, n_bins, x64):
    u = noise(2, 3, N, seed=n_bins, dtype=np.float64)
    by_phases = np.moveaxis(u.reshape(2, 3, N // phases, phases), -1, 1)
    u_hat = jax.jit(lambda u: polyphase_rfft(u, n_bins, phases))(by_phases)
    np.testing.assert_allclose(u_hat, np.fft.rfft(u)[..., :n_bins], rtol=0, atol=1e-11)


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_turns_of_long_signals_serve_short_ones(phases, factor, x64):
    n = N // factor
    lowest = noise(1, n, dtype=np.float64) + 0j
    _, y = synthesis(lowest, n, phases)
    np.testing.assert_allclose(y, np.fft.ifft(lowest), rtol=0, atol=1e-13)


def test_derivatives(phases, x64):
    rng = np.random.default_rng(0)
    u, direction = rng.standard_normal((2, phases, 1, N // phases))

    @jax.jit
    def energy(u):
        u_hat = polyphase_rfft(u, 100, phases)
        y = polyphase_ifft(u_hat, N, phases)
        return jnp.sum(jnp.abs(y) ** 4)

    step = 1e-5
    difference = (energy(u + step * direction) - energy(u - step * direction)) / (2 * step)
    slope = jnp.vdot(jax.grad(energy)(u), direction)
    np.testing.assert_allclose(slope, difference, rtol=1e-7)


@pytest.mark.parametrize("n", [1, 2, 8, 64])
def test_short_transforms_by_their_matrix(n, x64):
    layout = _platforms.LAYOUTS["cpu"]._replace(matrix=64)
    fourier = jax.tree.map(jnp.asarray, _polyphase.fourier_tables(N, layout))
    rng = np.random.default_rng(n)
    for n_bins in {1, (n + 1) // 2, n}:
        z = rng.standard_normal((3, n_bins)) + 1j * rng.standard_normal((3, n_bins))
        np.testing.assert_allclose(fourier.ifft(z, n), np.fft.ifft(z, n), rtol=0, atol=1e-13)
    u = rng.standard_normal((2, 3, n))
    for n_bins in {1, n // 2 + 1}:
        expected = np.fft.rfft(u)[..., :n_bins]
        np.testing.assert_allclose(fourier.rfft(u, n_bins), expected, rtol=0, atol=1e-12)
        half = rng.standard_normal((2, 3, n_bins)) + 1j * rng.standard_normal((2, 3, n_bins))
        np.testing.assert_allclose(fourier.irfft(half, n), np.fft.irfft(half, n), atol=1e-13)


def test_phases_in_turn(phases, x64):
    layout = _platforms.LAYOUTS["cpu"]._replace(transform=N // phases, in_turn=True)
    fourier = jax.tree.map(jnp.asarray, _polyphase.fourier_tables(N, layout))
    rng = np.random.default_rng(0)
    lowest = rng.standard_normal((2, 5, 300)) + 1j * rng.standard_normal((2, 5, 300))
    transfer = rng.standard_normal((5, 300))
    y = jax.jit(_polyphase.polyphase_ifft, static_argnums=2)(lowest, transfer, N, fourier)
    expected = np.fft.ifft(lowest * transfer, N)
    np.testing.assert_allclose(_polyphase.interleave(y), expected, rtol=0, atol=1e-13)
    u_hat = jax.jit(_polyphase.polyphase_rfft, static_argnums=1)(y.real, 150, fourier)
    expected = np.fft.rfft(expected.real)[..., :150]
    np.testing.assert_allclose(u_hat, expected, rtol=0, atol=1e-12)
