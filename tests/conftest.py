"""Strict numerics for all tests, and the switch to float64."""

from pathlib import Path

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


@pytest.fixture
def standard_promotion():
    """What optax's Adam needs."""
    with jax.numpy_dtype_promotion("standard"):
        yield


_MAPS = Path("/proc/self/maps")
_MANY_MAPS = 20_000  # Linux gives a process 65,530; a compiled program takes up to some hundreds


@pytest.fixture(autouse=True)
def few_programs():
    """Drop compiled programs before a process has no room for more, which would end it."""
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_MAPS:
        jax.clear_caches()


@pytest.fixture
def quick_compile():
    """Little optimization by XLA: for tests that compile a lot and run each program once."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
