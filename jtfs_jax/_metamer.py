"""The command `jtfs-jax metamer`: from a recording to sounds, a picture and a record on disk."""

import argparse
import contextlib
import importlib.metadata
import json
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import audio, plot
from ._bold_driver import BoldDriverState
from ._extras import require
from ._files import check_writable, replacing
from ._filterbank import FilterBank, filterbank
from .resynthesis import Resynthesis, resynthesize

INTERRUPTED = 130  # the exit status that shells expect after Ctrl-C
_DEFAULT_SAMPLES = 2**16
_PACKAGES = ("jtfs_jax", "jax", "jaxlib", "equinox", "numpy", "soundfile", "soxr")


def metamer(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    for module in ("matplotlib", "soundfile", "soxr", "tqdm"):
        require(module, "audio,plot")
    outputs = _outputs(options)
    source = options.audio or audio.bundled("guitar_slide")
    duration = options.duration or _DEFAULT_SAMPLES / options.sample_rate
    x = audio.load(source, options.sample_rate, duration)
    bank = _filterbank(source, len(x), options)

    start = time.monotonic()
    with _Progress(options.steps) as progress:
        result = resynthesize(
            bank,
            x,
            n_steps=options.steps,
            count=options.count,
            seed=options.seed,
            callback=progress,
        )
    seconds = time.monotonic() - start
    if len(result.error) == 1:
        raise KeyboardInterrupt  # before the first step there is only noise to write

    record = {
        "audio": str(options.audio or "bundled: guitar_slide"),
        "settings": _settings(options, bank),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "interrupted": progress.interrupted,
        "seconds": round(seconds, 3),
    }
    _write(outputs, bank, x, result, record)
    n_steps = len(result.error) - 1
    for path, error, accepted in zip(
        outputs.sounds, result.error[-1], result.accepted[1:].sum(axis=0), strict=True
    ):
        print(f"{path}: error {100 * error:.2f} % after {n_steps} steps, {accepted} of them kept")
    print(f"Picture: {outputs.picture}   Record: {outputs.record}   Time: {seconds:.0f} s")
    return INTERRUPTED if progress.interrupted else 0


class _Outputs(NamedTuple):
    sounds: list[Path]
    picture: Path
    record: Path


def _outputs(options: argparse.Namespace) -> _Outputs:
    """Where the results go; raises if they cannot."""
    path = audio.check_path(options.output)
    sounds = [path]
    if options.count > 1:
        sounds = [path.with_stem(f"{path.stem}-{k}") for k in range(1, options.count + 1)]
    outputs = _Outputs(sounds, path.with_suffix(".png"), path.with_suffix(".json"))
    for output in [*sounds, outputs.picture, outputs.record]:
        check_writable(output)
        if _same_file(output, options.audio):
            raise ValueError(f"{output}: this is the recording itself; give another --output.")
    return outputs


def _same_file(output: Path, recording: Path | None) -> bool:
    exist = bool(recording and recording.exists() and output.exists())
    return exist and output.samefile(str(recording))


def _filterbank(source: Path, n_samples: int, options: argparse.Namespace) -> FilterBank:
    if n_samples < 2**options.J:
        raise ValueError(
            f"{source}: --J {options.J} needs at least 2^{options.J} = {2**options.J} samples, and "
            f"the recording has {n_samples} at {options.sample_rate} Hz; take a longer one, or a "
            f"lower --J."
        )
    return filterbank(
        n_samples,
        options.J,
        options.Q,
        T=options.T,
        J_fr=options.J_fr,
        Q_fr=options.Q_fr,
        F=options.F,
    )


class _Progress:
    """A progress bar, which is the callback of `resynthesize`, and the end of it after Ctrl-C."""

    def __init__(self, n_steps: int):
        self.interrupted = False
        self._bar = require("tqdm", "audio,plot").tqdm(total=n_steps, desc="compiling", unit="step")
        self._n_calls = 0

    def __enter__(self) -> "_Progress":
        self._previous = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGINT, self._previous)
        self._bar.close()

    def __call__(self, state: BoldDriverState) -> bool:
        error = float(np.asarray(state.error).min())
        if self._n_calls == 0:
            self._bar.reset()
            self._bar.set_description("metamer", refresh=False)
        self._bar.set_postfix_str(f"error {100 * error:.2f} %", refresh=False)
        self._bar.update(min(self._n_calls, 1))  # the first call is for the start, not a step
        self._n_calls += 1
        return self.interrupted

    def _interrupt(self, *_) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._bar.write(
            "Stopping after this step; Ctrl-C again quits at once, without any output.",
            file=sys.stderr,
        )


def _settings(options: argparse.Namespace, bank: FilterBank) -> dict[str, object]:
    return {
        "sample_rate": options.sample_rate,
        "n_samples": bank.n_samples,
        "steps": options.steps,
        "seed": options.seed,
        "count": options.count,
        "J": options.J,
        "Q": options.Q,
        "T": bank.T,
        "J_fr": options.J_fr,
        "Q_fr": options.Q_fr,
        "F": bank.F,
    }


def _write(
    outputs: _Outputs, bank: FilterBank, x: np.ndarray, result: Resynthesis, record: dict
) -> None:
    """Write everything to temporary files; only when all of them are complete they are renamed."""
    sounds, picture, log = outputs
    sample_rate = record["settings"]["sample_rate"]
    y = np.asarray(result.y)
    best = int(result.error[-1].argmin())
    with contextlib.ExitStack() as stack:
        gains = [
            audio.save(stack.enter_context(replacing(path)), y[k], sample_rate)
            for k, path in enumerate(sounds)
        ]
        figure = plot.metamer(bank, x, y[best], result.error, sample_rate=sample_rate)
        figure.savefig(stack.enter_context(replacing(picture)), dpi=120)
        record["metamers"] = [
            {
                "file": path.name,
                "gain": gains[k],
                "error": result.error[:, k].tolist(),
                "learning_rate": result.learning_rate[:, k].tolist(),
                "accepted": result.accepted[:, k].tolist(),
            }
            for k, path in enumerate(sounds)
        ]
        text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
        stack.enter_context(replacing(log)).write_text(text + "\n", encoding="utf-8")
