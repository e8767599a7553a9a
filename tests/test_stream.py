"""Streams: blocks of a signal give the values of the whole signal, as early as possible."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import TRANSFORMS, largest_error, noise

import jtfs_jax
from jtfs_jax import segmented

pytestmark = pytest.mark.usefixtures("quick_compile")

SEGMENT, LONG = 2**9, 2**12


def make_bank(dtype: Any = jnp.float64, **options: Any):
    return jtfs_jax.filterbank(SEGMENT, J=4, Q=2, J_fr=1, **options, dtype=dtype)


def joined(results):
    return jax.tree.map(lambda *parts: np.concatenate(parts, axis=-1), *results)


@pytest.mark.parametrize("pad_mode", ["reflect", "conj-reflect", "zero"])
def test_a_stream_is_the_whole_signal(pad_mode):
    with jax.enable_x64(True):
        bank = make_bank(pad_mode=pad_mode)
        for n_samples in (2, 150, 256, 1024, LONG + 1):
            x = noise(n_samples, seed=8, dtype=float)
            wanted = segmented(jtfs_jax.jtfs)(bank, x)
            cuts = np.random.default_rng(9).integers(0, n_samples, 5)
            for blocks in (np.split(x, range(256, n_samples, 256)), np.split(x, sorted(cuts))):
                for every in (None, 1, 100):
                    found = joined(jtfs_jax.stream(bank, blocks, every=every))
                    assert largest_error(found, wanted) < 1e-6


@pytest.mark.parametrize("options", [{"T": 0}, {"T": "global"}], ids=str)
def test_streams_of_every_kind(options):
    with jax.enable_x64(True):
        bank = make_bank(**options)
        x = noise(2, 3000, seed=10, dtype=float)
        for transform in TRANSFORMS.values():
            found = joined(jtfs_jax.stream(bank, np.array_split(x, 9, -1), transform=transform))
            assert largest_error(found, segmented(transform)(bank, x)) < 1e-6


@pytest.mark.parametrize("every", [None, 32])
def test_how_late_a_stream_is(every):
    bank = make_bank(dtype=jnp.float32)
    context = 8 * 2 * 2**4
    step = bank.n_padded - 2 * context if every is None else every
    given = 0

    def microphone():
        nonlocal given
        for block in np.split(noise(LONG), LONG // 16):
            given += len(block)
            yield block

    times, received = jtfs_jax.frame_times(bank, n_samples=LONG), 0
    for S in jtfs_jax.stream(bank, microphone(), every=every):
        oldest, received = times[received], received + S.S1.shape[-1]
        if given < LONG:
            assert oldest + context < given <= oldest + context + step + 16


def test_a_block_may_be_filled_again():
    bank = make_bank(dtype=jnp.float32)
    x, buffer = noise(LONG), np.zeros(512, np.float32)

    def blocks():
        for part in x.reshape(-1, 512):
            buffer[:] = part
            yield buffer

    wanted = joined(jtfs_jax.stream(bank, x.reshape(-1, 512)))
    assert largest_error(joined(jtfs_jax.stream(bank, blocks())), wanted) == 0


def test_errors():
    bank = make_bank(dtype=jnp.float32)
    periodic = make_bank(dtype=jnp.float32, pad_mode="periodic")
    with pytest.raises(ValueError, match="pad_mode"):
        jtfs_jax.stream(periodic, [])  # before the first block
    with pytest.raises(ValueError, match="same batch"):
        list(jtfs_jax.stream(bank, [np.ones((2, 5)), np.ones((3, 5))]))
    with pytest.raises(ValueError, match="blocks must have real numbers"):
        list(jtfs_jax.stream(bank, [np.ones(5) + 0j]))
    mean = make_bank(dtype=jnp.float32, T="global")
    with pytest.raises(ValueError, match="every must be None"):
        jtfs_jax.stream(mean, [], every=64)
