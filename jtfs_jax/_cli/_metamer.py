"""The command `jtfs-jax metamer`: from a recording to sounds, a picture and a record on disk."""

import argparse
import contextlib
import hashlib
import importlib.metadata
import json
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jtfs_jax import audio, plot
from jtfs_jax._extras import require
from jtfs_jax._files import replacing
from jtfs_jax._filterbank import FilterBank
from jtfs_jax.resynthesis import ResynthesisState, bold_driver, lbfgs, resynthesize
from jtfs_jax.resynthesis._descent import Row, begin

from . import _checkpoint
from ._recording import check_output, joint_filterbank, name_of, settings_of, source_of

INTERRUPTED = 130  # the exit status that shells expect after Ctrl-C
_SECONDS_BETWEEN_STATES = 30.0
_DEFAULT_SAMPLES = 2**16
_OPTIMIZERS = {"lbfgs": lbfgs(), "bold_driver": bold_driver()}
_PACKAGES = ("jtfs_jax", "jax", "jaxlib", "equinox", "numpy", "optax", "soundfile", "soxr")


def metamer(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    for module in ("matplotlib", "soundfile", "soxr", "tqdm"):
        require(module, "audio,plot")
    outputs = _outputs(options)
    source = source_of(options.audio)
    duration = options.duration or _DEFAULT_SAMPLES / options.sample_rate
    x = audio.load(source, options.sample_rate, duration, channels=options.channels)
    bank = joint_filterbank(source, len(x), options)
    settings = _settings(options, bank)

    run = _Run(
        outputs.state, settings | {"recording": hashlib.sha256(x.tobytes()).hexdigest()[:16]}
    )
    optimizer = _OPTIMIZERS[options.optimizer]
    if options.resume:
        run.resume(bank, optimizer, options.count)
    n_left = options.steps - run.n_steps
    if n_left < 0:
        raise ValueError(
            f"{outputs.state}: --steps {options.steps} are fewer than the {run.n_steps} steps of "
            f"this run; give at least as many."
        )
    interrupted = False
    if n_left:
        with _Progress(options.steps, run) as progress:
            resynthesize(
                bank,
                x,
                n_steps=n_left,
                count=options.count,
                seed=options.seed,
                optimizer=optimizer,
                state=run.state,
                callback=progress,
            )
        interrupted = progress.interrupted
    if run.n_steps == 0:
        raise KeyboardInterrupt  # before the first step there is only noise to write

    run.save()
    seconds = run.history["seconds"][-1]
    record = {
        "audio": name_of(options.audio),
        "settings": settings | {"steps": options.steps},
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "interrupted": interrupted,
        "seconds": round(seconds, 3),
    }
    _write(outputs, bank, x, run, record)
    for path, error, accepted in zip(
        outputs.sounds,
        run.history["error"][-1],
        np.sum(run.history["accepted"][1:], axis=0),
        strict=True,
    ):
        print(
            f"{path}: error {100 * error:.2f} % after {run.n_steps} steps, {accepted} of them kept"
        )
    print(f"Picture: {outputs.picture}   Record: {outputs.record}   Time: {seconds:.0f} s")
    return INTERRUPTED if interrupted else 0


class _Outputs(NamedTuple):
    sounds: list[Path]
    picture: Path
    record: Path
    state: Path


def _outputs(options: argparse.Namespace) -> _Outputs:
    """Where the results go; raises if they cannot."""
    path = audio.check_path(options.output)
    sounds = [path]
    if options.count > 1:
        sounds = [path.with_stem(f"{path.stem}-{k}") for k in range(1, options.count + 1)]
    others = (path.with_suffix(suffix) for suffix in (".png", ".json", ".state.npz"))
    outputs = _Outputs(sounds, *others)
    for output in [*sounds, *outputs[1:]]:
        check_output(output, source_of(options.audio))
    return outputs


class _Run:
    """The state after the last step and what came before, in memory and, now and then, on disk."""

    def __init__(self, path: Path, settings: dict[str, object]):
        self.state: ResynthesisState | None = None
        self.history: dict[str, list] = {name: [] for name in (*Row._fields, "seconds")}
        self._path = path
        self._settings = settings
        self._begun = self._saved = time.monotonic()
        self._seconds_before = 0.0

    @property
    def n_steps(self) -> int:
        """Steps done; row 0 of the history is the noise at the start."""
        return max(len(self.history["error"]) - 1, 0)

    def resume(self, bank: FilterBank, optimizer, count: int) -> None:
        """Go on from what is on disk."""
        y = jax.ShapeDtypeStruct((count, bank.n_samples), bank.dtype)
        envelope = jax.ShapeDtypeStruct((bank.n_samples,), bank.dtype)
        like = jax.eval_shape(lambda y, e: begin(y, e, optimizer), y, envelope)
        self.history, self.state = _checkpoint.read(self._path, self._settings, like)
        self._seconds_before = float(self.history["seconds"][-1])

    def add(self, state: ResynthesisState) -> None:
        """Take note of a step."""
        self.state = state
        for name in Row._fields:
            self.history[name].append(np.asarray(getattr(state, name)))
        now = time.monotonic()
        self.history["seconds"].append(self._seconds_before + now - self._begun)

    def is_due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._saved >= _SECONDS_BETWEEN_STATES

    def save(self) -> None:
        """Write all of it, whole or not at all."""
        try:
            _checkpoint.write(self._path, self._settings, self.history, self.state)
        except OSError as error:  # the run itself may end well nevertheless
            _tqdm().write(f"The state could not be written: {error}", file=sys.stderr)
        self._saved = time.monotonic()


def _tqdm():
    return require("tqdm", "audio,plot").tqdm


class _Progress:
    """A progress bar, which is the callback of `resynthesize`, and the end of it after Ctrl-C."""

    def __init__(self, n_steps: int, run: _Run):
        self.interrupted = False
        self._run = run
        self._bar = _tqdm()(total=n_steps, initial=run.n_steps, desc="compiling", unit="step")
        self._compiled = False

    def __enter__(self) -> "_Progress":
        self._previous = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGINT, self._previous)
        self._bar.close()

    def __call__(self, state: ResynthesisState) -> bool:
        self._run.add(state)
        error = float(state.error.min())
        if not self._compiled:
            self._compiled = True
            self._bar.unpause()
            self._bar.set_description("metamer", refresh=False)
        self._bar.set_postfix_str(f"error {100 * error:.2f} %", refresh=False)
        self._bar.update(self._run.n_steps - self._bar.n)
        if self._run.is_due():
            self._run.save()
        return self.interrupted

    def _interrupt(self, *_) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._bar.write(
            "Stopping after this step; Ctrl-C again quits at once, and nothing more is written.",
            file=sys.stderr,
        )


def _settings(options: argparse.Namespace, bank: FilterBank) -> dict[str, object]:
    own = {name: getattr(options, name) for name in ("optimizer", "seed", "count")}
    return own | settings_of(bank, options.sample_rate)


def _write(outputs: _Outputs, bank: FilterBank, x: np.ndarray, run: _Run, record: dict) -> None:
    """Write everything to temporary files; only when all of them are complete they are renamed."""
    assert run.state is not None
    sample_rate = record["settings"]["sample_rate"]
    y = np.asarray(run.state.y)
    history = {name: np.array(rows) for name, rows in run.history.items()}
    best = int(history["error"][-1].argmin())
    record["gradient_evaluations"] = history["n_gradient"].tolist()
    record["forward_evaluations"] = history["n_forward"].tolist()
    record["seconds_at_step"] = history["seconds"].round(3).tolist()
    with contextlib.ExitStack() as stack:
        gains = [
            audio.save(stack.enter_context(replacing(path)), y[k], sample_rate)
            for k, path in enumerate(outputs.sounds)
        ]
        title = Path(record["audio"]).name
        figure = plot.metamer(
            bank, x, y[best], history["error"], sample_rate=sample_rate, title=title
        )
        figure.savefig(stack.enter_context(replacing(outputs.picture)), dpi=120)
        record["metamers"] = [
            {"file": path.name, "gain": gains[k]}
            | {
                name: history[name][:, k].tolist()
                for name in ("error", "learning_rate", "accepted")
            }
            for k, path in enumerate(outputs.sounds)
        ]
        text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
        stack.enter_context(replacing(outputs.record)).write_text(text + "\n", encoding="utf-8")
