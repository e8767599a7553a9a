"""The command `jtfs-jax features`: from recordings to coefficients and their coordinates."""

import argparse
import importlib.metadata
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jtfs_jax import audio
from jtfs_jax._coordinates import band_frequencies, frame_times, wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._files import save_arrays
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._paths import path_table

from ._errors import error_line, expected
from ._recording import check_output, joint_filterbank, name_of, settings_of, source_of


def features(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    for module in ("soundfile", "soxr", "tqdm"):
        require(module, "audio")
    recordings: list[Path | None] = options.audio or [None]
    outputs = _outputs(recordings, options.output)
    if len(recordings) == 1:
        print(_Writer(options).write(recordings[0], outputs[0]))
        return 0
    return _write_all(recordings, outputs, options)


def _outputs(recordings: list[Path | None], output: Path) -> list[Path]:
    """Where each result goes; raises if it cannot."""
    sources = [source_of(recording) for recording in recordings]
    if output.is_dir():
        outputs = [output / f"{source.stem}.npz" for source in sources]
    elif output.suffix.lower() != ".npz":
        raise ValueError(f"{output}: there is no such folder; make it first, or name an .npz file.")
    elif len(sources) > 1:
        raise ValueError(f"{output}: {len(sources)} recordings need a folder; make one.")
    else:
        outputs = [output]
    for index, (source, path) in enumerate(zip(sources, outputs, strict=True)):
        first = outputs.index(path)
        if first < index:
            raise ValueError(
                f"{path}: both {sources[first]} and {source} would be written there; give them "
                f"one at a time, each with its own --output."
            )
        check_output(path, source)
    return outputs


def _write_all(
    recordings: list[Path | None], outputs: list[Path], options: argparse.Namespace
) -> int:
    """One by one, whatever happens to the others."""
    writer, errors = _Writer(options), []
    with require("tqdm", "audio").tqdm(total=len(outputs), unit="file") as bar:
        for recording, output in zip(recordings, outputs, strict=True):
            try:
                bar.write(writer.write(recording, output), file=sys.stdout)
            except Exception as exception:
                error = expected(exception)
                bar.write(error_line(options.command, error), file=sys.stderr)
                errors.append(error)
            bar.update()
    if not errors:
        return 0
    print(f"{len(errors)} of {len(outputs)} recordings failed.", file=sys.stderr)
    return 2 if any(isinstance(error, ValueError) for error in errors) else 1


class _Writer:
    """Makes the files; recordings of one length that follow each other share a filterbank."""

    def __init__(self, options: argparse.Namespace):
        self._options = options
        self._bank: FilterBank | None = None

    def write(self, recording: Path | None, output: Path) -> str:
        """Write one file, whole or not at all; returns what can be said about it."""
        options, source = self._options, source_of(recording)
        x = audio.load(source, options.sample_rate, options.duration, channels=options.channels)
        if self._bank is None or self._bank.n_samples != x.shape[-1]:
            if self._bank is not None:
                jax.clear_caches()  # each length has a program of its own, and there may be many
            self._bank = joint_filterbank(source, x.shape[-1], options)
        arrays: dict[str, Any] = _arrays(self._bank, x, options.sample_rate)
        settings = settings_of(self._bank, options.sample_rate) | {
            "audio": name_of(recording),
            "channels": options.channels,
            "version": importlib.metadata.version("jtfs_jax"),
        }
        arrays["settings"] = np.array(json.dumps(settings, ensure_ascii=False))
        save_arrays(output, arrays)
        n_paths, n_frames = len(arrays["path_n2"]), len(arrays["frame_times"])
        channels = f"{len(x)} channels, " if x.ndim == 2 else ""
        return f"{output}: {channels}{n_paths} paths, {n_frames} frames"


def _arrays(bank: FilterBank, x: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
    """Coefficients and what they measure, in Hz, seconds and cycles/octave."""
    S = jtfs(bank, x)
    table = path_table(bank, sample_rate=sample_rate)
    arrays = {"S0": S.S0, "S1": S.S1, "sample_rate": np.array(sample_rate)}
    arrays["frequencies"] = wavelet_frequencies(bank, sample_rate=sample_rate)
    arrays["frame_times"] = frame_times(bank, sample_rate=sample_rate)
    arrays |= {f"path_{name}": column for name, column in asdict(table).items()}
    if not isinstance(S.S2, dict):
        arrays["S2"] = S.S2
        arrays["band_frequencies"] = band_frequencies(bank, sample_rate=sample_rate)
    else:
        for p, ((n2, n_fr), s2) in enumerate(S.S2.items()):
            bands = band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)
            arrays[f"S2_{p}"] = s2
            arrays[f"band_frequencies_{p}"] = bands[: s2.shape[-2]]
            arrays[f"frame_times_{p}"] = frame_times(bank, sample_rate=sample_rate, n2=n2)
    return {name: np.asarray(array) for name, array in arrays.items()}
