"""A run of `jtfs-jax metamer`: its metamers step by step, in memory and on disk."""

import argparse
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jtfs_jax.resynthesis import ResynthesisState
from jtfs_jax.resynthesis._descent import Row

from . import _checkpoint
from ._options import differences, of_the_run
from ._recording import facts_of, load, name_of, source_of

_FREE = {"steps", "spread"}  # options that may change when a run is resumed


class Metamer:
    """A metamer: its seed, its state, and a history with one row per step."""

    def __init__(self, seed: int):
        self.seed = seed
        self.state: ResynthesisState | None = None
        self.history: dict[str, list] = {name: [] for name in (*Row._fields, "seconds")}
        self._since: float | None = None

    @property
    def n_steps(self) -> int:
        """Number of steps done; row 0 of the history is the noise at the start."""
        return max(len(self.history["error"]) - 1, 0)

    def start_clock(self) -> None:
        """Count time from now on."""
        seconds = self.history["seconds"]
        self._since = time.monotonic() - (seconds[-1] if seconds else 0.0)

    def add(self, state: ResynthesisState) -> None:
        """Record a step."""
        self.state = state
        for name in Row._fields:
            self.history[name].append(np.asarray(getattr(state, name)).reshape(()))
        assert self._since is not None
        self.history["seconds"].append(time.monotonic() - self._since)


class Run:
    """All metamers of a run, the target, and the metadata of both.

    Metamers are made one at a time, so that their bits do not depend on how many there are.
    """

    def __init__(self, path: Path, x: Float[np.ndarray, "*channel time"], about: dict[str, Any]):
        self.path = path
        self.x = x
        self.about = about
        seeds = range(
            about["options"]["seed"], about["options"]["seed"] + about["options"]["count"]
        )
        self.metamers = [Metamer(seed % 2**32) for seed in seeds]
        self.apart: ResynthesisState | None = None  # of all metamers, once they are moved apart

    @property
    def begun(self) -> list[Metamer]:
        """The metamers with at least one step."""
        return [one for one in self.metamers if one.n_steps]

    @property
    def n_steps(self) -> int:
        """Number of steps done, for all metamers and for moving them apart."""
        return sum(one.n_steps for one in self.metamers) + self.n_apart

    @property
    def n_apart(self) -> int:
        """Number of steps done to move the metamers apart."""
        return self.about.get("apart", {}).get("steps", 0)

    @property
    def sounds(self) -> list[Float[np.ndarray, "*channel time"]]:
        """The metamers made so far, after moving apart if that has begun."""
        return self.found if self.apart is None else list(np.asarray(self.apart.y[0]))

    @property
    def found(self) -> list[Float[np.ndarray, "*channel time"]]:
        """The metamers made so far, before moving apart."""
        return [np.asarray(one.state.y)[0] for one in self.begun if one.state is not None]

    def move_apart(self, state: ResynthesisState, seconds: float) -> None:
        """Record a step that moved the metamers apart; the starting point does not count."""
        if self.apart is None:
            options = self.about["options"]
            self.about["apart"] = {"max_error": options["spread"], "of": options["steps"]}
        steps = self.n_apart + (self.apart is not None)
        self.about["apart"] |= {"steps": steps, "seconds": round(seconds, 3)}
        self.apart = state

    def save(self) -> None:
        """Write the state, completely or not at all."""
        begun = self.begun
        arrays: dict[str, Any] = {"target": self.x}
        arrays["rows"] = np.array([len(one.history["error"]) for one in begun])
        for name in (*Row._fields, "seconds"):
            arrays[f"history_{name}"] = together([one.history[name] for one in begun])
        for k, one in enumerate(begun):
            assert one.state is not None
            arrays |= _checkpoint.leaves(f"state_{k}", one.state)
            arrays[f"y_{k}"] = np.asarray(one.state.y)[0]
        if self.apart is not None:
            arrays |= _checkpoint.leaves("apart", self.apart)
        _checkpoint.write(self.path, self.about, arrays)

    def restore(
        self,
        arrays: dict[str, np.ndarray],
        like: ResynthesisState,
        like_apart: ResynthesisState | None = None,
    ) -> None:
        """Restore the run from arrays; `like` and `like_apart` have the shapes of states."""
        self.restore_history(arrays)
        for k, one in enumerate(self.begun):
            one.state = _checkpoint.restore(self.path, arrays, f"state_{k}", like)
        if like_apart is not None and "apart" in self.about:
            self.apart = _checkpoint.restore(self.path, arrays, "apart", like_apart)

    def restore_history(self, arrays: dict[str, np.ndarray]) -> None:
        """Restore the history of all steps, without the sounds."""
        for k, n_rows in enumerate(arrays["rows"]):
            one = self.metamers[k]
            one.history = {
                name: list(arrays[f"history_{name}"][:n_rows, k]) for name in one.history
            }


def begin_run(path: Path, options: argparse.Namespace) -> Run:
    """Return a new run, whose state will be written to `path`."""
    source = source_of(options.audio)
    x = of_channels(load(source, options))
    about = {
        "run": uuid.uuid4().hex,
        "audio": name_of(options.audio),
        "recording": facts_of(source),
        "commands": [],
        "options": of_the_run(options),
    }
    return Run(path, x, about)


def resume_run(path: Path, options: argparse.Namespace) -> tuple[Run, dict[str, np.ndarray]]:
    """Return the run saved at `path` and its arrays, and copy the run's options to `options`.

    Raises:
        ValueError: If there is no such state, or if an option or the recording differs.
    """
    about, arrays = _checkpoint.read(path)
    try:
        known, x, audio = about["options"], arrays["target"], about["audio"]
        free = {name: known.pop(name) for name in _FREE}
    except KeyError:
        raise ValueError(
            f"{path}: this is from another version of the program; leave out --resume."
        ) from None
    others = differences(options, known, options.given)
    if others:
        raise ValueError(
            f"{path}: this run was started with {'; '.join(others)}; leave out "
            f"{'this option' if len(others) == 1 else 'these options'} to continue it, or "
            f"--resume to start another run."
        )
    for name, value in known.items():
        setattr(options, name, value)
    for name in _FREE - options.given:
        setattr(options, name, free[name])
    apart = about.get("apart")
    if apart and (apart["max_error"], apart["of"]) != (options.spread, options.steps):
        del about["apart"]  # from other metamers, or with another bound: repeat it
    if options.audio is not None:
        _check_same_recording(options, x, audio, path)
    own = {name: getattr(options, name) for name in _FREE}
    return Run(path, x, about | {"options": known | own}), arrays


def together(columns: list[list[Any]]) -> np.ndarray:
    """Return an array of these columns, padding shorter columns with their last value."""
    n_rows = max(map(len, columns))
    return np.array([column + column[-1:] * (n_rows - len(column)) for column in columns]).T


def of_channels(x: Float[np.ndarray, "*channel time"]) -> Float[np.ndarray, "*channel time"]:
    """Return the sound, without the channel axis if it has only one channel."""
    return x[0] if x.ndim == 2 and len(x) == 1 else x


def _check_same_recording(
    options: argparse.Namespace, x: np.ndarray, name: str, path: Path
) -> None:
    found = of_channels(load(options.audio, options))
    if np.array_equal(found, x):
        return
    if str(options.audio) == name:
        reason = "this recording has changed since the run"
    else:
        reason = f"this recording differs from {name}, with which the run"
    raise ValueError(
        f"{options.audio}: {reason} of {path} was started; leave it out to continue that run, or "
        f"leave out --resume to start a new one."
    )
