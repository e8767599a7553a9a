"""Strict numerics for all tests, and the switch to float64."""

import itertools

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def x64():
    """Float64 for the duration of a test."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


_count = itertools.count(1)


@pytest.fixture
def quick_compile():
    """Little optimization by XLA: for tests that compile a lot and run each program once."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    if next(_count) % 20 == 0:  # thousands of compiled programs would exhaust memory maps
        jax.clear_caches()
