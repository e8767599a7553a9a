"""Filterbanks for other platforms: the same numbers, by programs that suit each."""

import re
from typing import Any

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise, relative_error

import jtfs_jax
from jtfs_jax import _platforms

N = 1024
OTHERS = sorted(_platforms.LAYOUTS.keys() - {"cpu"})
OPTIONS = {
    "local": {"T": 32},
    "global": {"T": "global", "F": "global"},
    "none": {"T": 0, "F": 0},
    "reflections": {"preset": "sharp", "pad_mode_fr": "conj-reflect", "T": 256},
}

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Layouts with parts so small that these short signals have many."""
    for name, layout in _platforms.LAYOUTS.items():
        small = layout._replace(
            block=64,
            merged=128,
            n_bytes=layout.n_bytes and 2**15,
            matrix=layout.matrix and 32,
            transform=layout.transform if layout.transform == 2**62 else 256,
        )
        monkeypatch.setitem(_platforms.LAYOUTS, name, small)


def make_bank(platform, dtype: Any = np.float32, n=N, **options):
    return jtfs_jax.filterbank(n, J=5, Q=3, J_fr=2, **options, platform=platform, dtype=dtype)


def value_and_gradient(transform, bank, x):
    def loss(x):
        S = transform(bank, x)
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(S)), S

    (_, S), gradient = jax.value_and_grad(loss, has_aux=True)(x)
    return S, gradient


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(("jtfs", options) for options in OPTIONS),
        ("time_scattering", "local"),
        ("scalogram", "none"),
    ],
)
def test_all_platforms_have_the_same_numbers(name, options, x64):
    transform, x = helpers.TRANSFORMS[name], noise(3, N, dtype=np.float64)
    banks = [make_bank(p, np.float64, **OPTIONS[options]) for p in ("cpu", *OTHERS)]
    expected, *others = [value_and_gradient(transform, bank, x) for bank in banks]
    for other in others:
        assert jax.tree.structure(other) == jax.tree.structure(expected)
        for leaf, other_leaf in zip(*map(jax.tree.leaves, (expected, other)), strict=True):
            assert relative_error(other_leaf, leaf) < 1e-9


def test_products_that_are_written_out_in_single_precision(x64):
    x, direction = noise(2, N, dtype=np.float64)

    def derivatives(bank):
        def loss(x):
            return sum(
                jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(jtfs_jax.jtfs(bank, x))
            )

        arguments = (x.astype(bank.dtype),), (direction.astype(bank.dtype),)
        return jtfs_jax.jtfs(bank, x), jax.jvp(jax.grad(loss), *arguments)

    S, (gradient, hessian_product) = derivatives(make_bank("tpu", T=32))
    expected = derivatives(make_bank("cpu", np.float64, T=32))
    assert relative_error(jax.tree.leaves(S), jax.tree.leaves(expected[0])) < 1e-6
    assert relative_error(gradient, expected[1][0]) < 1e-6
    assert relative_error(hessian_product, expected[1][1]) < 2e-5  # a modulus may be nearly 0


@pytest.mark.parametrize("platform", OTHERS)
def test_of_segments_and_of_one_path(platform, x64):
    x = noise(2, 7 * N + 17, dtype=np.float64)
    cpu, other = (make_bank(p, np.float64, 2 * N, T=32) for p in ("cpu", platform))
    segmented = jtfs_jax.segmented(jtfs_jax.jtfs)
    for of_any_length in (segmented, jax.jit(segmented)):
        found, expected = of_any_length(other, x), of_any_length(cpu, x)
        assert relative_error(jax.tree.leaves(found), jax.tree.leaves(expected)) < 1e-9
    found, expected = (jtfs_jax.jtfs_path(bank, x[:, : 2 * N], 20) for bank in (other, cpu))
    assert relative_error(found, expected) < 1e-9


@pytest.mark.parametrize("platform", OTHERS)
def test_segments_without_second_order(platform):
    """In a single group of segments, and in several with some left over."""
    cpu, other = (jtfs_jax.filterbank(N, J=2, Q=1, platform=p) for p in ("cpu", platform))
    of_any_length = jax.jit(jtfs_jax.segmented(jtfs_jax.time_scattering))
    for n_samples in (2 * N, 50 * N):
        x = noise(2, n_samples)
        found, expected = of_any_length(other, x), of_any_length(cpu, x)
        assert found.S2.size == expected.S2.size == 0
        assert found.S2.shape == expected.S2.shape
        np.testing.assert_allclose(found.S1, expected.S1, rtol=1e-5)


def n_loops(bank, backend, n_sounds=1):
    """Number of loops of the gradient in a program for a backend other than this process's."""

    def loss(bank, x):
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(jtfs_jax.jtfs(bank, x)))

    x = jax.ShapeDtypeStruct((n_sounds, N), jnp.float32)
    traced = jax.jit(jax.grad(loss, argnums=1)).trace(bank, x)
    text = traced.lower(lowering_platforms=(backend,)).as_text()
    return len(re.findall(r"stablehlo\.while", text))


def test_a_program_is_that_of_the_platform_of_its_filterbank(monkeypatch):
    assert n_loops(make_bank("cpu", T=256), "cuda") > 0
    roomy = _platforms.LAYOUTS["gpu"]._replace(n_bytes=2**28)
    monkeypatch.setitem(_platforms.LAYOUTS, "gpu", roomy)
    assert n_loops(make_bank("gpu", T=256), "cuda") == 0
    crowded = roomy._replace(n_bytes=2**14)
    monkeypatch.setitem(_platforms.LAYOUTS, "gpu", crowded)
    assert n_loops(make_bank("gpu", T=256), "cuda", n_sounds=3) > 0


def test_a_batch_of_symbolic_size_for_another_platform():
    pytest.importorskip("flatbuffers", reason="jax.export needs it to save programs")
    for platform in OTHERS:
        bank = make_bank(platform, T=32)
        batch = jax.ShapeDtypeStruct(jax.export.symbolic_shape(f"b, {N}"), jnp.float32)
        exported = jax.export.export(jax.jit(jtfs_jax.jtfs), platforms=("cpu", "cuda", "tpu"))
        again = jax.export.deserialize(exported(bank, batch).serialize())
        found, expected = again.call(bank, noise(3, N)), jtfs_jax.jtfs(bank, noise(3, N))
        assert relative_error(jax.tree.leaves(found), jax.tree.leaves(expected)) < 1e-6


def test_the_platform_is_that_of_the_process_by_default():
    bank = jtfs_jax.filterbank(64, J=3, Q=1)
    assert bank.platform == jax.default_backend()
    with pytest.raises(ValueError, match="platform must be 'cpu' or 'gpu' or 'tpu'"):
        jtfs_jax.filterbank(64, J=3, Q=1, platform="cuda")  # pyright: ignore[reportArgumentType]
