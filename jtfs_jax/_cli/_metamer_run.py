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

_FREE = {"steps", "spread"}  # options that may change when a run goes on


class Metamer:
    """One metamer: the seed that makes it, its state, and a row of the history for each step."""

    def __init__(self, seed: int):
        self.seed = seed
        self.state: ResynthesisState | None = None
        self.history: dict[str, list] = {name: [] for name in (*Row._fields, "seconds")}
        self._since: float | None = None

    @property
    def n_steps(self) -> int:
        """Steps done; row 0 of the history is the noise at the start."""
        return max(len(self.history["error"]) - 1, 0)

    def start_clock(self) -> None:
        """Time counts from now on."""
        seconds = self.history["seconds"]
        self._since = time.monotonic() - (seconds[-1] if seconds else 0.0)

    def add(self, state: ResynthesisState) -> None:
        """Take note of a step."""
        self.state = state
        for name in Row._fields:
            self.history[name].append(np.asarray(getattr(state, name)).reshape(()))
        assert self._since is not None
        self.history["seconds"].append(time.monotonic() - self._since)


class Run:
    """All metamers of a run, the sound that they approach, and what records say of both.

    They are made one after another, each as if alone: so the batch does not matter to its bits.
    """

    def __init__(self, path: Path, x: Float[np.ndarray, "*channel time"], about: dict[str, Any]):
        self.path = path
        self.x = x
        self.about = about
        seeds = range(
            about["options"]["seed"], about["options"]["seed"] + about["options"]["count"]
        )
        self.metamers = [Metamer(seed % 2**32) for seed in seeds]
        self.apart: ResynthesisState | None = None  # all together, once they are moved apart

    @property
    def begun(self) -> list[Metamer]:
        """The metamers that are more than the noise at their start."""
        return [one for one in self.metamers if one.n_steps]

    @property
    def n_steps(self) -> int:
        """Steps done of all metamers, and of all together when they are moved apart."""
        return sum(one.n_steps for one in self.metamers) + self.n_apart

    @property
    def n_apart(self) -> int:
        """Steps done by which the metamers were moved apart."""
        return self.about.get("apart", {}).get("steps", 0)

    @property
    def sounds(self) -> list[Float[np.ndarray, "*channel time"]]:
        """The metamers made so far, moved apart if they are."""
        return self.found if self.apart is None else list(np.asarray(self.apart.y[0]))

    @property
    def found(self) -> list[Float[np.ndarray, "*channel time"]]:
        """The metamers made so far, as each was found by itself."""
        return [np.asarray(one.state.y)[0] for one in self.begun if one.state is not None]

    def move_apart(self, state: ResynthesisState, seconds: float) -> None:
        """Take note of a step by which the metamers were moved apart; the start is none."""
        if self.apart is None:
            options = self.about["options"]
            self.about["apart"] = {"max_error": options["spread"], "of": options["steps"]}
        steps = self.n_apart + (self.apart is not None)
        self.about["apart"] |= {"steps": steps, "seconds": round(seconds, 3)}
        self.apart = state

    def save(self) -> None:
        """Write the state, whole or not at all."""
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
        """Go on from these arrays; `like` and `like_apart` have the shapes of states."""
        self.restore_history(arrays)
        for k, one in enumerate(self.begun):
            one.state = _checkpoint.restore(self.path, arrays, f"state_{k}", like)
        if like_apart is not None and "apart" in self.about:
            self.apart = _checkpoint.restore(self.path, arrays, "apart", like_apart)

    def restore_history(self, arrays: dict[str, np.ndarray]) -> None:
        """Know of the steps that were taken, without the sounds."""
        for k, n_rows in enumerate(arrays["rows"]):
            one = self.metamers[k]
            one.history = {
                name: list(arrays[f"history_{name}"][:n_rows, k]) for name in one.history
            }


def begin_run(path: Path, options: argparse.Namespace) -> Run:
    """A new run, whose state is going to be at `path`."""
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
    """The run whose state is at `path`, and its arrays; its options become those of the command.

    Raises:
        ValueError: If there is no such state, or if an option or the recording is another one.
    """
    about, arrays = _checkpoint.read(path)
    try:
        known, x, audio = about["options"], arrays["target"], about["audio"]
        free = {name: known.pop(name) for name in _FREE}
    except KeyError:
        raise ValueError(
            f"{path}: it is from another version of the program; leave out --resume."
        ) from None
    others = differences(options, known, options.given)
    if others:
        raise ValueError(
            f"{path}: this run was begun with {'; '.join(others)}; leave out "
            f"{'this option' if len(others) == 1 else 'these options'} to go on with it, or "
            f"--resume to make another one."
        )
    for name, value in known.items():
        setattr(options, name, value)
    for name in _FREE - options.given:
        setattr(options, name, free[name])
    apart = about.get("apart")
    if apart and (apart["max_error"], apart["of"]) != (options.spread, options.steps):
        del about["apart"]  # of other metamers, or within another bound: to be done again
    if options.audio is not None:
        _check_same_recording(options, x, audio, path)
    own = {name: getattr(options, name) for name in _FREE}
    return Run(path, x, about | {"options": known | own}), arrays


def together(columns: list[list[Any]]) -> np.ndarray:
    """Columns of a table; those that end early keep their last value."""
    n_rows = max(map(len, columns))
    return np.array([column + column[-1:] * (n_rows - len(column)) for column in columns]).T


def of_channels(x: Float[np.ndarray, "*channel time"]) -> Float[np.ndarray, "*channel time"]:
    """The sound; a single channel has no axis."""
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
        reason = f"this is another recording than {name}, from which the run"
    raise ValueError(
        f"{options.audio}: {reason} of {path} was begun; leave it out to go on with that one, or "
        f"leave out --resume to begin anew."
    )
