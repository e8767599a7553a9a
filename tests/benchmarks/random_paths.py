"""What a step with one path takes, beside a step with all: the loss of random paths. From a clone:

    python tests/benchmarks/random_paths.py

Signals are white noise of 32,768 samples, the filterbank is that of the literature (J=12, Q=(8, 2),
J_fr=3, Q_fr=2) with T="global". A step is the value and the gradient of the loss, transforms of the
target included, and without them where "target kept" is said. Steps take turns, path after path, so
that each finds the machine in the same state; times are medians, of single paths over all paths.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from run import processor

import jtfs_jax
from jtfs_jax import jtfs_path
from jtfs_jax.losses import path_distance

FILTERS: dict[str, Any] = {"J": 12, "Q": (8, 2), "J_fr": 3, "Q_fr": 2}


def all_paths(bank, y, x, index):
    """The loss of all paths."""
    return path_distance(jtfs_jax.jtfs(bank, y).S2, jtfs_jax.jtfs(bank, x).S2).mean()


def all_paths_kept(bank, y, s2, index):
    """The loss of all paths, where the coefficients of the target are known."""
    return path_distance(jtfs_jax.jtfs(bank, y).S2, s2).mean()


def one_path(bank, y, x, index):
    """The loss of one path."""
    return path_distance(jtfs_path(bank, y, index), jtfs_path(bank, x, index)).mean()


def one_path_kept(bank, y, s2, index):
    """The loss of one path, where the coefficients of the target are known."""
    return path_distance(jtfs_path(bank, y, index), s2[..., index, :, :]).mean()


def compiled(loss: Callable, *arguments) -> tuple[Callable, float]:
    """Its value and gradient, and the seconds that compiling took."""
    start = time.perf_counter()
    step = jax.jit(jax.value_and_grad(loss, argnums=1)).lower(*arguments).compile()
    return step, time.perf_counter() - start


def seconds(step: Callable, *arguments) -> float:
    """Of one step."""
    start = time.perf_counter()
    jax.block_until_ready(step(*arguments))
    return time.perf_counter() - start


def measure(n_samples: int, T: Any, batch: int, every: int) -> dict[str, Any]:
    """Medians of each kind of step, one after another, for every path or some of them."""
    bank = jtfs_jax.filterbank(n_samples, T=T, **FILTERS)
    table = jtfs_jax.path_table(bank)
    rng = np.random.default_rng(0)
    y, x = jnp.asarray(rng.standard_normal((2, batch, n_samples)), jnp.float32)
    s2 = jtfs_jax.jtfs(bank, x).S2
    losses = {
        "all paths": (all_paths, x),
        "one path": (one_path, x),
        "all paths, target kept": (all_paths_kept, s2),
        "one path, target kept": (one_path_kept, s2),
    }
    index = jnp.zeros((), jnp.int32)
    steps = {
        name: (*compiled(loss, bank, y, target, index), target)
        for name, (loss, target) in losses.items()
    }
    for step, _, target in steps.values():
        seconds(step, bank, y, target, index)
    times = {name: [] for name in steps}
    paths = range(0, len(table), every)
    for path in paths:
        index = jnp.asarray(path, jnp.int32)
        for name, (step, _, target) in steps.items():
            times[name].append(seconds(step, bank, y, target, index))
    return {
        "conditions": {"jax": jax.__version__, "device": processor(), "T": T, "batch": batch},
        "paths": len(table),
        "compile_seconds": {name: round(compiling, 1) for name, (_, compiling, _) in steps.items()},
        "median_seconds": {name: round(statistics.median(t), 4) for name, t in times.items()},
        "one_path_by_j2": {
            int(j2): round(
                statistics.median(
                    t
                    for path, t in zip(paths, times["one path"], strict=True)
                    if table.j2[path] == j2
                ),
                4,
            )
            for j2 in np.unique(table.j2[::every])
        },
        "fraction": {
            name: round(
                statistics.median(
                    one / both
                    for one, both in zip(
                        times["one path" + name], times["all paths" + name], strict=True
                    )
                ),
                3,
            )
            for name in ("", ", target kept")
        },
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n-samples", type=int, default=2**15)
    parser.add_argument("--T", default="global", help="'global', or a number of samples")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="measure one in so many paths")
    options = parser.parse_args()
    T = options.T if options.T == "global" else float(options.T)
    print(json.dumps(measure(options.n_samples, T, options.batch, options.every), indent=1))


if __name__ == "__main__":
    main()
