"""Strict numerics for all tests, a float64 switch, and fast compilation."""

import contextlib
import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config):
    """Compile in a third of the time with XLA's former fusion emitters, if still available.

    Workers inherit the option; a process that runs the tests itself has already started XLA.
    """
    option = "xla_cpu_use_fusion_emitters"
    if hasattr(config, "workerinput") or "XLA_FLAGS" in os.environ:
        return
    with contextlib.suppress(Exception):  # any exception means that the option is unknown
        jax.jit(lambda: 0.0, compiler_options={option: False})()
        os.environ["XLA_FLAGS"] = f"--{option}=false"


@pytest.fixture
def x64():
    """Enable float64 for the duration of a test."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture
def standard_promotion():
    """Standard dtype promotion, which optax's Adam needs."""
    with jax.numpy_dtype_promotion("standard"):
        yield


_MAPS = Path("/proc/self/maps")
_MANY_MAPS = 20_000  # Linux gives a process 65,530; a compiled program takes up to some hundreds


@pytest.fixture(autouse=True)
def few_programs():
    """Drop compiled programs before a process runs out of memory maps and dies."""
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_MAPS:
        jax.clear_caches()


@pytest.fixture
def quick_compile():
    """Limit XLA's optimization, for tests that compile a lot and run each program once."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
