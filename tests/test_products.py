"""Matrix products in parts of bfloat16: precision, derivatives and vectorization."""

import functools
from typing import Any

import jax
import numpy as np
import pytest
from jax.test_util import check_grads

from jtfs_jax._products import product

in_parts: Any = functools.partial(product, narrow=40)


def of_many_magnitudes(seed, *shape):
    rng = np.random.default_rng(seed)
    return np.float32(rng.standard_normal(shape)) * np.float32(10.0) ** rng.integers(-3, 3, shape)


def assert_precise(found, a, b):
    """Rounding of longer sums and of two operands with batches takes one bit more."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    assert np.all(np.abs(found - a @ b) < 2**-20 * (np.abs(a) @ np.abs(b)))


def test_parts_in_bfloat16_make_up_single_precision():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((30, 40)), rng.standard_normal((2, 40, 50))
    a, b = (np.float32(c) * np.float32(10.0) ** rng.integers(-3, 3, c.shape) for c in (a, b))
    found = jax.jit(in_parts)(a, b)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    magnitude = np.abs(a).astype(np.float64) @ np.abs(b)
    # Of 24 bits, the omitted products affect the last two; omitting one more would leave 16.
    assert np.max(np.abs(found - expected) / magnitude) < 2**-21


@pytest.mark.parametrize("shape", [(30, 40, 50), (30, 50, 40), (40, 30, 50), (50, 60, 70)])
@pytest.mark.parametrize("shared", ["neither", "left", "right"])
def test_in_single_precision(shape, shared):
    """The product, the products of its derivative with few columns, and all others."""
    m, k, n = shape
    a = of_many_magnitudes(0, *(() if shared == "left" else (2,)), m, k)
    b = of_many_magnitudes(1, *(() if shared == "right" else (2,)), k, n)
    g = of_many_magnitudes(2, 2, m, n)
    found, transposed = jax.vjp(jax.jit(in_parts), a, b)
    assert_precise(found, a, b)
    of_a, of_b = transposed(g)
    if shared == "left":
        assert_precise(of_a, np.hstack([*g]), np.hstack([*b]).T)
    else:
        assert_precise(of_a, g, b.mT)
    if shared == "right":
        assert_precise(of_b, np.vstack([*a]).T, np.vstack([*g]))
    else:
        assert_precise(of_b, a.mT, g)


@pytest.mark.parametrize("axes", [(0, None), (None, 1), (2, 0)])
def test_vectorized(axes):
    a, b = of_many_magnitudes(0, 3, 30, 40), of_many_magnitudes(1, 3, 40, 50)
    operands = [
        z[0] if axis is None else np.moveaxis(z, 0, axis)
        for z, axis in zip((a, b), axes, strict=True)
    ]
    left, right = (z[0] if axis is None else z for z, axis in zip((a, b), axes, strict=True))
    assert_precise(jax.vmap(in_parts, axes)(*operands), left, right)
    of_rows = jax.vmap(jax.vmap(in_parts, (0, None)), (None, 0))  # with batches of its own
    assert_precise(of_rows(a[:, None], b)[:, :, 0], a, b[:, None])


def test_derivatives_of_every_order(x64):
    a, b = (np.random.default_rng(i).standard_normal((2, 4, 4)) for i in range(2))
    check_grads(in_parts, (a, b), order=3, atol=1e-6, rtol=1e-6)
    check_grads(in_parts, (a, b[0]), order=3, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("narrow", "expected"), [(0, 0), (8, 1), (30, 2), (100, 3)])
def test_products_of_few_columns_are_in_parts(narrow, expected):
    """Of the product, with 30 columns, and of those of its derivative, with 8 and 100."""
    a, b, g = np.ones((100, 30), "f"), np.ones((30, 8), "f"), np.ones((100, 8), "f")

    def products(a, b, g):
        found, transposed = jax.vjp(functools.partial(product, narrow=narrow), a, b)
        return found, transposed(g)

    text = jax.jit(products).lower(a, b, g).as_text()
    assert text.count("dot_general") == 3
    assert sum("bf16" in line for line in text.splitlines() if "dot_general" in line) == expected
