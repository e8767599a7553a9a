"""Signals of any length: time and memory of segments, against single calls. From a clone:

    python tests/benchmarks/any_length.py hour gradient clips [--output any_length.json]
    python tests/benchmarks/any_length.py kymatio --kymatio PATH

`hour`: an hour at 22,050 Hz (noise of varying level, with clicks) in segments, against single calls
of 2^16 samples; and ten stretches of it against single calls for these stretches with their
context. `gradient`: value and gradient of the sum of squares of the coefficients of ten minutes, in
one program. `clips`: `jtfs-jax features` with default options on 200 clips of 200 lengths from 0.3
to 10 s, against batched calls for the same number of samples. `kymatio`: ten such clips in
Kymatio's PyTorch, with filters for each length; PATH is a checkout of Kymatio (see run.py for its
requirements). The configuration is `metamer`. Each part runs in its own process, so that its peak
memory is meaningful.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RATE = 22_050
METAMER: dict[str, Any] = {"J": 12, "Q": 12, "T": 2**13, "J_fr": 3}
SINGLE, SEGMENT = 2**16, 2**18


def seconds_of(function, n_times=5):
    """Median seconds of several calls, after one that compiles."""
    import jax

    jax.block_until_ready(function())
    times = []
    for _ in range(n_times):
        begun = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def peak_gigabytes():
    """Peak memory of this process, including libraries and compilation."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sound(n_samples):
    """Noise with a level that varies over eight orders of magnitude, with clicks."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(n_samples, dtype=np.float32)
    for start in range(0, n_samples, 10 * RATE):
        x[start : start + 10 * RATE] *= 10 ** rng.uniform(-8, 0)
    x[rng.integers(0, n_samples, 10)] = 1
    return x


def hour():
    """See the module docstring."""
    import jax

    import jtfs_jax

    x = sound(3600 * RATE)
    bank = jtfs_jax.filterbank(SEGMENT, **METAMER)
    transform = jtfs_jax.segmented(jtfs_jax.jtfs)
    transform(bank, x[:1000])
    begun = time.perf_counter()
    S = transform(bank, x)
    seconds = time.perf_counter() - begun
    peak = peak_gigabytes()
    errors = []
    context, inner = 2**17, 2**20  # a minute is 1,323,000 samples; inner frames are 47 s of these
    longer = jtfs_jax.filterbank(inner, **METAMER, pad_mode="periodic")
    for start in np.random.default_rng(1).integers(0, len(x) // 2**13 - 200, 10) * 2**13:
        T = jtfs_jax.jtfs(longer, x[start : start + inner])
        kept = slice(context // 2**13, (inner - context) // 2**13)
        of_whole = slice(start // 2**13 + kept.start, start // 2**13 + kept.stop)
        for found, wanted in zip(jax.tree.leaves(S), jax.tree.leaves(T), strict=True):
            wanted = np.asarray(wanted)[..., kept]
            error = np.linalg.norm(found[..., of_whole] - wanted) / np.linalg.norm(wanted)
            errors.append(float(error))
    single = jtfs_jax.filterbank(SINGLE, **METAMER)
    of_single = seconds_of(lambda: jtfs_jax.jtfs(single, x[:SINGLE]))
    return {
        "seconds": seconds,
        "single calls": seconds / (of_single * len(x) / SINGLE),
        "peak GB": peak,
        "largest error": max(errors),
    }


def gradient():
    """See the module docstring."""
    import jax
    import jax.numpy as jnp

    import jtfs_jax

    def loss(transform):
        return lambda bank, x: sum(jnp.sum(s**2) for s in jax.tree.leaves(transform(bank, x)))

    x = sound(600 * RATE)
    bank = jtfs_jax.filterbank(SEGMENT, **METAMER)
    of_all = jax.jit(jax.value_and_grad(loss(jtfs_jax.segmented(jtfs_jax.jtfs)), argnums=1))
    seconds = seconds_of(lambda: of_all(bank, x), 1)
    peak = peak_gigabytes()
    single = jtfs_jax.filterbank(SINGLE, **METAMER)
    of_single = jax.jit(jax.value_and_grad(loss(jtfs_jax.jtfs), argnums=1))
    calls = seconds_of(lambda: of_single(single, x[:SINGLE])) * len(x) / SINGLE
    return {"seconds": seconds, "single calls": seconds / calls, "peak GB": peak}


def clips():
    """See the module docstring."""
    import jtfs_jax
    from jtfs_jax import audio

    names = ("guitar_slide", "crow")
    recording = np.concatenate([audio.load(audio.bundled(name), RATE) for name in names])
    recording = np.tile(recording, 5)
    with tempfile.TemporaryDirectory() as folder:
        lengths = np.linspace(0.3 * RATE, 10 * RATE, 200).astype(int)
        rng = np.random.default_rng(0)
        (Path(folder) / "in").mkdir()
        for index, n in enumerate(rng.permutation(lengths)):
            start = rng.integers(0, len(recording) - n)
            x = recording[start : start + n] + 1e-4 * rng.standard_normal(n)
            audio.save(Path(folder) / f"in/{index:03d}.wav", x, RATE)
        found = {}
        for name in ("npz", "zarr", "zarr again"):
            output = Path(folder) / ("npz" if name == "npz" else "x.zarr")
            if name == "npz":
                output.mkdir()
            command = [sys.executable, "-m", "jtfs_jax", "features", f"{folder}/in", "-q"]
            begun = time.perf_counter()
            subprocess.run([*command, "-o", str(output)], check=True)
            found[f"{name}, seconds"] = time.perf_counter() - begun
    bank = jtfs_jax.filterbank(SINGLE, **METAMER)
    x = np.tile(recording, 2)[: 4 * SINGLE].reshape(4, SINGLE)
    batched = seconds_of(lambda: jtfs_jax.jtfs(bank, x)) / x.size * lengths.sum()
    return found | {"batched calls, seconds": batched, "allowed": 15 + 1.5 * float(batched)}


def kymatio():
    """See the module docstring."""
    import kymatio.torch  # pyright: ignore[reportMissingImports]
    import torch  # pyright: ignore[reportMissingImports]

    seconds = []
    for n in np.linspace(METAMER["T"] / RATE, 10, 10) * RATE:
        begun = time.perf_counter()
        options = METAMER | {"shape": int(n), "out_type": "dict"}
        transform = kymatio.torch.TimeFrequencyScattering(**options)
        transform(torch.from_numpy(sound(int(n))))
        seconds.append(time.perf_counter() - begun)
    return {"200 clips, seconds": 200 * statistics.mean(seconds), "each": seconds}


PARTS = {function.__name__: function for function in (hour, gradient, clips, kymatio)}


def main() -> None:
    """Measure each part in its own process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--kymatio", type=Path, metavar="PATH", help="checkout of Kymatio")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(PARTS[options.parts[0]]()))
        return
    if "kymatio" in options.parts and options.kymatio is None:
        parser.error("the part kymatio needs --kymatio PATH, a checkout of Kymatio's main branch")
    path = os.pathsep.join(filter(None, [str(options.kymatio or ""), os.getenv("PYTHONPATH")]))
    results = {}
    for part in options.parts:
        done = subprocess.run(
            [sys.executable, __file__, part, "--alone"],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            check=True,
        )
        results[part] = json.loads(done.stdout)
        print(part, results[part], flush=True)
        if options.output is not None:
            options.output.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
