"""Strict numerics for all tests, the switch to float64, and programs that compile fast."""

import contextlib
import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config):
    """Compile in a third of the time, by XLA's former way to emit fusions, if it still has that.

    Workers inherit the option; a process that runs the tests itself has started XLA without it.
    """
    option = "xla_cpu_use_fusion_emitters"
    if hasattr(config, "workerinput") or "XLA_FLAGS" in os.environ:
        return
    with contextlib.suppress(Exception):  # whatever is raised: the option is not known
        jax.jit(lambda: 0.0, compiler_options={option: False})()
        os.environ["XLA_FLAGS"] = f"--{option}=false"


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
