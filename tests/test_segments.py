"""Signals in segments: same values as in one call, including the ends, for any length."""

import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import TRANSFORMS, energy, largest_error, noise, relative_error

import jtfs_jax
from jtfs_jax import segmented

pytestmark = pytest.mark.usefixtures("quick_compile")

SEGMENT, LONG = 2**9, 2**12
SMALL: dict[str, Any] = {"J": 4, "Q": 2, "J_fr": 1}


def banks(n_samples: int, dtype: Any = jnp.float64, **options: Any):
    """Filterbanks for segments and for the whole signal."""
    options = SMALL | options
    return [jtfs_jax.filterbank(n, **options, dtype=dtype) for n in (SEGMENT, n_samples)]


def extended(x, bank, before, after):
    """The signal continued one sample at a time according to `pad_mode`."""
    n, mode = len(x), bank.pad_mode
    position = np.arange(-before, n + after)
    if mode == "zero":
        return np.where((position >= 0) & (position < n), x[np.clip(position, 0, n - 1)], 0)
    if mode == "periodic":
        return x[position % n]
    place = position % (2 * n - 2)
    return x[np.minimum(place, 2 * n - 2 - place)]


@pytest.mark.parametrize(
    ("pad_mode", "T"),
    [
        *[(pad_mode, T) for pad_mode in ("reflect", "conj-reflect") for T in (None, "global", 0)],
        ("zero", None),
        ("zero", "global"),
        ("periodic", "global"),
        ("periodic", 0),
    ],
)
def test_segments_give_the_numbers_of_one_call(pad_mode, T):
    with jax.enable_x64(True):
        bank, whole = banks(LONG, pad_mode=pad_mode, T=T)
        x = noise(LONG, dtype=float)
        found = segmented(jtfs_jax.jtfs)(bank, x)
        assert largest_error(found, jtfs_jax.jtfs(whole, x)) < 1e-6


@pytest.mark.parametrize("name", ["scalogram", "time_scattering"])
def test_the_other_transforms(name):
    with jax.enable_x64(True):
        for T in (32, "global", 0):
            bank, whole = banks(LONG, T=T)
            x = noise(LONG, dtype=float)
            found = segmented(TRANSFORMS[name])(bank, x)
            assert largest_error(found, TRANSFORMS[name](whole, x)) < 1e-6


@pytest.mark.parametrize(
    "options",
    [
        {"F": 0},
        {"preset": "sharp"},
        {"preset": "sharp", "T": 0, "F": 0},
        {"T": "global", "F": 0},
        {"T": "global", "F": "global"},
        {"T": 24.5, "stride": 8, "F": 3.5, "stride_fr": 1},
        {"pad_mode_fr": "conj-reflect", "pad_mode": "conj-reflect", "T": 30, "oversampling": 1},
        {"J": (3, 4), "Q": (3, 2), "Q_fr": 2},
    ],
    ids=str,
)
def test_every_option_of_averages_and_frequencies(options):
    with jax.enable_x64(True):
        bank, whole = banks(LONG, **options)
        x = noise(LONG, seed=1, dtype=float)
        assert largest_error(segmented(jtfs_jax.jtfs)(bank, x), jtfs_jax.jtfs(whole, x)) < 1e-6


@pytest.mark.parametrize("pad_mode", ["reflect", "conj-reflect", "zero", "periodic"])
@pytest.mark.parametrize("n_samples", [2, 37, 3 * SEGMENT + 1])
def test_any_length_is_what_its_continuation_gives(n_samples, pad_mode):
    """Compare with one call for a longer signal that includes the continuation."""
    with jax.enable_x64(True):
        bank, whole = banks(LONG, pad_mode=pad_mode)
        x, before = noise(n_samples, seed=2, dtype=float), 2**10
        longer = extended(x, bank, before, LONG - before - n_samples)
        S = jtfs_jax.jtfs(whole, longer)
        assert bank.stride
        first, n_frames = before // bank.stride, -(-n_samples // bank.stride)
        assert len(jtfs_jax.frame_times(bank, n_samples=n_samples)) == n_frames
        found = segmented(jtfs_jax.jtfs)(bank, x)
        if pad_mode == "conj-reflect":  # `longer` has the reflected samples, without conjugation
            S, found = S.S1, found.S1
        wanted = jax.tree.map(lambda s: s[..., first : first + n_frames], S)
        assert largest_error(found, wanted) < 1e-6


@pytest.mark.parametrize("n_samples", [50, 2 * SEGMENT + 77])
def test_means_are_over_the_signal_alone(n_samples):
    with jax.enable_x64(True):
        bank, _ = banks(SEGMENT, T="global")
        rate, _ = banks(SEGMENT, T=0)
        x = noise(n_samples, seed=3, dtype=float)
        found = segmented(jtfs_jax.time_scattering)(bank, x)
        u1 = segmented(jtfs_jax.scalogram)(rate, x)
        np.testing.assert_allclose(found.S0[0], x.mean())
        np.testing.assert_allclose(found.S1[..., 0], u1.mean(-1), rtol=2e-2)


def test_gradient_without_any_path():
    """Gradient with filters that have no second-order wavelet slower than the first order."""
    bank = jtfs_jax.filterbank(512, J=2, Q=2, T=16)
    x = noise(1200)
    transform = segmented(jtfs_jax.time_scattering)
    assert transform(bank, x).S2.shape == (0, 75)
    gradient = jax.grad(lambda x: sum(s.sum() for s in jax.tree.leaves(transform(bank, x))))(x)
    assert np.isfinite(gradient).all()


def test_one_path():
    with jax.enable_x64(True):
        for T in (None, "global"):
            bank, whole = banks(LONG, T=T)
            x = noise(2, LONG, seed=4, dtype=float)
            S2 = jtfs_jax.jtfs(whole, x).S2
            for index in (0, 2, 5, S2.shape[1] - 1):
                found = segmented(jtfs_jax.jtfs_path)(bank, x, index)
                assert relative_error(found, S2[:, index]) < 1e-6


def test_shapes_without_a_computation():
    bank, _ = banks(LONG, dtype=jnp.float32)
    x = jax.ShapeDtypeStruct((2, 1501), np.float32)
    shapes = jax.eval_shape(segmented(jtfs_jax.jtfs), bank, x)
    assert bank.stride
    assert shapes.S0.shape == (2, -(-1501 // bank.stride))


def test_float32_and_batches():
    bank, whole = banks(LONG, dtype=jnp.float32)
    x = noise(2, 3, LONG)
    found = segmented(jtfs_jax.jtfs)(bank, x)
    assert found.S2.dtype == jnp.float32
    assert largest_error(found, jtfs_jax.jtfs(whole, x)) < 1e-6
    none = segmented(jtfs_jax.jtfs)(bank, x[:, :0])
    assert none.S2.shape == (2, 0, *found.S2.shape[2:])


def test_under_transformations():
    with jax.enable_x64(True):
        for options in ({"T": "global"}, {"pad_mode": "conj-reflect"}):
            bank, _ = banks(LONG, **options)
            x = noise(2, 1500, seed=5, dtype=float)
            transform = segmented(jtfs_jax.jtfs)
            eager = transform(bank, x)
            assert largest_error(jax.jit(transform)(bank, x), eager) < 1e-12
            assert largest_error(jax.vmap(transform, (None, 0))(bank, x), eager) < 1e-12
            assert largest_error(jax.jit(lambda f=transform, b=bank, x=x: f(b, x))(), eager) < 1e-12


@pytest.mark.parametrize("options", [{}, {"T": "global"}], ids=str)
def test_gradient_is_that_of_one_call(options):
    with jax.enable_x64(True):
        bank, whole = banks(LONG, **options)
        x = noise(LONG, seed=6, dtype=float)
        found = jax.jit(jax.grad(lambda x: energy(segmented(jtfs_jax.jtfs), bank, x)))(x)
        wanted = jax.grad(lambda x: energy(jtfs_jax.jtfs, whole, x))(x)
        assert relative_error(found, wanted) < 1e-6


def test_resynthesis_of_any_length():
    with jax.enable_x64(True):
        bank, whole = banks(LONG)
        target = jtfs_jax.jtfs(whole, noise(LONG, dtype=float))
        y0 = noise(LONG, seed=1, dtype=float)
        resynthesize = jtfs_jax.resynthesis.resynthesize
        transform = segmented(jtfs_jax.jtfs)
        found = resynthesize(bank, target, transform=transform, y0=y0, n_steps=3)
        wanted = resynthesize(whole, target, y0=y0, n_steps=3)
        np.testing.assert_allclose(found.error, wanted.error, rtol=1e-5)
        assert found.error[-1] < found.error[0]


def test_gradient_of_silence_is_finite():
    bank, _ = banks(LONG, dtype=jnp.float32)
    found = jax.grad(lambda x: energy(segmented(jtfs_jax.jtfs), bank, x))(jnp.zeros(3000))
    assert not found.any()


def test_memory_of_the_gradient_does_not_grow():
    """Buffers besides the signal and its gradient, as counted by XLA."""
    bank, _ = banks(LONG, dtype=jnp.float32)
    gradient = jax.jit(jax.grad(lambda x: energy(segmented(jtfs_jax.jtfs), bank, x)))
    sizes = []
    for n_samples in (2**12, 2**15):
        memory = gradient.lower(jnp.zeros(n_samples)).compile().memory_analysis()
        assert memory
        sizes.append(memory.temp_size_in_bytes / (4 * n_samples))
    assert sizes[1] < 0.5 * sizes[0]  # per sample; constant if a program kept everything


def test_one_program_for_all_lengths():
    program = """
import jax, numpy as np, jtfs_jax
bank = jtfs_jax.filterbank(2**9, J=4, Q=2, J_fr=1)
transform = jtfs_jax.segmented(jtfs_jax.jtfs)
compiled = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None)
transform(bank, np.ones(100, np.float32))
first = len(compiled)
for n_samples in (2, 99, 101, 2048, 4096, 5001, 7777, 8192, 10000, 20001):
    transform(bank, np.ones(n_samples, np.float32))
print(first, len(compiled) - first)
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    )
    first, more = map(int, found.stdout.split())
    assert first >= 1
    assert more == 0


def test_an_array_on_disk(tmp_path):
    bank, _ = banks(LONG, dtype=jnp.float32)
    x = noise(5000)
    np.save(tmp_path / "x.npy", x)
    found = segmented(jtfs_jax.jtfs)(bank, np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert largest_error(found, segmented(jtfs_jax.jtfs)(bank, jnp.asarray(x))) == 0


def test_any_level_and_nan():
    bank, _ = banks(LONG, dtype=jnp.float32)
    transform, x = segmented(jtfs_jax.jtfs), noise(LONG, seed=7)
    wanted = transform(bank, x)
    quiet = transform(bank, x * np.float32(1e-25))
    assert largest_error(jax.tree.map(lambda s: np.asarray(s, float) * 1e25, quiet), wanted) < 1e-5
    x[3000] = np.nan
    frames = np.isnan(transform(bank, x).S1).all(0)
    times = jtfs_jax.frame_times(bank, n_samples=LONG)
    assert frames[np.abs(times - 3000) < bank.T].all()
    assert not frames[times < 3000 - bank.n_padded].any()


def test_integers_and_foreign_bytes():
    bank, _ = banks(LONG, dtype=jnp.float32)
    x = np.round(1000 * noise(3000)).astype(np.int16)
    wanted = segmented(jtfs_jax.jtfs)(bank, x.astype(np.float32))
    for given in (x, x.astype(">i2"), x.astype(">f8")):
        assert largest_error(segmented(jtfs_jax.jtfs)(bank, given), wanted) == 0


def test_a_filterbank_for_segments():
    kinds: list[Any] = [{"J": 6, "Q": 4}, {"J": 5, "Q": 2, "T": 300}]
    kinds += [{"J": 7, "Q": 1, "T": "global"}]
    for options in kinds:
        bank = jtfs_jax.filterbank(None, **options)
        T = bank.T if isinstance(bank.T, float) else 0
        context = 8 * max(T, 2 * 2 ** options["J"])
        assert bank.n_padded <= 1.3 * (bank.n_padded - 2 * context)
        half = jtfs_jax.filterbank(bank.n_samples // 2, **options)
        assert half.n_padded > 1.3 * (half.n_padded - 2 * context)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda bank: segmented(np.abs), "transform must be one of jtfs, time_scattering"),
        (lambda bank: segmented(jtfs_jax.jtfs)(bank, [1.0, 2.0]), "x must be an array"),
        (lambda bank: segmented(jtfs_jax.jtfs)(bank, np.ones(1)), "at least 2 samples"),
        (lambda bank: segmented(jtfs_jax.jtfs)(bank, np.ones(9) + 0j), "real numbers"),
        (
            lambda bank: segmented(jtfs_jax.jtfs)(jtfs_jax.filterbank(256, **SMALL), np.ones(9)),
            "bank must transform more than 512 samples .* got n_samples=256",
        ),
        (
            lambda bank: segmented(jtfs_jax.jtfs)(jtfs_jax.filterbank(2048, 4, 2), np.ones(9)),
            "bank must have frequential wavelets",
        ),
        (lambda bank: jtfs_jax.frame_times(bank, n_samples=1), "n_samples must be at least 2"),
    ],
)
def test_errors(call, message):
    bank = jtfs_jax.filterbank(SEGMENT, **SMALL)
    with pytest.raises(ValueError, match=message):
        call(bank)


def test_energies_are_of_one_call():
    bank = jtfs_jax.filterbank(SEGMENT, **SMALL)
    S = segmented(jtfs_jax.jtfs)(bank, noise(3000))
    with pytest.raises(ValueError, match="S must have the 32 frames of one call"):
        jtfs_jax.analysis.path_energies(bank, S)


def test_times_of_frames():
    bank = jtfs_jax.filterbank(SEGMENT, **SMALL, T=0)
    table = jtfs_jax.path_table(bank)
    S = segmented(jtfs_jax.jtfs)(bank, noise(5001))
    for (n2, _), s2, stride in zip(S.S2, S.S2.values(), table.stride, strict=True):
        times = jtfs_jax.frame_times(bank, n_samples=5001, n2=n2, sample_rate=2.0)
        assert len(times) == s2.shape[-1]
        assert times[0] == 0
        assert all(b - a == stride / 2 for a, b in pairwise(times))
