"""All measurements on a GPU, a TPU or a CPU, within ten minutes. From a clone:

    python tests/benchmarks/accelerator.py --output accelerator.json
    python tests/benchmarks/accelerator.py --kymatio PATH   # Kymatio's PyTorch on the same device

The device is JAX's default. Parts run in order of importance, and each is written as soon as it is
measured; parts for which there is no time left are skipped with a note. Times are medians of
completed calls after one warm-up call, with the arguments on the device. `limit_ms` is the time for
the arithmetic of the products and Fourier transforms at the rates of large products and of the best
batch of transforms, measured in the same run.
"""

import argparse
import collections
import functools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import operations
from processes import measure
from run import CONFIGURATIONS, conditions, job, write

import jtfs_jax
from jtfs_jax import resynthesis

TRANSFORMS = {"jtfs": jtfs_jax.jtfs, "time_scattering": jtfs_jax.time_scattering}
REPEATS, SECONDS = 20, 3.0  # maximum calls and seconds of a measurement, whichever comes first
TOLERANCE = 1e-5  # of coefficients and gradients relative to the CPU


def seconds_of(function, *arguments):
    """Median seconds of a call, after one warm-up call."""
    jax.block_until_ready(function(*arguments))
    times = []
    while (len(times) < REPEATS and sum(times) < SECONDS) or len(times) < 3:
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@functools.cache
def filters(name, transform):
    """The filterbank of a configuration, shared by many parts."""
    settings: Any = job(CONFIGURATIONS[name], transform)["parameters"]
    return jtfs_jax.filterbank(**settings)


def noise(n_samples, n_sounds):
    """White noise, a batch or a single signal."""
    shape = (n_sounds, n_samples) if n_sounds > 1 else (n_samples,)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def loss_of(transform):
    """The sum of squares of the coefficients of all sounds."""

    def loss(bank, x):
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(transform(bank, x)))

    return loss


def work_of(transform, mode):
    """The transform, or the value and the gradient of a loss of its coefficients."""
    return transform if mode == "forward" else jax.value_and_grad(loss_of(transform), argnums=1)


def program(name, transform, mode, n_sounds, rates):
    """Run time, compile time, memory and operations of one program."""
    bank = filters(name, transform)
    x = jax.device_put(noise(bank.n_samples, n_sounds))
    function = work_of(TRANSFORMS[transform], mode)
    start = time.perf_counter()
    traced = jax.jit(function).trace(bank, x)
    lowered = traced.lower()
    before = time.perf_counter()
    compiled = lowered.compile()
    done = time.perf_counter()
    seconds, found = seconds_of(compiled, bank, x), operations.counts(traced.jaxpr.jaxpr)
    limit = operations.limit_seconds(found, rates)
    memory = compiled.memory_analysis()
    return {
        "ms": 1e3 * seconds,
        "ms_a_signal": 1e3 * seconds / n_sounds,
        "limit_ms": 1e3 * limit,
        "times_limit": seconds / limit,
        "trace_and_lower_s": before - start,
        "compile_s": done - before,
        "temporary_bytes": memory and memory.temp_size_in_bytes,
        "operations": found,
    }


def agreement(name):
    """Relative errors of the coefficients and the gradient with respect to the machine's CPU."""
    bank = filters(name, "jtfs")
    x, errors, results = noise(bank.n_samples, 1), {}, {}
    here, cpu = jax.devices()[0], jax.devices("cpu")[0]
    for device in (here, cpu):
        function = jax.jit(work_of(jtfs_jax.jtfs, "gradient"))
        S = jtfs_jax.jtfs(jax.device_put(bank, device), jax.device_put(x, device))
        gradient = function(jax.device_put(bank, device), jax.device_put(x, device))[1]
        leaves = {"S0": S.S0, "S1": S.S1, "S2": S.S2, "gradient": gradient}
        results[device] = jax.tree.map(np.asarray, leaves)
    for leaf, expected in results[cpu].items():
        difference = np.linalg.norm(results[here][leaf] - expected)
        errors[leaf] = float(difference / np.linalg.norm(expected))
    return errors | {"tolerance": TOLERANCE, "within": max(errors.values()) <= TOLERANCE}


def resynthesis_of(name, steps):
    """A metamer of white noise."""
    bank = filters(name, "jtfs")
    x = noise(bank.n_samples, 1)
    start = time.perf_counter()
    metamer = resynthesis.metamer(bank, x, key=jax.random.key(0), n_steps=steps)
    jax.block_until_ready(jax.tree.leaves(metamer))
    return {"steps": steps, "seconds": time.perf_counter() - start}


def profile(name):
    """The ten slowest kernels of the gradient: milliseconds per call, and launches."""
    bank = filters(name, "jtfs")
    x = jax.device_put(noise(bank.n_samples, 1))
    function = jax.jit(work_of(jtfs_jax.jtfs, "gradient"))
    jax.block_until_ready(function(bank, x))
    n_calls = 5
    ms: dict[str, float] = collections.defaultdict(float)
    launches: dict[str, float] = collections.defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(n_calls):
                jax.block_until_ready(function(bank, x))
        file = next(Path(folder).rglob("*.xplane.pb"))
        for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
            on_device = plane.name.startswith("/device:") and "CUSTOM" not in plane.name
            for line in plane.lines:
                is_whole = any(word in line.name for word in ("Modules", "Steps", "Scope", "Host"))
                is_xla_of_cpu = "XLA" in line.name and jax.default_backend() == "cpu"
                if (on_device and not is_whole) or is_xla_of_cpu:
                    for event in line.events:
                        if "::" in event.name:  # what runs the kernels
                            continue
                        ms[event.name] += event.duration_ns / 1e6 / n_calls
                        launches[event.name] += 1 / n_calls
    heaviest = [
        {"kernel": kernel[:120], "ms": ms[kernel], "launches": launches[kernel]}
        for kernel in sorted(ms, key=ms.__getitem__, reverse=True)[:10]
    ]
    return {"kernels": heaviest, "ms": sum(ms.values()), "launches": sum(launches.values())}


def kymatio(name, mode, options, left):
    """Kymatio's PyTorch, without and with torch.compile, each in its own process."""
    work = "jtfs" if mode == "forward" else "jtfs_gradient"
    entries = {}
    for implementation in ("kymatio_torch", "kymatio_torch_compiled"):
        jobs = {implementation: job(CONFIGURATIONS[name], work, implementation=implementation)}
        limit = max(min(options.limit / 4, left() - 10), 1)
        entries |= measure(jobs, repeats=3, kymatio=options.kymatio, limit=limit)
    for entry in entries.values():
        if entry["seconds"]:
            entry["ms"] = 1e3 * statistics.median(entry["seconds"])
    return entries


def parts(options, left):
    """All measurements by name, in order; each is a function without arguments."""
    rates = {}

    def measure_rates():
        rates.update(operations.rates(seconds_of, jax.devices()[0]))
        return {f"{kind}_flop_per_s": rate for kind, rate in rates.items()}

    yield "rates", measure_rates
    for name in options.configurations:
        for mode in ("gradient", "forward"):
            yield f"{name} jtfs {mode}", lambda n=name, m=mode: program(n, "jtfs", m, 1, rates)
        yield f"{name} agreement with the CPU", lambda n=name: agreement(n)
    first = options.configurations[0]
    for n_sounds in options.batches:
        for mode in ("gradient", "forward"):
            part = lambda m=mode, n=n_sounds: program(first, "jtfs", m, n, rates)  # noqa: E731
            yield f"{first} jtfs {mode}, batch of {n_sounds}", part
    yield f"{first} profile", lambda: profile(first)
    yield f"{first} metamer", lambda: resynthesis_of(first, options.steps)
    if options.kymatio:
        for mode in ("gradient", "forward"):
            yield f"{first} kymatio {mode}", lambda m=mode: kymatio(first, m, options, left)
    for mode in ("gradient", "forward"):
        part = lambda m=mode: program(first, "time_scattering", m, 1, rates)  # noqa: E731
        yield f"{first} time_scattering {mode}", part


def summary(record):
    """The numbers of a record in one line."""
    facts = [f"{name} {value:.4g}" for name, value in record.items() if isinstance(value, float)]
    return ", ".join(facts) or json.dumps(record)[:300]


def options_of_command_line():
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choices = ("quick", "metamer", "dafx")
    parser.add_argument("--configurations", nargs="+", choices=choices, default=choices[1:])
    parser.add_argument("--batches", nargs="*", type=int, default=[8, 32, 64])
    parser.add_argument("--steps", type=int, default=100, help="optimizer steps of the metamer")
    parser.add_argument("--kymatio", type=Path, metavar="PATH", help="checkout of Kymatio")
    parser.add_argument("--limit", type=float, default=570, help="total seconds")
    parser.add_argument("--output", type=Path, default=Path("accelerator.json"))
    options = parser.parse_args()
    if not options.output.absolute().parent.is_dir():
        parser.error(f"the folder of --output {options.output} does not exist; create it")
    return options


def main():
    """Measure all parts for which there is time."""
    options, start = options_of_command_line(), time.monotonic()

    def left():
        return options.limit - (time.monotonic() - start)

    device = jax.devices()[0]
    results = {
        "device": {"kind": device.device_kind, "platform": device.platform, "jax": jax.__version__},
        "conditions": conditions(options, script=Path(sys.argv[0]).name),
        "parts": {},
    }
    for name, part in parts(options, left):
        if left() <= 0:
            record = {"error": f"no time was left within the limit of {options.limit:g} s"}
        else:
            try:
                record = part()
            except Exception as error:  # the other parts are still useful
                record = {"error": f"{type(error).__name__}: {error}"[:1000]}
        results["parts"][name] = record
        write(options.output, results)
        print(f"{name}: {summary(record)}", flush=True)


if __name__ == "__main__":
    main()
