"""Errors of metamers made by several optimizers, and how well they preserve the synchrony of bands.

    python -m experiments.optimizers             # in notebooks/
    python -m experiments.optimizers --seconds
    python -m experiments.optimizers --table

The first makes metamers of four recordings, 2^16 samples at 22,050 Hz (shorter ones are padded with
silence), with up to 100 gradient evaluations each, which takes hours on two cores. The second
measures the time of evaluations; run it on an otherwise idle machine. Both save after each run and
continue from there if they are interrupted. The third prints the results so far as Markdown.

The error after k evaluations is the lowest one found with at most k gradients. Failed trials that
need no gradient are counted separately, as `n_forward`; a line search needs both in each trial.
"""

import argparse
import json
import math
import os
import platform
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax import tree_utils
from tqdm import tqdm

import jtfs_jax
from jtfs_jax import audio
from jtfs_jax.analysis import band_synchrony
from jtfs_jax.resynthesis import bold_driver, colored_noise, lbfgs, resynthesize

from .display import Table
from .storage import replacing

RESULTS = Path(__file__).with_suffix(".json")
_RECORDINGS = Path(__file__).parents[1] / "sounds"
SOUNDS = {
    "crow": audio.bundled("crow"),
    "guitar": audio.bundled("guitar_slide"),
    "tabla": _RECORDINGS / "loop_tabla.flac",
    "choir": _RECORDINGS / "ambi_choir.flac",
}
SAMPLE_RATE = 22050
FILTERS: dict[str, Any] = {"n_samples": 2**16, "J": 12, "Q": 12, "T": 2**13}
N_GRADIENTS = 100
N_TRIALS = 400  # at most, if an optimizer fails repeatedly
# Octaves between bands whose synchrony is measured. A sliding tone leaves a band as it enters the
# next one; negative synchrony of nearby bands indicates this.
DISTANCES = {"synchrony": (0.0, math.inf), "synchrony_near": (0.0, 0.5)}


class Method(NamedTuple):
    """An optimizer and its starting point."""

    optimizer: optax.GradientTransformation
    start: Callable | None = None  # None: as in `metamer`, with the loudness of the target
    transform: Callable = jtfs_jax.jtfs
    searches_line: bool = False


def stationary(bank, x, seed):
    """Return Gaussian noise with the mean spectrum of the sound, as in the report of 2024."""
    s1 = jtfs_jax.time_scattering(bank, x).S1
    return colored_noise(bank, s1.mean(axis=-1, keepdims=True), key=jax.random.key(seed))


def random_phases(bank, x, seed):
    """Randomize the phases of the sound's Fourier transform, as in the code of 2022."""
    spectrum = np.fft.rfft(x)
    turns = np.random.default_rng(seed).random(len(spectrum) - 2)
    spectrum[1:-1] = np.abs(spectrum[1:-1]) * np.exp(2j * np.pi * turns)
    return jnp.asarray(np.fft.irfft(spectrum, len(x))[None], bank.dtype)


# The bold driver has two sets of constants: from scattering.m, as in the report of 2024, and from
# the code published with the article of 2022. Their learning rates depend on the scales of their
# losses; here both start with a step of a tenth of the noise.
BOLD_2022 = bold_driver(momentum=0.0, brake=0.55)
DEFAULT, TIME_SCATTERING = "L-BFGS", "L-BFGS, time scattering"
METHODS = {
    DEFAULT: Method(lbfgs()),
    TIME_SCATTERING: Method(lbfgs(), transform=jtfs_jax.time_scattering),
    "bold driver": Method(bold_driver()),
    "bold driver as published": Method(bold_driver(), stationary),
    "Adam": Method(optax.adam(0.1)),  # the best of 0.03, 0.1 and 0.3 on the tabla
    "L-BFGS of optax": Method(optax.lbfgs(), searches_line=True),
    "bold driver of 2022": Method(BOLD_2022),
    "bold driver of 2022 as published": Method(BOLD_2022, random_phases),
    "L-BFGS from stationary noise": Method(lbfgs(), stationary),
}
OTHERS = ["bold driver as published", "bold driver", "Adam", "L-BFGS of optax"]
# In order of importance, for runs that are stopped early: the default first, then all others seed
# by seed.
PLAN = [
    (3, [DEFAULT, TIME_SCATTERING], range(5)),
    (5, [DEFAULT], range(5)),
    *((3, [*OTHERS, "bold driver of 2022 as published"], [seed]) for seed in range(5)),
    *((5, OTHERS, [seed]) for seed in range(5)),
    (3, ["bold driver of 2022", "L-BFGS from stationary noise"], [0]),
]
KEY = ("J_fr", "method", "seed", "sound")


def jobs() -> list[dict[str, Any]]:
    """Return all runs of `PLAN`, in order."""
    return [
        dict(zip(KEY, (J_fr, method, seed, sound), strict=True))
        for J_fr, methods, seeds in PLAN
        for seed in seeds
        for method in methods
        for sound in SOUNDS
    ]


def load(sound: str) -> np.ndarray:
    """Load a recording, padded with silence if it is short."""
    x = audio.load(SOUNDS[sound], SAMPLE_RATE, FILTERS["n_samples"] / SAMPLE_RATE)
    return np.pad(x, (0, FILTERS["n_samples"] - len(x)))


def run(bank, x, method: Method, seed: int, n_gradients: int = N_GRADIENTS) -> tuple[Any, dict]:
    """Return a metamer, and a record of its error after each gradient evaluation and of costs."""
    descend = by_line_search if method.searches_line else by_trials
    y, error, n_gradient, n_forward, seconds = descend(bank, x, method, seed, n_gradients)
    best = np.minimum.accumulate(error)
    found = np.searchsorted(n_gradient, np.arange(1, min(n_gradients, n_gradient[-1]) + 1), "right")
    return y, {
        "error": [float(f"{e:.4g}") for e in best[found - 1]],
        "n_forward": int(n_forward[-1]),
        "seconds": (seconds[-1] - seconds[0]) / float(n_gradient[-1] - n_gradient[0]),
    }


def start(bank, x, method: Method, seed: int) -> dict[str, Any]:
    """Return the starting point of a method; by default its envelope is the target's loudness."""
    if method.start:
        return {"y0": method.start(bank, x, seed), "envelope": 1.0}
    s1 = method.transform(bank, x).S1
    return {"y0": colored_noise(bank, s1, key=jax.random.key(seed))}


def by_trials(bank, x, method, seed, n_gradients):
    """Run an optimizer that needs one loss and one gradient per step."""
    result = resynthesize(
        bank,
        method.transform(bank, x),
        transform=method.transform,
        optimizer=method.optimizer,
        n_steps=N_TRIALS,
        callback=lambda state: int(state.n_gradient) >= n_gradients,
        **start(bank, x, method, seed),
    )
    n_gradient, n_forward = np.asarray(result.n_gradient), np.asarray(result.n_forward)
    return result.y[0], np.asarray(result.error[:, 0]), n_gradient, n_forward, result.seconds


def by_line_search(bank, x, method, seed, n_gradients):
    """Run the L-BFGS of optax from the same noise, in the same variables."""
    wanted = method.transform(bank, x)
    begun = resynthesize(
        bank,
        wanted,
        transform=method.transform,
        optimizer=METHODS[DEFAULT].optimizer,
        n_steps=1,
        callback=lambda _: True,
        **start(bank, x, method, seed),
    )
    scale, z = begun.state.scale[0], begun.state.best[0]
    state = method.optimizer.init(z)
    error, n_gradient, seconds = [float(begun.error[0, 0])], [1], []
    # The first two steps are not timed, because each is compiled.
    while (n_gradient[-1] < n_gradients or len(seconds) < 6) and len(error) < N_TRIALS:
        z, state = search(bank, wanted, scale, z, state, method.optimizer, method.transform)
        error.append(float(np.sqrt(2 * tree_utils.tree_get(state, "value"))))
        n_trials = int(tree_utils.tree_get(state, "num_linesearch_steps"))
        n_gradient.append(n_gradient[-1] + n_trials)
        seconds.append(time.monotonic())
    per_gradient = (seconds[-1] - seconds[1]) / (n_gradient[-1] - n_gradient[2])
    n_gradient = np.array(n_gradient)
    return scale * z, np.array(error), n_gradient, n_gradient, per_gradient * n_gradient


@partial(jax.jit, static_argnames=("optimizer", "transform"))
def search(bank, wanted, scale, z, state, optimizer, transform):
    """Take a step of an optimizer with a line search."""
    norm = jnp.sqrt(sum(jnp.square(s).sum() for s in jax.tree.leaves(wanted)))

    def loss(z):
        difference = jax.tree.map(jnp.subtract, transform(bank, scale * z), wanted)
        return sum(jnp.square(d / norm).sum() for d in jax.tree.leaves(difference)) / 2

    value, gradient = optax.value_and_grad_from_state(loss)(z, state=state)
    updates, state = optimizer.update(gradient, state, z, value=value, grad=gradient, value_fn=loss)
    return optax.apply_updates(z, updates), state


def synchrony(bank, y) -> dict[str, float]:
    """Return the synchrony of band envelopes, for all pairs of bands and for nearby bands."""
    return {
        key: float(band_synchrony(bank, y, octaves=octaves)) for key, octaves in DISTANCES.items()
    }


def filterbanks():
    """Return the filterbanks of the plan."""
    return {J_fr: jtfs_jax.filterbank(**FILTERS, J_fr=J_fr) for J_fr in {J_fr for J_fr, *_ in PLAN}}


def study(output: Path) -> None:
    """Carry out the runs that are missing."""
    banks, sounds = filterbanks(), {sound: load(sound) for sound in SOUNDS}
    results = read(output)
    of_sounds = {sound: synchrony(banks[3], jnp.asarray(x)) for sound, x in sounds.items()}
    for key in DISTANCES:
        results[key] = {sound: found[key] for sound, found in of_sounds.items()}
    write(output, results)
    done = {tuple(record[key] for key in KEY) for record in results["runs"]}
    left = [job for job in jobs() if tuple(job[key] for key in KEY) not in done]
    with tqdm(total=len(jobs()), initial=len(done), unit="run") as bar:
        for job in left:
            bar.set_description(", ".join(f"{key} {value}" for key, value in job.items()))
            bank = banks[job["J_fr"]]
            y, record = run(bank, sounds[job["sound"]], METHODS[job["method"]], job["seed"])
            results = read(output)  # again, as seconds may have been measured in the meantime
            results["runs"].append(job | record | synchrony(bank, y))
            write(output, results)
            bar.set_postfix_str(f"last error {100 * record['error'][-1]:.2f} %", refresh=False)
            bar.update()


def measure_seconds(output: Path) -> None:
    """Measure the seconds per gradient evaluation, including failed trials in between."""
    banks, x = filterbanks(), load("guitar")
    results = read(output)
    for J_fr, methods, _ in PLAN:
        of_bank = results.setdefault("seconds", {}).setdefault(str(J_fr), {})
        for name in methods:
            if name not in of_bank:
                _, record = run(banks[J_fr], x, METHODS[name], seed=0, n_gradients=15)
                of_bank[name] = round(record["seconds"], 4)
                measured = {"seconds": results["seconds"], "cores": os.cpu_count()}
                write(output, read(output) | measured | {"processor": _processor()})


def _processor() -> str:
    """Return the name of the processor, if Linux reports it, or the type of machine."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    return names[0] if names else platform.machine()


def read(output: Path) -> dict:
    """Read the results so far."""
    return json.loads(output.read_text()) if output.exists() else {"runs": []}


def write(output: Path, results: dict) -> None:
    """Write all results, completely or not at all, with one line per run."""
    runs = ",\n".join(json.dumps(record) for record in results["runs"])
    rest = {name: value for name, value in results.items() if name != "runs"}
    text = json.dumps(rest | {"runs": []}, indent=1).replace('"runs": []', f'"runs": [\n{runs}\n]')
    with replacing(output) as file:
        file.write_text(text + "\n")


def errors(results: dict, J_fr: int, method: str, sound: str) -> np.ndarray:
    """Return errors by seed and evaluation; runs that ended early keep their last error."""
    wanted = {"J_fr": J_fr, "method": method, "sound": sound}
    runs = [record["error"] for record in results["runs"] if wanted.items() <= record.items()]
    return np.array([np.pad(error, (0, N_GRADIENTS - len(error)), "edge") for error in runs])


def table(results: dict) -> Table:
    """Table of median errors over seeds."""
    after = (20, N_GRADIENTS)
    columns = [f"{sound}, {k}" for k in after for sound in SOUNDS]
    rows = []
    for J_fr, method in _measured(results):
        found = {sound: errors(results, J_fr, method, sound) for sound in SOUNDS}
        cells = [
            f"{100 * np.median(found[sound][:, k - 1]):.2g} %" if len(found[sound]) else ""
            for k in after
            for sound in SOUNDS
        ]
        seconds = results.get("seconds", {}).get(str(J_fr), {}).get(method)
        rows.append([str(J_fr), method, _seeds(found), *cells, f"{seconds:.2f}" if seconds else ""])
    return Table(["J_fr", "optimizer", "seeds", *columns, "seconds"], rows)


def short_table(results: dict) -> Table:
    """Table of the smallest and the largest of the four median errors."""
    rows = []
    for J_fr, method in _measured(results):
        found = {sound: errors(results, J_fr, method, sound) for sound in SOUNDS}
        if all(map(len, found.values())):
            medians = 100 * np.array([np.median(error, axis=0) for error in found.values()])
            least, largest = medians.min(axis=0), medians.max(axis=0)
            cells = [f"{least[k]:.2g} to {largest[k]:.2g} %" for k in (19, N_GRADIENTS - 1)]
            rows.append([str(J_fr), method, _seeds(found), *cells])
    return Table(["J_fr", "optimizer", "seeds", "after 20", f"after {N_GRADIENTS}"], rows)


def synchronies(results: dict, key: str, J_fr: int, method: str, sound: str) -> list[float]:
    """Return the synchrony of each metamer for one of `DISTANCES`, by seed."""
    wanted = {"J_fr": J_fr, "method": method, "sound": sound}
    runs = [record for record in results["runs"] if wanted.items() <= record.items()]
    return [record[key] for record in runs if key in record]


def synchrony_table(results: dict) -> Table:
    """Table of median synchrony over seeds, and its range."""
    rows = []
    for key, octaves in DISTANCES.items():
        bands = "all" if math.isinf(octaves[1]) else f"within {octaves[1]:g} octave"
        for sound in SOUNDS:
            row = [bands, sound, f"{results[key][sound]:.2f}"]
            for method in (DEFAULT, TIME_SCATTERING):
                row.append(_middle_and_range(synchronies(results, key, 3, method, sound)))
            rows.append(row)
    header = ["bands", "sound", "target", "metamers of JTFS", "metamers of time scattering"]
    return Table(header, rows)


def _measured(results: dict) -> list[tuple[int, str]]:
    """Return the methods with results, by J_fr, in the order of `METHODS`."""
    found = {(record["J_fr"], record["method"]) for record in results["runs"]}
    return sorted(found, key=lambda kind: (kind[0], list(METHODS).index(kind[1])))


def _seeds(found: dict[str, np.ndarray]) -> str:
    counts = sorted({len(error) for error in found.values()})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _middle_and_range(values: list[float]) -> str:
    if not values:
        return ""
    return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Run the study, measure times, or print tables."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.optimizers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--seconds", action="store_true", help="only measure seconds")
    parser.add_argument("--table", action="store_true", help="only print tables as Markdown")
    options = parser.parse_args()
    if options.table:
        results = read(options.output)
        print(table(results), short_table(results), synchrony_table(results), sep="\n\n")
    elif options.seconds:
        measure_seconds(options.output)
    else:
        study(options.output)


if __name__ == "__main__":
    main()
