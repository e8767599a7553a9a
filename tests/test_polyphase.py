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
    (y,) = _polyphase.polyphase_iffts([lowest], [n], fourier_of(phases), n_batch=lowest.ndim - 2)
    return y


def polyphase_rfft(u, n_bins, phases):
    (u_hat,) = _polyphase.polyphase_rffts([u], [n_bins], fourier_of(phases))
    return u_hat


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
