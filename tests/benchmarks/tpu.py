"""XLA's estimates for the transforms on a TPU, without a TPU. In a separate environment:

    pip install 'jax[tpu]' -e .        # Python 3.12 or newer
    python tests/benchmarks/tpu.py --configuration metamer --batch 8 --gradient

Prints XLA's compile time and the compiler's own estimate of cycles by kind of operation. The
estimate considers operations one by one, so it can compare programs but not predict milliseconds.
XLA estimates the body of a loop once; here it counts once per iteration.
"""

import argparse
import collections
import os
import re
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # do not query a TPU for its type

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from run import CONFIGURATIONS

import jtfs_jax

_ESTIMATE = re.compile(r'"estimated_cycles":"(\d+)"')
_NAME = re.compile(r'op_name="([^"]*)"')
_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.-]+) \(.*\{$", re.MULTILINE)


def computations(text):
    """The lines of each computation of a compiled program, by name, and the name of the first."""
    starts = list(_COMPUTATION.finditer(text))
    stops = [start.start() for start in starts[1:]] + [len(text)]
    bodies = {
        start[2]: text[start.end() : stop].splitlines()
        for start, stop in zip(starts, stops, strict=True)
    }
    return bodies, next(start[2] for start in starts if start[1])


def estimate(text):
    """Cycles and executions by kind of operation."""
    bodies, entry = computations(text)
    cycles, executions = collections.Counter(), collections.Counter()

    def n_trips(condition):
        bounds = [int(n) for n in re.findall(r"s32\[\]\S* constant\((\d+)\)", "\n".join(condition))]
        return max(bounds, default=1)

    def add(name, times):
        for line in bodies[name]:
            loop = re.search(r" while\(.*condition=%?([\w.-]+), body=%?([\w.-]+)", line)
            if loop:
                add(loop[2], times * n_trips(bodies[loop[1]]))
            elif found := _ESTIMATE.search(line):
                kind = kind_of(_NAME.search(line))
                cycles[kind] += times * int(found[1])
                executions[kind] += times

    add(entry, 1)
    return cycles, executions


def kind_of(name):
    """Last part of an operation's source name, and whether it is within a loop."""
    if name is None:
        return "layout"
    last = "fft" if "fft" in name[1] else name[1].rsplit("/", 1)[-1]
    return f"in a loop: {last}" if "while" in name[1] else last


def main():
    """Compile one program and print its estimated cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configuration", choices=CONFIGURATIONS, default="metamer")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--gradient", action="store_true")
    parser.add_argument("--level", default="UNKNOWN", help="jax_optimization_level, O0 to O3")
    parser.add_argument(
        "--platform", choices=("cpu", "gpu", "tpu"), default="tpu", help="for the filterbank"
    )
    parser.add_argument("--topology", default="v5e:2x2")
    parser.add_argument("--text", type=Path, help="file for the compiled program")
    options = parser.parse_args()

    jax.config.update("jax_optimization_level", options.level)
    topology = topologies.get_topology_desc(platform="tpu", topology_name=options.topology)
    place = jax.sharding.SingleDeviceSharding(topology.devices[0])
    settings: Any = CONFIGURATIONS[options.configuration]
    bank = jtfs_jax.filterbank(**settings, platform=options.platform)

    def abstract(array):
        return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=place)

    def loss(bank, x):
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(jtfs_jax.jtfs(bank, x)))

    x = jax.ShapeDtypeStruct((options.batch, bank.n_samples), jnp.float32, sharding=place)
    function = jax.value_and_grad(loss, argnums=1) if options.gradient else jtfs_jax.jtfs
    start = time.perf_counter()
    traced = jax.jit(function).trace(jax.tree.map(abstract, bank), x)
    lowered = traced.lower(lowering_platforms=("tpu",))
    done = time.perf_counter()
    compiled = lowered.compile()
    compile_seconds = time.perf_counter() - done
    text = compiled.as_text() or ""
    if options.text:
        options.text.write_text(text)
    cycles, executions = estimate(text)
    memory: Any = compiled.memory_analysis()
    print(f"traced and lowered in {done - start:.1f} s, compiled in {compile_seconds:.1f} s")
    print(
        f"{cycles.total() / 1e6:.1f} million cycles, {executions.total()} operations run, "
        f"temporaries of {memory.temp_size_in_bytes / 1e6:.0f} MB"
    )
    for kind, n_cycles in cycles.most_common(12):
        print(f"{n_cycles / cycles.total():6.1%} {executions[kind]:7d} {kind}")


if __name__ == "__main__":
    main()
