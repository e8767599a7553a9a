"""Cost of sound-matching losses compared with the transform. From a clone:

    python tests/benchmarks/sound_matching.py

Tasks are Φ, the log-compressed coefficients of the chirp with given parameters; value and gradient
of ½ ‖Φ(ν̂) − Φ(ν)‖² in these parameters; and the metric M of Φ at 64 points, with times per point.
Sounds have 32,768 samples; filters are from `configurations.PNP`, except for J_fr=5. Each task runs
in its own process, so that peak memory is meaningful; on a CPU it refers to the process, including
libraries and compilation.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from child import process_peak
from run import processor
from table import bytes_text, ratio_text, seconds_text

import jtfs_jax
from jtfs_jax import analysis, synth
from jtfs_jax.losses import riemannian_metric

SAMPLE_RATE = 2.0**13
FILTERS: dict[str, Any] = {
    "n_samples": 2**15,
    "J": 13,
    "Q": (12, 1),
    "J_fr": 5,
    "F": 2,
    "T": "global",
    "pad_mode": "zero",
}
RANGES = synth.ParameterRanges(low=(512, 4, 0.5), high=(1024, 16, 4))
LEVEL = 1e-3


def phi(bank, nu):
    """Coefficients of the chirp with normalized parameters."""
    f_c, f_m, gamma = RANGES.denormalize(nu)
    grid = {"n_samples": bank.n_samples, "sample_rate": SAMPLE_RATE}
    return analysis.log_compress(
        jtfs_jax.jtfs(bank, synth.am_chirp(f_c, f_m, gamma, **grid)), LEVEL
    )


def distance(bank, S, nu):
    """½ ‖Φ(ν̂) − Φ(ν)‖²."""
    differences = jax.tree.leaves(jax.tree.map(jnp.subtract, phi(bank, nu), S))
    return 0.5 * sum(jnp.sum(difference**2) for difference in differences)


def metric(batch_size, bank, nu):
    """M at many points."""
    return riemannian_metric(partial(phi, bank), nu, batch_size=batch_size)


def measure(work: str, n_points: int, batch_size: int, repeats: int) -> dict[str, Any]:
    """Seconds per point, compile time and memory of one task."""
    bank = jtfs_jax.filterbank(**FILTERS)
    nu = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (n_points, 3)), bank.dtype)
    function, arguments = {
        "Φ": (phi, (bank, nu[0])),
        "gradient": (jax.value_and_grad(distance, argnums=2), (bank, phi(bank, nu[1]), nu[0])),
        "M": (partial(metric, batch_size), (bank, nu)),
    }[work]
    start = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    compile_seconds = time.perf_counter() - start
    jax.block_until_ready(compiled(*arguments))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        seconds.append((time.perf_counter() - start) / (n_points if work == "M" else 1))
    memory, device = compiled.memory_analysis(), jax.devices()[0]
    return {
        "seconds": statistics.median(seconds),
        "spread_seconds": [min(seconds), max(seconds)],
        "compile_seconds": compile_seconds,
        "xla_bytes": memory.temp_size_in_bytes if memory else 0,
        "peak_bytes": (device.memory_stats() or {}).get("peak_bytes_in_use", process_peak()),
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=64, help="points at which M is computed")
    parser.add_argument("--batch-size", type=int, default=1, help="points computed at once")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"jax {jax.__version__}, {os.cpu_count()} cores of {processor()}\n")
    print("| work | seconds | relative to Φ | compiled in | XLA's buffers | peak memory |")
    print("|---|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        forward = None
        for work in ("Φ", "gradient", "M"):
            job = pool.submit(measure, work, options.points, options.batch_size, options.repeats)
            found = job.result()
            forward = forward or found["seconds"]
            cells = [
                work,
                seconds_text(found["seconds"], found["spread_seconds"]),
                ratio_text(found["seconds"] / forward),
                seconds_text(found["compile_seconds"]),
                bytes_text(found["xla_bytes"]),
                bytes_text(found["peak_bytes"]),
            ]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
