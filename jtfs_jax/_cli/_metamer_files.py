"""The files of `jtfs-jax metamer`: their names and contents, and which may be replaced."""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jtfs_jax import audio, listening
from jtfs_jax._files import replacing
from jtfs_jax._filterbank import FilterBank

from ._metamer_run import Run, together
from ._options import plain
from ._outputs import check_outputs, named_after
from ._provenance import provenance

_STATE = ".state.npz"


class Outputs(NamedTuple):
    """Files that a run writes."""

    sounds: list[Path]
    target: Path
    picture: Path
    record: Path
    state: Path
    page: Path | None  # with --page

    def all_but_state(self) -> list[Path]:
        """Return the files that a run writes at its end."""
        files = [*self.sounds, self.target, self.picture, self.record]
        return files if self.page is None else [*files, self.page]


def new_outputs(options: argparse.Namespace, source: Path) -> Outputs:
    """Return the files of a new run; raise if one of them exists or cannot be written."""
    path = audio.check_path(options.output or named_after(options.audio, "metamer", ".wav"))
    outputs = _outputs(path, options)
    files = [*outputs.all_but_state(), outputs.state]
    cure = "--resume to continue its run, " if outputs.state.exists() else ""
    check_outputs([(file, source) for file in files], options, cure=cure)
    return outputs


def resumed_outputs(run: Run, options: argparse.Namespace, source: Path) -> Outputs:
    """Return the files of a resumed run, which may replace its own earlier files."""
    options.page |= run.about.get("page", False)
    path = run.path.with_name(run.path.name.removesuffix(_STATE) + run.about["suffix"])
    named = options.output or options.resume
    if named != Path() and named.suffix not in (path.suffix, ".npz"):
        raise ValueError(f"{named}: this run writes {path}; give that name, or leave out --resume.")
    outputs = _outputs(audio.check_path(path), options)
    files = outputs.all_but_state()
    if _run_of(outputs.record) == run.about["run"]:
        files = [file for file in files if not file.exists() or file.is_dir()]
    check_outputs([(file, source) for file in files], options)
    return outputs


def state_to_resume(options: argparse.Namespace) -> Path:
    """Return the path of the state that `--resume` refers to."""
    resume = options.resume
    if resume != Path() and options.output is None:
        of_recording = _state_of(named_after(resume, "metamer", ".wav"))
        if _state_of(resume).exists() or options.audio or not of_recording.exists():
            return _state_of(resume)
    if resume != Path():
        if options.audio is not None:
            raise ValueError(
                f"{resume}: --resume and --output both name a metamer; leave out one of them."
            )
        options.audio, options.resume = resume, Path()  # "--resume AUDIO -o OUT.wav"
    if options.output is not None:
        return _state_of(options.output)
    default = _state_of(named_after(options.audio, "metamer", ".wav"))
    others = sorted(Path().glob(f"*{_STATE}"))
    if options.audio is not None or default in others or not others:
        return default
    if len(others) > 1:
        raise ValueError(
            f"--resume: there are several runs in this folder, {', '.join(map(str, others))}; name "
            f"one of them: --resume {others[0]}."
        )
    return others[0]


def _outputs(path: Path, options: argparse.Namespace) -> Outputs:
    sounds = [path]
    if options.count > 1:
        sounds = [path.with_stem(f"{path.stem}-{k}") for k in range(1, options.count + 1)]
    return Outputs(
        sounds,
        target=path.with_suffix(f".target{path.suffix}"),
        picture=path.with_suffix(".png"),
        record=path.with_suffix(".json"),
        state=path.with_suffix(_STATE),
        page=path.with_suffix(".html") if options.page else None,
    )


def _state_of(path: Path) -> Path:
    return path if path.name.endswith(_STATE) else path.with_suffix(_STATE)


def _run_of(record: Path) -> str | None:
    """Return the identifier of the run that wrote a record, or None if it is not a record."""
    try:
        return json.loads(record.read_text(encoding="utf-8")).get("run")
    except (OSError, ValueError, AttributeError):
        return None


class Sound(NamedTuple):
    """A sound as written to its file."""

    path: Path
    samples: np.ndarray
    levels: dict[str, float]  # of the file: gain, RMS, peak


def sounds_of(outputs: Outputs, run: Run) -> list[Sound]:
    """Return the target, then the metamers made so far, with one gain that avoids clipping."""
    samples = [y.astype(np.float64) for y in (run.x, *run.sounds)]
    gain = 1 / max(1.0, *(float(np.abs(y).max()) for y in samples))
    return [
        Sound(
            path,
            gain * y,
            {
                "gain": gain,
                "rms": float(gain * np.sqrt(np.square(y).mean())),
                "peak": float(gain * np.abs(y).max()),
            },
        )
        for path, y in zip((outputs.target, *outputs.sounds), samples, strict=False)
    ]


def record_of(run: Run, sounds: Sequence[Sound], options: argparse.Namespace) -> dict[str, Any]:
    """Return the record of a run, except for its settings and how it ended."""
    begun = run.begun
    history = {
        name: together([one.history[name] for one in begun])
        for name in ("n_gradient", "n_forward", "seconds")
    }
    target, *others = sounds
    return {
        "run": run.about["run"],
        **provenance(run.about["commands"]),
        "audio": run.about["audio"],
        "recording": run.about["recording"],
        # Sums over all metamers:
        "seconds": round(float(history["seconds"][-1].sum()), 3),
        "gradient_evaluations": history["n_gradient"].sum(axis=1).tolist(),
        "forward_evaluations": history["n_forward"].sum(axis=1).tolist(),
        "seconds_at_step": history["seconds"].sum(axis=1).round(3).tolist(),
        "target": {"file": target.path.name, **target.levels},
        "metamers": [
            {"file": sound.path.name, "seed": one.seed, **sound.levels}
            | {
                name: np.array(one.history[name]).tolist()
                for name in ("error", "learning_rate", "accepted")
            }
            for sound, one in zip(others, begun, strict=True)
        ],
    }


def write(
    outputs: Outputs,
    sounds: Sequence[Sound],
    sample_rate: int,
    figure,
    record: dict[str, Any],
    bank: FilterBank,
) -> None:
    """Write everything to temporary files, and rename them only once all are complete.

    The record is renamed first: it marks the other files as belonging to this run.
    """
    with contextlib.ExitStack() as stack:
        for sound in sounds:
            partial = stack.enter_context(replacing(sound.path))
            audio.save(partial, sound.samples, sample_rate)
        if outputs.page is not None:
            partial = stack.enter_context(replacing(outputs.page))
            comparison = _comparison(sounds, record)
            title = f"Metamers of {comparison.title}"
            listening.write_page(
                partial, [comparison], sample_rate=sample_rate, title=title, bank=bank
            )
        figure.savefig(stack.enter_context(replacing(outputs.picture)), dpi=120)
        text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
        partial = stack.enter_context(replacing(outputs.record))
        # File names that are not valid text become escapes, which JSON reads like the characters.
        partial.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _comparison(sounds: Sequence[Sound], record: dict[str, Any]) -> listening.Comparison:
    """Return the comparison of a target with its metamers for the page."""
    target, *others = sounds
    names = [f"seed {one['seed']}" for one in record["metamers"]]
    errors = {name: one["error"] for name, one in zip(names, record["metamers"], strict=True)}
    if record["spread"] is not None:  # append the final errors
        last = zip(names, record["spread"]["errors"], strict=True)
        errors = {name: [*errors[name], error] for name, error in last}
    return listening.Comparison(
        title=Path(record["audio"].removeprefix("bundled: ")).name,
        target=target.samples,
        metamers={name: sound.samples for name, sound in zip(names, others, strict=True)},
        errors=errors,
        settings={
            name: plain(value) for name, value in record["settings"].items() if value is not None
        },
    )


def say_gain(sounds: Sequence[Sound]) -> None:
    """Print the gain if the sounds were attenuated to avoid clipping."""
    gain = sounds[0].levels["gain"]
    if gain < 1:
        print(
            f"All sounds, including the target, are written {-20 * np.log10(gain):.1f} dB quieter "
            f"(gain {gain:.3f}) to avoid clipping.",
            file=sys.stderr,
        )
