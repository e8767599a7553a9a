"""Child process of the benchmark: one job of one implementation, prepared once and run on request.

`run.py` starts it with the job as JSON and sends requests as lines on stdin: "prepare", "run" and
"report". It answers each with one line of JSON on stdout. It imports only the libraries of the job,
so that the peak memory of the process is the peak memory of the job.
"""

import contextlib
import json
import os
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

MIN_SECONDS = 0.2  # Per repeat: faster jobs run several times in it.
MAX_WARM_UP = 10  # Seconds: faster jobs have one uncounted run in each repeat.


def signal(job):
    """Return the golden signal or white noise: one signal, or a batch of rolled copies."""
    n = job["parameters"]["n_samples"]
    if job["golden"]:
        x = np.load(job["golden"])["x"].astype(np.float32)
    else:
        x = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    batch = job["batch"]
    return x if batch is None else np.stack([np.roll(x, 100 * row) for row in range(batch)])


def process_peak():
    """Return the peak memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


class JaxWork:
    """Base of the works compiled by XLA; `build` sets `function` and `arguments`."""

    function: Callable
    arguments: tuple

    def __init__(self, job):
        import jax

        self.jax, self.job, self.mode = jax, job, job["mode"]
        self.device = jax.devices()[0]

    def compile(self):
        self.compiled = self.jax.jit(self.function).lower(*self.arguments).compile()

    def run(self):
        return self.jax.block_until_ready(self.compiled(*self.arguments))

    def device_peak(self):
        statistics = self.device.memory_stats()  # None on a CPU.
        return statistics and statistics.get("peak_bytes_in_use")

    def description(self):
        text, memory = self.compiled.as_text(), self.compiled.memory_analysis()
        sizes = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
        return {
            "device": self.device.device_kind,
            "operations": len(re.findall(r"^\s+(?:ROOT )?%?[\w.-]+ = ", text, re.MULTILINE)),
            "xla_bytes": memory and sum(getattr(memory, size) for size in sizes),
            "xla_temporary_bytes": memory and memory.temp_size_in_bytes,
        }


class OurWork(JaxWork):
    """`jtfs_jax.jtfs` or `jtfs_jax.time_scattering`."""

    packages = ("jtfs_jax", "jax", "jaxlib", "numpy")

    def __init__(self, job):
        super().__init__(job)
        import jtfs_jax

        self.library = jtfs_jax
        self.transform = getattr(jtfs_jax, job["transform"])

    def build(self, x):
        jax, jnp, transform = self.jax, self.jax.numpy, self.transform
        self.bank = jax.block_until_ready(self.library.filterbank(**self.job["parameters"]))

        def loss(bank, x):
            S = transform(bank, x)
            # Kymatio's joint scattering has no S1.
            orders = (S.S0, S.S2) if self.job["transform"] == "jtfs" else (S.S0, S.S1, S.S2)
            return sum(jnp.sum(order**2) for order in orders)

        def synthesis(bank, parameters):
            """Transform a chirp of a frequency (cycles/sample), octaves, and tremolo (cycles)."""
            frequency, octaves, tremolo = parameters
            t = jnp.arange(bank.n_samples) / bank.n_samples
            cycles = frequency * bank.n_samples * jnp.expm1(octaves * t) / octaves
            envelope = 1 + jnp.cos(2 * jnp.pi * tremolo * t)
            return transform(bank, envelope * jnp.sin(2 * jnp.pi * cycles))

        self.function = {
            "forward": transform,
            "gradient": jax.value_and_grad(loss, argnums=1),
            "jacobian": jax.jacfwd(synthesis, argnums=1),
        }[self.mode]
        x = jnp.asarray(x if self.mode != "jacobian" else [0.02, 1.5, 8.0], jnp.float32)
        self.arguments = (self.bank, x)

    def description(self):
        joint = self.job["transform"] == "jtfs"
        table = (self.library.path_table if joint else self.library.time_path_table)(self.bank)
        return super().description() | {"paths": len(table)}

    def coefficients(self):
        output = self.jax.tree.map(np.asarray, self.run())
        return self.library.to_kymatio(self.bank, output)


def kymatio_transform(job, frontend):
    """Return Kymatio's transform with the same parameters."""
    parameters = dict(job["parameters"])
    parameters["shape"] = parameters.pop("n_samples")
    name = "TimeFrequencyScattering" if job["transform"] == "jtfs" else "Scattering1D"
    return getattr(frontend, name)(**parameters, out_type="dict")


class KymatioJaxWork(JaxWork):
    """Kymatio's JAX form under `jax.jit`."""

    packages = ("kymatio", "jax", "jaxlib", "numpy")

    def __init__(self, job):
        import kymatio.jax  # pyright: ignore[reportMissingImports]

        super().__init__(job)
        self.frontend = kymatio.jax

    def build(self, x):
        jnp, transform = self.jax.numpy, kymatio_transform(self.job, self.frontend)

        def loss(x):
            return sum(jnp.sum(path**2) for path in transform(x).values())

        # Path keys cannot be sorted together, so the dictionary is not a pytree.
        self.keys = []

        def forward(x):
            output = transform(x)
            self.keys = list(output)
            return list(output.values())

        gradient = self.jax.value_and_grad(loss)
        self.function = {"forward": forward, "gradient": gradient}[self.mode]
        self.arguments = (jnp.asarray(x),)

    def coefficients(self):
        return dict(zip(self.keys, self.run(), strict=True))


class KymatioTorchWork:
    """Kymatio's PyTorch form."""

    packages = ("kymatio", "torch", "numpy")

    def __init__(self, job):
        import kymatio.torch  # pyright: ignore[reportMissingImports]
        import torch  # pyright: ignore[reportMissingImports]

        self.job, self.mode = job, job["mode"]
        self.torch, self.frontend = torch, kymatio.torch
        self.cuda = torch.cuda.is_available()

    def build(self, x):
        device = "cuda" if self.cuda else "cpu"
        self.transform = kymatio_transform(self.job, self.frontend).to(device)
        self.x = self.torch.tensor(x, device=device)

    def compile(self):
        pass

    def run(self):
        if self.mode == "forward":
            with self.torch.no_grad():
                output = self.transform(self.x)
        else:
            output = self.x.clone().requires_grad_(True)
            paths = self.transform(output).values()
            self.torch.stack([(path**2).sum() for path in paths]).sum().backward()
        if self.cuda:
            self.torch.cuda.synchronize()
        return output

    def device_peak(self):
        return self.torch.cuda.max_memory_allocated() if self.cuda else None

    def description(self):
        return {"device": self.torch.cuda.get_device_name() if self.cuda else "cpu"}

    def coefficients(self):
        return {key: path.cpu().numpy() for key, path in self.run().items()}


class KymatioTorchCompiledWork(KymatioTorchWork):
    """Kymatio's PyTorch form under `torch.compile`, if that works; the first run compiles."""

    def build(self, x):
        super().build(x)
        self.transform = self.torch.compile(self.transform)


IMPLEMENTATIONS = {
    "jtfs_jax": OurWork,
    "kymatio_torch": KymatioTorchWork,
    "kymatio_torch_compiled": KymatioTorchCompiledWork,
    "kymatio_jax": KymatioJaxWork,
}


class Process:
    """Handler of the parent's requests."""

    def __init__(self, job):
        self.job = job
        self.n_runs = None  # per repeat; unknown before the first

    def prepare(self):
        """Import, build and compile."""
        work = self.work = IMPLEMENTATIONS[self.job["implementation"]](self.job)
        start_bytes = 0 if work.device_peak() is not None else process_peak()
        start = time.perf_counter()
        work.build(signal(self.job))
        built = time.perf_counter()
        work.compile()
        compiled = time.perf_counter()
        compiles = "torch" not in self.job["implementation"]
        return {
            "build_seconds": built - start,
            "compile_seconds": compiled - built if compiles else None,
            "start_bytes": start_bytes,
            "versions": {name: _version(name) for name in work.packages},
            **work.description(),
        }

    def run(self):
        """Return the seconds of a run, after one that warms up caches and memory."""
        if self.n_runs is None:
            self.work.run()
            self.warm_up_seconds = self._seconds(1)
            self.n_runs = max(1, round(MIN_SECONDS / self.warm_up_seconds))
        if self.warm_up_seconds < MAX_WARM_UP:
            self.work.run()
        return {"seconds": self._seconds(self.n_runs)}

    def _seconds(self, n_runs):
        start = time.perf_counter()
        for _ in range(n_runs):
            self.work.run()
        return (time.perf_counter() - start) / n_runs

    def report(self):
        """Return the peak memory of the computing device, and write coefficients if requested."""
        answer = {"process_peak_bytes": process_peak()}
        answer["peak_bytes"] = self.work.device_peak() or answer["process_peak_bytes"]
        if self.job["output"]:
            coefficients = self.work.coefficients()
            arrays: dict[str, Any] = {str(key): value for key, value in coefficients.items()}
            np.savez(self.job["output"], **arrays)
        return answer


def _version(name):
    return getattr(sys.modules[name], "__version__", "unknown")


def main():
    """Answer requests until stdin ends."""
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    process = Process(json.loads(sys.argv[1]))
    for line in sys.stdin:
        try:
            answer = getattr(process, line.strip())()
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
