"""A set of stimuli: recordings as used, and their metamers, in memory and on disk."""

import contextlib
import importlib.metadata
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from . import _checkpoint
from ._errors import with_keys
from ._metamer_run import Metamer, Run, of_channels
from ._options import differences, of_the_run
from ._recording import facts_of, load
from ._search import Search, search_for
from ._stimuli_levels import gain_of
from ._stimuli_names import names_of
from ._stimuli_settings import SETTINGS, Condition
from ._stimuli_table import Table

STATES = ".state"
_SUFFIX = ".npz"
_HISTORY = ("rows", "target", *(f"history_{name}" for name in Metamer(0).history))
_CURE = "remove it to recompute this metamer"


class Target(NamedTuple):
    """A recording as used: cut and resampled."""

    name: str
    condition: Condition  # one of the conditions that use it
    x: Float[np.ndarray, "*channel time"]
    facts: dict[str, object]
    gain: float  # brings it to the level of the table

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self.condition.options.sample_rate

    @property
    def file(self) -> Path:
        """File of the target, relative to the folder of the set."""
        return Path(self.name, f"{self.name}.target.wav")


class Stimulus(NamedTuple):
    """A metamer of the set."""

    target: Target
    condition: Condition
    of_condition: str
    seed: int
    run: Run  # of this metamer alone

    @property
    def name(self) -> str:
        """Unique name of the metamer."""
        return f"{self.of_condition}-seed{self.seed}"

    @property
    def file(self) -> Path:
        """File of the metamer, relative to the folder of the set."""
        return Path(self.target.name, f"{self.name}.wav")

    @property
    def one(self) -> Metamer:
        """Seed, state and history of the metamer."""
        return self.run.metamers[0]

    @property
    def program(self) -> tuple:
        """Key that is equal for stimuli with the same filters and compiled programs."""
        settings = self.condition.settings
        names = ("transform", "J", "Q", "T", "J_fr", "Q_fr", "F", "preset", "optimizer")
        return (self.run.x.shape, *(settings[name] for name in names))

    @property
    def n_steps(self) -> int:
        """Number of steps that the table requests."""
        return self.condition.options.steps

    def search(self) -> Search:
        """Return the search for the metamer."""
        with in_table(self.condition):
            return search_for(self.condition.source, self.run.x, self.condition.options)

    def begin(self, search: Search) -> None:
        """Restore the state from disk, if there is one."""
        if self.one.n_steps:
            _, arrays = _checkpoint.read(self.run.path, cure=_CURE)
            self.run.restore(arrays, search.state_like())

    def end(self) -> None:
        """Save the metamer and free its state in memory."""
        if self.one.n_steps:
            self.run.save()
        self.one.state = None

    def sound(self) -> Float[np.ndarray, "*channel time"]:
        """Read the metamer as found, before ramps and gains."""
        _, arrays = _checkpoint.read(self.run.path, ["y_0"], cure=_CURE)
        return arrays["y_0"]


def states_in(folder: Path) -> list[Path]:
    """Return the states of metamers, except incomplete files."""
    paths = (folder / STATES).glob(f"*{_SUFFIX}")
    return sorted(path for path in paths if not path.name.startswith("."))


class StimulusSet:
    """All stimuli of a table, in the order of the table."""

    def __init__(self, table: Table, folder: Path, run: str):
        self.table = table
        self.folder = folder
        self.targets: list[Target] = []
        self.stimuli: list[Stimulus] = []
        self.current: Stimulus | None = None
        parts: dict[str, Target] = {}
        names = names_of(table.conditions)
        for condition, (part, name) in zip(table.conditions, names, strict=True):
            if part not in parts:
                parts[part] = _target(part, condition, table)
            for seed in condition.seeds:
                self.stimuli.append(self._stimulus(parts[part], condition, name, seed, run))
        self.targets = list(parts.values())

    @property
    def n_steps(self) -> int:
        """Number of steps done for all metamers together."""
        return sum(stimulus.one.n_steps for stimulus in self.stimuli)

    @property
    def total(self) -> int:
        """Total number of steps that the table requests."""
        return sum(stimulus.n_steps for stimulus in self.stimuli)

    @property
    def left(self) -> list[Stimulus]:
        """Incomplete stimuli, grouped by shared programs."""
        groups: dict[tuple, list[Stimulus]] = {}
        for stimulus in self.stimuli:
            if stimulus.one.n_steps < stimulus.n_steps:
                groups.setdefault(stimulus.program, []).append(stimulus)
        return [stimulus for group in groups.values() for stimulus in group]

    def searches(self) -> Iterator[tuple[Stimulus, Search]]:
        """Yield each incomplete stimulus with its search; stimuli share filters if they can."""
        program, search = None, None
        for stimulus in self.left:
            if search is None or stimulus.program != program:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # shown earlier, during the check
                    program, search = stimulus.program, stimulus.search()
            yield stimulus, search._replace(x=stimulus.run.x)

    def save(self) -> None:
        """Write the state of the current metamer."""
        if self.current is not None and self.current.one.n_steps:
            self.current.run.save()

    def restore(self) -> None:
        """Restore the histories of all metamers on disk.

        Raises:
            ValueError: If one of them is not what the table requests.
        """
        named = {stimulus.run.path.name: stimulus for stimulus in self.stimuli}
        for path in states_in(self.folder):
            about, arrays = _checkpoint.read(path, _HISTORY, cure=_CURE)
            stimulus = named.get(path.name)
            if stimulus is None:
                if about["run"] != self.stimuli[0].run.about["run"]:
                    continue  # from an earlier set in this folder
                raise ValueError(
                    f"{self.folder}: {self.table.path} does not request the metamer "
                    f"{path.name.removesuffix(_SUFFIX)} of this set, but others such as "
                    f"{self.stimuli[0].name}; {self._cure}."
                )
            if about["run"] == stimulus.run.about["run"]:
                self._check_same(stimulus, about, arrays)
                stimulus.run.about["jtfs_jax"] = about["jtfs_jax"]
                stimulus.run.restore_history(arrays)

    @property
    def _cure(self) -> str:
        return (
            "change the table back to continue this set, or give another --output, or "
            "--overwrite to start over"
        )

    def _check_same(self, stimulus: Stimulus, about: dict[str, Any], arrays: dict) -> None:
        place = f"{self.folder}: the metamer {stimulus.name} of this set was made"
        known = about["options"] | {"steps": stimulus.n_steps}
        others = differences(stimulus.condition.options, known, SETTINGS)
        if others:
            text = with_keys("; ".join(others), SETTINGS)
            raise ValueError(f"{place} with {text}; {self._cure}.")
        if not np.array_equal(arrays["target"], stimulus.run.x):
            raise ValueError(
                f"{place} from a recording that differs from the current "
                f"{stimulus.condition.source}; {self._cure}."
            )
        done = int(arrays["rows"][0]) - 1
        if done > stimulus.n_steps:
            raise ValueError(
                f"{place} with {done} steps, but {self.table.path} requests {stimulus.n_steps}; "
                f"{self._cure}."
            )

    def _stimulus(
        self, target: Target, condition: Condition, name: str, seed: int, run: str
    ) -> Stimulus:
        about = {
            "run": run,
            "audio": condition.recording,
            "recording": target.facts,
            "options": of_the_run(condition.options) | {"seed": seed, "count": 1},
            "jtfs_jax": importlib.metadata.version("jtfs_jax"),
        }
        path = self.folder / STATES / f"{name}-seed{seed}{_SUFFIX}"
        return Stimulus(target, condition, name, seed, Run(path, target.x, about))


def _target(name: str, condition: Condition, table: Table) -> Target:
    options = condition.options
    with in_table(condition):
        x = of_channels(load(condition.source, options))
        gain = gain_of(condition.source, x, options.sample_rate, table)
        return Target(name, condition, x, facts_of(condition.source), gain)


def seconds_of(the_set: StimulusSet, first: Search) -> float:
    """Estimate the time of the remaining steps from one step of the first stimulus."""
    per_sample = first.seconds_of_step() / _work(first.x)
    return per_sample * sum(
        (stimulus.n_steps - stimulus.one.n_steps) * _work(stimulus.run.x)
        for stimulus in the_set.left
    )


def _work(x: np.ndarray) -> int:
    """Return the work of a step in relative units: the samples of all mixtures of channels."""
    return x.shape[-1] * math.prod(x.shape[:-1]) ** 2


@contextlib.contextmanager
def in_table(condition: Condition) -> Iterator[None]:
    """Within this block, errors name the place in the table, and keys instead of options."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{condition.place}: {with_keys(str(error), SETTINGS)}") from error
