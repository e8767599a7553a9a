"""Properties from the papers: direction, covariance, invariance, homogeneity, stability."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax

N = 4096


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=9, Q=12, J_fr=4, T=2**8)


def chirp():
    """Four octaves up from 0.015 cycles/sample."""
    t = np.arange(N) / N
    phase = 2 * np.pi * N * 0.015 * (2 ** (4 * t) - 1) / (4 * np.log(2))
    return (np.sin(phase) * np.hanning(N)).astype(np.float32)


@pytest.mark.usefixtures("quick_compile")
def test_time_reversal_swaps_spins():
    # One frame in the middle of a signal with silent ends: padding has no influence.
    bank = jtfs_jax.filterbank(N, J=7, Q=8, J_fr=3, T="global")
    x = noise(N)
    x[: N // 4] = x[-N // 4 :] = 0
    forward, backward = (np.asarray(jtfs_jax.jtfs(bank, y).S2) for y in (x, x[::-1].copy()))
    table = jtfs_jax.path_table(bank)
    swapped = np.array(
        [
            np.flatnonzero((table.n2 == n2) & (table.scale == scale) & (table.spin == -spin)).item()
            for n2, scale, spin in zip(table.n2, table.scale, table.spin, strict=True)
        ]
    )
    difference = np.linalg.norm(backward[swapped] - forward) / np.linalg.norm(forward)
    # Not exact: decimated samples are not symmetric.
    assert difference < 2e-3
    assert np.linalg.norm(backward - forward) > 10 * difference * np.linalg.norm(forward)


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("transform", [jtfs_jax.jtfs, jtfs_jax.time_scattering])
def test_shift_by_the_stride_shifts_frames(transform):
    # Filters short enough not to reach the silent ends.
    bank = jtfs_jax.filterbank(N, J=7, Q=8, J_fr=3, T=2**7)
    x = np.zeros(N, np.float32)
    x[N // 4 : N // 2] = np.random.default_rng(0).standard_normal(N // 4)
    S = transform(bank, x)
    shifted = transform(bank, np.roll(x, 2**7))
    for a, b in zip(jax.tree.leaves(S), jax.tree.leaves(shifted), strict=True):
        inner = np.s_[..., 2:-3]
        np.testing.assert_allclose(
            np.roll(b, -1, axis=-1)[inner], a[inner], atol=2e-3 * np.abs(a).max()
        )


@pytest.mark.usefixtures("quick_compile")
def test_transposition_shifts_bands():
    # Doubling the frequency shifts by Q rows, here three bands.
    bank = jtfs_jax.filterbank(N, J=8, Q=12, J_fr=2, T="global", F=4)
    t = np.arange(N)
    tone = lambda f: np.sin(2 * np.pi * f * t).astype(np.float32)  # noqa: E731
    low = np.asarray(jtfs_jax.jtfs(bank, tone(0.08)).S2[1])
    high = np.asarray(jtfs_jax.jtfs(bank, tone(0.16)).S2[1])
    np.testing.assert_allclose(high[3:15], low[6:18], atol=0.02 * low.max())
    assert np.argmax(low) - np.argmax(high) == 3


def test_homogeneity(bank):
    x = chirp()
    S, louder = jtfs_jax.jtfs(bank, x), jtfs_jax.jtfs(bank, -7 * x)
    np.testing.assert_allclose(louder.S0, -7 * S.S0, atol=1e-5 * np.abs(S.S0).max() + 1e-7)
    for order in ("S1", "S2"):
        expected = 7 * np.asarray(getattr(S, order))
        np.testing.assert_allclose(getattr(louder, order), expected, atol=1e-5 * expected.max())


def test_a_tone_excites_its_own_row(bank):
    frequencies = jtfs_jax.wavelet_frequencies(bank, sample_rate=8000.0)
    n1 = 20
    x = np.sin(2 * np.pi * frequencies[n1] / 8000 * np.arange(N)).astype(np.float32)
    S = jtfs_jax.jtfs(bank, x)
    assert np.argmax(S.S1[:, N // 2 // bank.stride]) == n1


@pytest.mark.usefixtures("quick_compile")
def test_means_are_the_limit_of_wide_averages():
    x = noise(N, seed=1)
    options: dict[str, Any] = {"J": 6, "Q": 6, "J_fr": 2}
    first_order = jax.jit(lambda bank, x: jtfs_jax.jtfs(bank, x).S1)  # and nothing else is compiled
    mean = first_order(jtfs_jax.filterbank(N, **options, T="global"), x)
    wide = first_order(jtfs_jax.filterbank(N, **options, T=N, stride=N // 4), x)
    np.testing.assert_allclose(np.mean(wide, axis=-1), mean[:, 0], atol=0.02 * np.max(mean))
    samples = jtfs_jax.jtfs(jtfs_jax.filterbank(N, **options, T=0, F=0), x).S2
    rows = jtfs_jax.jtfs(jtfs_jax.filterbank(N, **options, T="global", F=0), x).S2
    for path in samples:
        if path[0] >= 0:
            np.testing.assert_allclose(
                np.mean(samples[path], axis=-1),
                rows[path][:, 0],
                atol=0.02 * np.max(rows[path]),
            )


def test_averaged_moduli_are_not_negative(bank):
    x = np.zeros(N, np.float32)
    x[N // 2] = 1
    S = jtfs_jax.jtfs(bank, x)
    assert np.min(S.S2) >= 0
    assert np.min(S.S1) > -1e-6 * np.max(S.S1)


@pytest.mark.usefixtures("quick_compile")
def test_gradient_descends():
    bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
    rng = np.random.default_rng(0)
    target, x = (jnp.asarray(rng.standard_normal(1024), jnp.float32) for _ in range(2))
    S = jtfs_jax.jtfs(bank, target)

    @jax.jit
    def loss(x):
        Sx = jtfs_jax.jtfs(bank, x)
        return sum(
            jnp.sum((a - b) ** 2)
            for a, b in zip(jax.tree.leaves(Sx), jax.tree.leaves(S), strict=True)
        )

    value, gradient = jax.jit(jax.value_and_grad(loss))(x)
    step = 1e-3 * value / jnp.sum(gradient**2)
    decrease = value - loss(x - step * gradient)
    np.testing.assert_allclose(decrease, 1e-3 * value, rtol=0.05)
