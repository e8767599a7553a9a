"""Names of stimuli, with the settings that vary: `guitar/guitar-start1.5-jtfs-T2048-seed0.wav`."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ._options import plain
from ._stimuli_settings import (
    OF_THE_PART,
    OF_THE_SEARCH,
    OF_THE_TRANSFORM,
    Condition,
    has_meaning,
)

_ALONE = ("transform", "preset", "optimizer", "channels")  # values that need no name before them


def names_of(conditions: Sequence[Condition]) -> list[tuple[str, str]]:
    """Return two names for each condition: of the part of the recording, and of the condition.

    The first name includes the settings that vary between parts of a recording. The second name
    also includes the other settings that vary within the set.
    """
    stems = _stems(condition.source for condition in conditions)
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for condition in conditions:
        parts.setdefault(stems[_place(condition.source)], []).append(condition.settings)
    others = (*OF_THE_TRANSFORM, *OF_THE_SEARCH)
    varying = _varying(others, [condition.settings for condition in conditions])
    names = []
    for condition in conditions:
        stem = stems[_place(condition.source)]
        part = _named(stem, condition.settings, _varying(OF_THE_PART, parts[stem]))
        names.append((part, _named(part, condition.settings, varying)))
    _check_different(conditions, names)
    return names


def _place(source: Path) -> str:
    return os.path.abspath(source)


def _stems(sources: Iterable[Path]) -> dict[str, str]:
    """Return a name for each recording, with numbers to distinguish equal names."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for source in sources:
        if _place(source) in found:
            continue
        stem, number = source.stem, 1
        while stem.casefold() in taken:  # as some file systems ignore case
            number += 1
            stem = f"{source.stem}-{number}"
        taken.add(stem.casefold())
        found[_place(source)] = stem
    return found


def _varying(names: Iterable[str], settings: Collection[Mapping[str, Any]]) -> list[str]:
    return [
        name
        for name in names
        if len({each[name] for each in settings if has_meaning(name, each["transform"])}) > 1
    ]


def _named(stem: str, settings: Mapping[str, Any], varying: Iterable[str]) -> str:
    words = [_word(name, settings[name]) for name in varying if settings[name] is not None]
    return "-".join([stem, *words])


def _word(name: str, value: Any) -> str:
    if name in _ALONE:
        return value
    return f"{value}Hz" if name == "sample_rate" else f"{name}{plain(value)}"


def _check_different(conditions: Sequence[Condition], names: Sequence[tuple[str, str]]) -> None:
    seen: dict[str, Condition] = {}
    for condition, (_, name) in zip(conditions, names, strict=True):
        other = seen.setdefault(name.casefold(), condition)
        if other is not condition:
            raise ValueError(
                f"{condition.place}: {condition.recording} and {other.recording} would both be "
                f"named {name}; rename one of the recordings."
            )
