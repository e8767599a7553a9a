"""Time of a training step with one random path, against a step with all paths. From a clone:

    python tests/benchmarks/random_paths.py

Signals are white noise of 32,768 samples; the filterbank is from the literature (J=12, Q=(8, 2),
J_fr=3, Q_fr=2), with T="global". A step is the value and the gradient of the loss, including the
transform of the target except in rows marked "target kept". Steps take turns, path after path, so
that each finds the machine in the same state; times are medians, over all paths for single paths.
"""

import argparse
import json
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


def one_path(bank, y, x, index):
    """The loss of one path."""
    return path_distance(jtfs_path(bank, y, index), jtfs_path(bank, x, index)).mean()


def all_paths_kept(bank, y, s2, index):
    """The loss of all paths with known coefficients of the target."""
    return path_distance(jtfs_jax.jtfs(bank, y).S2, s2).mean()


def one_path_kept(bank, y, s2, index):
    """The loss of one path with known coefficients of the target."""
    return path_distance(jtfs_path(bank, y, index), s2[..., index, :, :]).mean()


class Step:
    """Compiled value and gradient of a loss; `times` are the times of its runs."""

    def __init__(self, loss: Callable, bank, y, target):
        wall, processor_time = time.perf_counter(), time.process_time()
        lowered = jax.jit(jax.value_and_grad(loss, argnums=1)).lower(bank, y, target, first())
        self.compiled, self.arguments = lowered.compile(), (bank, y, target)
        self.compile_seconds = time.perf_counter() - wall
        self.compile_processor_seconds = time.process_time() - processor_time
        self.times: list[float] = []
        self.run(first())
        self.times.clear()

    def run(self, index) -> None:
        """Run for one path; the loss of all paths ignores the index."""
        start = time.perf_counter()
        jax.block_until_ready(self.compiled(*self.arguments, index))
        self.times.append(time.perf_counter() - start)


def first() -> jax.Array:
    """Index of the first path."""
    return jnp.zeros((), jnp.int32)


def measure(bank: jtfs_jax.FilterBank, batch: int, every: int) -> dict[str, Any]:
    """Steps of each kind in turn, for every path or a subset."""
    table, rng = jtfs_jax.path_table(bank), np.random.default_rng(0)
    y, x = jnp.asarray(rng.standard_normal((2, batch, bank.n_samples)), bank.dtype)
    s2 = jtfs_jax.jtfs(bank, x).S2
    steps = {
        "all paths": Step(all_paths, bank, y, x),
        "one path": Step(one_path, bank, y, x),
        "all paths, target kept": Step(all_paths_kept, bank, y, s2),
        "one path, target kept": Step(one_path_kept, bank, y, s2),
    }
    paths = np.arange(0, len(table), every)
    for path in paths:
        for step in steps.values():
            step.run(jnp.asarray(path, jnp.int32))
    times = {name: np.array(step.times) for name, step in steps.items()}
    of_j2 = {int(j2): times["one path"][table.j2[paths] == j2] for j2 in np.unique(table.j2[paths])}
    return {
        "paths": len(table),
        "compile_seconds": {name: step.compile_seconds for name, step in steps.items()},
        "compile_processor_seconds": {
            name: step.compile_processor_seconds for name, step in steps.items()
        },
        "median_seconds": {name: float(np.median(t)) for name, t in times.items()},
        "median_seconds_of_one_path_by_j2": {j2: float(np.median(t)) for j2, t in of_j2.items()},
        "ratio": {
            name: float(np.median(times["one path" + name] / times["all paths" + name]))
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
    parser.add_argument("--every", type=int, default=1, help="measure every Nth path only")
    options = parser.parse_args()
    T = options.T if options.T == "global" else float(options.T)
    bank = jtfs_jax.filterbank(options.n_samples, T=T, **FILTERS)
    conditions = {
        "jax": jax.__version__,
        "device": processor(),
        "n_samples": options.n_samples,
        "T": T,
        "batch": options.batch,
    }
    results = conditions | measure(bank, options.batch, options.every)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
