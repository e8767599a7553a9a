"""Speed, memory and scaling of jtfs_jax, compared with Kymatio. From a clone:

    python tests/benchmarks/run.py metamer dafx --kymatio PATH --output results.json
    python tests/benchmarks/run.py --table results.json

PATH is a checkout of Kymatio's main branch. It need not be installed, but requires `torch`,
`scipy<1.17`, `appdirs`, `configparser` and `packaging` besides jtfs_jax. Without `--kymatio`, only
jtfs_jax is measured, in this checkout. Each implementation runs in its own process, so that peak
memory is meaningful, and they take turns, so that they find the machine in the same state.

Tasks (`--works`) are the two transforms, their value and gradient (of the sum of squares of the
coefficients that Kymatio returns), and their Jacobian (of a synthesizer with three parameters).
Peak memory refers to the computing device; on a CPU, to the process including libraries and
compilation, whereas XLA's buffers are only the buffers of the compiled program. Besides
configurations, there are parts that measure only jtfs_jax: `growth` over signal lengths, with all
else as in `quick`; `batch` over batch sizes of `metamer`; `operations` of compiled programs with
increasing numbers of paths.

Each measurement is written as soon as it is complete and replaces an earlier one of the same name.
It records the command, the versions and the machine.
"""

import argparse
import datetime
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from processes import HERE, REPOSITORY, measure
from table import bytes_text, ratio_text, seconds_text, table

# Arguments of `filterbank`, which Kymatio shares. To add a configuration, add a line here; to add a
# part, add a function below to PARTS, and one that prints it to PARTS in table.py.
CONFIGURATIONS = {
    "quick": {"n_samples": 2**13, "J": 8, "Q": 8, "T": None, "J_fr": 3, "F": None},
    "metamer": {"n_samples": 2**16, "J": 12, "Q": 12, "T": 2**13, "J_fr": 3, "F": None},
    "dafx": {"n_samples": 2**16, "J": 13, "Q": 16, "T": 2**11, "J_fr": 6, "F": 4},
    "retrieval": {  # of notebooks/experiments/retrieval.py
        "n_samples": 2**15,
        "J": 12,
        "Q": 8,
        "T": 2**15,
        "J_fr": 5,
        "Q_fr": 2,
        "F": 0,
    },
    "long": {"n_samples": 2**20, "J": 13, "Q": 12, "T": 2**11, "J_fr": 3, "F": None},
}
# A signal and its Kymatio coefficients, in float64; without them, the signal is noise.
GOLDEN = {"metamer": HERE.parent / "golden" / "jtfs_metamer.npz"}
WORKS = {
    transform + suffix: {"transform": transform, "mode": mode}
    for transform in ("time_scattering", "jtfs")
    for suffix, mode in {"": "forward", "_gradient": "gradient", "_jacobian": "jacobian"}.items()
}
OF_JTFS_ALONE = ("J_fr", "Q_fr", "F")
LENGTHS = [2**log2_length for log2_length in range(13, 21)]
BATCHES = [1, 8, 16]
VARIATIONS = [{}, {"Q_fr": 2}, {"J_fr": 5}, {"Q": 16}, {"Q": 16, "J_fr": 5, "Q_fr": 2}]


def job(parameters, work, *, implementation="jtfs_jax", batch=None, golden=None, output=None):
    """Job of a child, in the format of `child.py`.

    If given, the signal is read from the file `golden`, and coefficients are written to the file
    `output`.
    """
    if WORKS[work]["transform"] == "time_scattering":
        parameters = {name: v for name, v in parameters.items() if name not in OF_JTFS_ALONE}
    return WORKS[work] | {
        "parameters": parameters,
        "implementation": implementation,
        "batch": batch,
        "golden": golden and str(golden),
        "output": output and str(output),
    }


def measure_jobs(jobs, options, repeats):
    """Entries of all jobs, with medians, spreads, and ratios to the first entry turn by turn."""
    entries = measure(jobs, repeats=repeats, kymatio=options.kymatio, limit=options.limit)
    measured = [entry for entry in entries.values() if entry["seconds"] and "error" not in entry]
    first = next(iter(entries.values()))
    for entry in measured:
        seconds = entry["seconds"]
        entry["median_seconds"] = statistics.median(seconds)
        entry["spread_seconds"] = [min(seconds), max(seconds)]
        if entry is not first and first in measured:
            turns = zip(seconds, first["seconds"], strict=True)
            entry["seconds_ratio"] = statistics.median(its / our for its, our in turns)
            entry["bytes_ratio"] = entry["peak_bytes"] / first["peak_bytes"]
    return entries


def configuration(name, work, options):
    """Record of a task for jtfs_jax and its peers."""
    golden, mode = GOLDEN.get(name), WORKS[work]["mode"]
    peers = options.peers if options.kymatio and mode != "jacobian" else []
    with tempfile.TemporaryDirectory() as folder:
        jobs = {
            implementation: job(
                CONFIGURATIONS[name],
                work,
                implementation=implementation,
                golden=golden,
                # Gradients are not compared: for some paths Kymatio returns only part of the rows.
                output=Path(folder, f"{implementation}.npz") if mode == "forward" else None,
            )
            for implementation in ("jtfs_jax", *(f"kymatio_{peer}" for peer in peers))
        }
        entries = measure_jobs(jobs, options, options.repeats)
        coefficients = {}
        for implementation, entry in entries.items():
            if mode == "forward" and "error" not in entry:
                with np.load(jobs[implementation]["output"]) as file:
                    coefficients[implementation] = dict(file)
    if golden and work == "jtfs":
        against, expected = "golden data", golden_coefficients(golden)
    else:
        against = next((peer for peer in coefficients if peer != "jtfs_jax"), None)
        expected = coefficients.pop(against, None)
    if expected:
        for implementation, found in coefficients.items():
            error = relative_error(found, expected)
            entries[implementation]["relative_error"] = {"against": against} | error
    return {"parameters": CONFIGURATIONS[name], "entries": entries}


def golden_coefficients(file):
    """Kymatio's coefficients in float64, under the names that children use."""
    data = np.load(file)
    keys = [str(tuple(int(i) for i in key if i >= 0)) for key in data["keys"]]
    return dict(zip(keys, np.split(data["values"], np.cumsum(data["lengths"])[:-1]), strict=True))


def relative_error(actual, expected):
    """Median and maximum over the paths with at least 1e-3 of the loudest path's level."""
    keys = [key for key in expected if key in actual and actual[key].shape == expected[key].shape]
    rms = {key: math.sqrt(np.mean(np.abs(expected[key]) ** 2)) for key in keys}
    loud = [key for key in keys if rms[key] > 1e-3 * max(rms.values())]
    norm = np.linalg.norm
    errors = [float(norm(actual[key] - expected[key]) / norm(expected[key])) for key in loud]
    if not errors:
        return {"median": None, "worst": None, "paths": 0}
    return {"median": statistics.median(errors), "worst": max(errors), "paths": len(errors)}


def growth(work, options):
    """Record of time and memory over signal lengths, with fitted exponents."""
    parameters = CONFIGURATIONS["quick"]
    jobs = {str(n): job(parameters | {"n_samples": n}, work) for n in LENGTHS}
    entries = measure_jobs(jobs, options, options.repeats)
    quantities = {
        "seconds": lambda entry: entry["median_seconds"],
        "bytes": lambda entry: entry["peak_bytes"] - entry["start_bytes"],
        "xla_bytes": lambda entry: entry["xla_bytes"],
    }
    measured = {int(n): entry for n, entry in entries.items() if "median_seconds" in entry}
    exponents = {
        name: exponents_of({n: quantity(entry) for n, entry in measured.items()})
        for name, quantity in quantities.items()
    }
    return {"parameters": parameters, "entries": entries, "exponents": exponents}


def exponents_of(values):
    """Exponents p of values ∝ N^p, fitted to all lengths and to their upper half.

    >>> {name: round(p, 3) for name, p in exponents_of({1: 3, 2: 6, 4: 24, 8: 96}).items()}
    {'all': 1.7, 'upper_half': 2.0}
    """
    points = np.log(np.array([(n, value) for n, value in values.items() if value]))
    halves = {"all": points, "upper_half": points[len(points) // 2 :]}
    return {
        name: float(np.polyfit(half[:, 0], half[:, 1], 1)[0]) if len(half) > 1 else None
        for name, half in halves.items()
    }


def batch(work, options):
    """Record of several batch sizes, with ratios to one signal."""
    parameters = CONFIGURATIONS["metamer"]
    jobs = {str(n): job(parameters, work, batch=n) for n in BATCHES}
    return {"parameters": parameters, "entries": measure_jobs(jobs, options, options.repeats)}


def operations(work, options):
    """Record of programs with increasing numbers of paths, compiled but not run."""
    parameters = CONFIGURATIONS["quick"]
    jobs = {}
    for variation in VARIATIONS:
        name = ", ".join(f"{key}={value}" for key, value in variation.items()) or "quick"
        jobs[name] = job(parameters | variation, work)
    return {"parameters": parameters, "entries": measure_jobs(jobs, options, repeats=0)}


PARTS = {"growth": growth, "batch": batch, "operations": operations}


def conditions(options, script="run.py"):
    """Conditions of a measurement: command, versions and machine."""
    arguments = [arg.rpartition("=") for arg in sys.argv[1:]]  # Folder names stay private.
    arguments = [option + equals + (Path(arg).name or arg) for option, equals, arg in arguments]
    command = shlex.join(["python", f"tests/benchmarks/{script}", *arguments])
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "revision": revision(REPOSITORY),
        "kymatio_revision": revision(options.kymatio) if options.kymatio else None,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": os.getloadavg()[0],
    }


def processor():
    """Name of the processor, if the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def revision(folder):
    """The checked-out commit; None outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def write(file, results):
    """Write the results completely or not at all."""
    temporary = file.with_name(file.name + ".part")
    temporary.write_text(json.dumps(results, indent=1) + "\n")
    os.replace(temporary, file)


def summary(entry):
    """One-line summary of an entry."""
    if "error" in entry:
        return entry["error"]
    facts = []
    if "median_seconds" in entry:
        facts.append(seconds_text(entry["median_seconds"], entry["spread_seconds"]))
    if entry["compile_seconds"] is not None:
        facts.append(f"compiled in {seconds_text(entry['compile_seconds'])}")
    facts.append(f"peak memory {bytes_text(entry['peak_bytes'])}")
    if entry.get("xla_bytes"):
        facts.append(f"XLA's buffers {bytes_text(entry['xla_bytes'])}")
    if "operations" in entry:
        facts.append(f"{entry['operations']} operations")
    if "seconds_ratio" in entry:
        facts.append(f"{ratio_text(entry['seconds_ratio'])} the time")
        facts.append(f"{ratio_text(entry['bytes_ratio'])} the memory")
    error = entry.get("relative_error")
    if error and error["median"] is not None:
        facts.append(f"median error {error['median']:.1e} to {error['against']}")
    return ", ".join(facts)


def options_of_command_line():
    """Parse and check the command line."""
    names = [*CONFIGURATIONS, *PARTS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"from {', '.join(names)}")
    parser.add_argument(
        "--works", nargs="+", choices=WORKS, help="default: all; for parts, jtfs and its gradient"
    )
    parser.add_argument("--repeats", type=int, default=5, help="turns of each implementation")
    parser.add_argument("--kymatio", type=Path, metavar="PATH", help="checkout of Kymatio")
    parser.add_argument("--peers", nargs="+", choices=("torch", "jax"), default=("torch", "jax"))
    parser.add_argument("--limit", type=float, default=1800, help="seconds to wait for an answer")
    parser.add_argument("--output", type=Path, default=Path("results.json"))
    parser.add_argument("--table", type=Path, metavar="JSON", help="only print as Markdown")
    options = parser.parse_args()
    for name in options.names:
        if name not in names:
            parser.error(f"{name!r} is not one of {', '.join(names)}")
    if not options.output.absolute().parent.is_dir():
        parser.error(f"the folder of --output {options.output} does not exist; create it")
    if not options.names and not options.table:
        parser.error(f"name one or more of {', '.join(names)}")
    return options


def main():
    """Measure, or print a table."""
    options = options_of_command_line()
    if options.table:
        print(table(json.loads(options.table.read_text())))
        return
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    for name in options.names:
        for work in options.works or (["jtfs", "jtfs_gradient"] if name in PARTS else WORKS):
            made_with = conditions(options)
            if name in PARTS:
                record = PARTS[name](work, options)
            else:
                record = configuration(name, work, options)
            results.setdefault(name, {})[work] = record | {"conditions": made_with}
            write(options.output, results)
            for member, entry in record["entries"].items():
                print(f"{name} {work}, {member}: {summary(entry)}", flush=True)


if __name__ == "__main__":
    main()
