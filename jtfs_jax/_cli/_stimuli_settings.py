"""Settings of stimuli: how to parse their values, and the conditions that they define."""

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ._options import Parser, add_sampling, add_scattering, add_search, integer, number

OF_THE_SET = ("level", "target_level", "ramp")
OF_THE_PART = ("start", "duration", "sample_rate", "channels")
OF_THE_TRANSFORM = ("transform", "J", "Q", "T", "J_fr", "Q_fr", "F", "preset")
OF_THE_SEARCH = ("optimizer", "steps")
SETTINGS = (*OF_THE_PART, *OF_THE_TRANSFORM, *OF_THE_SEARCH)
AS_RECORDED = "as recorded"
_JOINT = ("J_fr", "Q_fr", "F")  # not used by time scattering


class Condition(NamedTuple):
    """Metamers of a recording that differ only in their seeds."""

    place: str  # in the table
    recording: str  # name in the table
    source: Path
    seeds: tuple[int, ...]
    options: argparse.Namespace  # as in `jtfs-jax metamer`

    @property
    def settings(self) -> dict[str, Any]:
        """Settings by name; None means the default, or that a setting has no effect."""
        return {name: getattr(self.options, name) for name in SETTINGS}

    @property
    def identity(self) -> tuple:
        """Key that is unique to the condition."""
        return (os.path.abspath(self.source), *self.settings.values())


def read_seeds(place: str, given: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the seeds in `seeds` (a number or a list) or `seed` (one or a list); default: 0."""
    if len(given) > 1:
        raise ValueError(f"{place}: seeds and seed mean the same; remove one of them.")
    for name, value in given.items():
        if name == "seeds" and not isinstance(value, list):
            return tuple(range(_options(_SEEDS, {name: value}, place).seeds))
        values = value if isinstance(value, list) else [value]
        seeds = [_options(_METAMER, {"seed": one}, place).seed for one in values]
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError(f"{place}: {name} must be different numbers, got {value}.")
        return tuple(seeds)
    return (0,)


def read_condition(
    path: Path, place: str, settings: Mapping[str, Any], seeds: tuple[int, ...]
) -> Condition:
    """Return the condition of these settings; `recording` is a path relative to the table."""
    recording = settings["recording"]
    given = {name: value for name, value in settings.items() if name != "recording"}
    options = _options(_METAMER, given, place)
    for name in SETTINGS:
        if not has_meaning(name, options.transform):
            setattr(options, name, None)
    return Condition(place, recording, path.parent / recording, seeds, options)


def has_meaning(name: str, transform: str) -> bool:
    """Return whether the sounds depend on the setting."""
    return transform == "jtfs" or name not in _JOINT


class _Reader(Parser):
    """A parser of values in a table that raises errors."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as a `ValueError`."""
        raise ValueError(message)


def read_of_the_set(given: Mapping[str, Any], place: str) -> argparse.Namespace:
    """Parse the settings that are the same for all stimuli."""
    options = _options(_SET, given, place)
    if options.level == AS_RECORDED and "target_level" in given:
        raise ValueError(
            f'{place}: target_level has no effect if level is "{AS_RECORDED}"; remove it, or set '
            f'level to "rms" or "loudness".'
        )
    return options


def _options(reader: _Reader, given: Mapping[str, Any], place: str) -> argparse.Namespace:
    """Parse each value like the option of the same name; use defaults for all others."""
    for name, value in given.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ValueError(f"{place}: {name} must be a number or a string, got {value!r}.")
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    try:
        return reader.parse_args(words)
    except ValueError as error:
        option, _, reason = str(error).removeprefix("argument --").partition(": ")
        raise ValueError(f"{place}: {option.replace('-', '_')}: {reason}") from error


def _readers() -> Iterator[_Reader]:
    metamer = _Reader(add_help=False)
    add_search(metamer)
    add_sampling(metamer, each="each", default="each")
    add_scattering(metamer, choice=True)
    yield metamer
    seeds = _Reader(add_help=False)
    seeds.add_argument("--seeds", type=integer(1, 100_000))
    yield seeds
    of_the_set = _Reader(add_help=False)
    of_the_set.add_argument(
        "--level", choices=["rms", "loudness", AS_RECORDED], default=AS_RECORDED
    )
    of_the_set.add_argument("--target-level", type=number(-120, 0), default=-23.0)
    of_the_set.add_argument("--ramp", type=number(0, 1000), default=0.0)
    yield of_the_set


_METAMER, _SEEDS, _SET = _readers()
