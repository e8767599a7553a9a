"""Seconds of `jtfs` and of Kymatio's PyTorch form, interleaved in one run, as medians and ratios.

Needs Kymatio main and PyTorch in the same environment. Run as

    python tests/benchmarks/against_kymatio.py [--repeats 5] [--output results.json]
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jtfs_jax

N, J, Q, T, J_FR = 2**16, 12, 12, 2**13, 3


def ours():
    """Forward pass and value-and-gradient, with the seconds that each takes to compile."""
    bank = jtfs_jax.filterbank(N, J, Q, T=T, J_fr=J_FR)

    def loss(bank, x):
        return sum(jnp.sum(order**2) for order in jax.tree.leaves(jtfs_jax.jtfs(bank, x)))

    x = jnp.asarray(np.random.default_rng(0).standard_normal(N), jnp.float32)
    works, seconds = {}, {}
    for name, function in {
        "forward": jtfs_jax.jtfs,
        "value and gradient": jax.jit(jax.value_and_grad(loss, argnums=1)),
    }.items():
        start = time.perf_counter()
        compiled = function.lower(bank, x).compile()
        seconds[name] = time.perf_counter() - start
        works[name] = lambda compiled=compiled: jax.block_until_ready(compiled(bank, x))
    return works, seconds


def kymatio():
    """The same works of Kymatio's PyTorch form."""
    import torch  # pyright: ignore[reportMissingImports]
    from kymatio.torch import TimeFrequencyScattering  # pyright: ignore[reportMissingImports]

    transform = TimeFrequencyScattering(J=J, J_fr=J_FR, Q=Q, shape=N, T=T, out_type="dict")
    x = torch.tensor(np.random.default_rng(0).standard_normal(N), dtype=torch.float32)

    def forward():
        with torch.no_grad():
            transform(x)

    def value_and_gradient():
        y = x.clone().requires_grad_(True)
        torch.stack([(path**2).sum() for path in transform(y).values()]).sum().backward()

    return {"forward": forward, "value and gradient": value_and_gradient}


def main():
    """Time both, and print a line for each work."""
    parser = argparse.ArgumentParser(description="Time jtfs against Kymatio, interleaved.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    works, compile_seconds = ours()
    peers = kymatio()
    results = {}
    for name in works:
        works[name]()
        peers[name]()
        times = {"jtfs_jax": [], "kymatio": []}
        for _ in range(options.repeats):
            for who, work in (("jtfs_jax", works[name]), ("kymatio", peers[name])):
                start = time.perf_counter()
                work()
                times[who].append(time.perf_counter() - start)
        medians = {who: float(np.median(seconds)) for who, seconds in times.items()}
        ratio = medians["kymatio"] / medians["jtfs_jax"]
        results[name] = {"compile": compile_seconds[name], "seconds": times, "ratio": ratio}
        print(
            f"{name}: {medians['jtfs_jax']:.3f} s (compiled in {compile_seconds[name]:.1f} s), "
            f"Kymatio {medians['kymatio']:.2f} s, {ratio:.0f} times as fast"
        )
    if options.output:
        packages = ("jax", "jaxlib", "numpy", "torch")
        results["versions"] = {name: version(name) for name in packages}
        results["machine"] = f"{platform.processor()} {platform.platform()}"
        options.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
