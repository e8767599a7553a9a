"""Tables of stimuli: TOML with lists to be crossed, or CSV with one row per condition."""

import csv
import io
import itertools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jtfs_jax._datasets._recordings import text_of

from ._stimuli_settings import (
    OF_THE_SET,
    SETTINGS,
    Condition,
    read_condition,
    read_of_the_set,
    read_seeds,
)

SUFFIXES = (".toml", ".csv")
_OF_AN_ENTRY = ("path", "start", "duration")  # keys of a recording in TOML
_KEYS = ("recordings", *SETTINGS, "seeds", "seed", *OF_THE_SET)


class Table(NamedTuple):
    """A set of stimuli as described by a file."""

    path: Path
    conditions: list[Condition]
    level: str
    target_level: float  # dB re full scale, or LUFS
    ramp: float  # s
    as_read: Any  # for JSON


def read_table(path: Path) -> Table:
    """Read a table and check each of its values separately.

    Raises:
        ValueError: If a value is invalid; the message gives the place in the table and a cure.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: the name of a table must end in {' or '.join(SUFFIXES)}.")
    text = text_of(path, "table")
    read = _of_toml if suffix == ".toml" else _of_csv
    as_read, conditions, of_the_set = read(path, text)
    conditions = _joined(path, conditions)
    options = read_of_the_set(of_the_set, str(path))
    return Table(path, conditions, options.level, options.target_level, options.ramp, as_read)


def _of_toml(path: Path, text: str) -> tuple[Any, list[Condition], dict[str, Any]]:
    """Return the table as read, conditions in the order of the lists, and settings of the set."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: this is not valid TOML ({error}); correct it there.") from error
    _check_keys(str(path), table, _KEYS)
    entries = [_entry(path, entry) for entry in _values(path, "recordings", table)]
    seeds = read_seeds(str(path), {key: table[key] for key in ("seeds", "seed") if key in table})
    names = [name for name in SETTINGS if name in table]
    lists = [_values(path, name, table) for name in names]
    conditions: dict[tuple, Condition] = {}
    for entry, *values in itertools.product(entries, *lists):
        settings = dict(zip(names, values, strict=True)) | entry
        condition = read_condition(path, str(path), settings, seeds)
        conditions.setdefault(condition.identity, condition)  # time scattering ignores J_fr
    return table, list(conditions.values()), _of_the_set(table)


def _of_csv(path: Path, text: str) -> tuple[Any, list[Condition], dict[str, Any]]:
    """Return the same as `_of_toml`; empty cells mean defaults."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = list(reader.fieldnames or ())
    if "recording" not in columns:
        raise ValueError(
            f"{path}: the first line must name the columns, separated by commas, one of which is "
            f"recording, got {', '.join(columns) or 'none'}."
        )
    _check_keys(f"{path}: line 1", columns, ("recording", *_KEYS[1:]))
    rows: list[dict[str, str]] = []
    conditions: list[Condition] = []
    try:
        for row in reader:
            place = f"{path}: line {reader.line_num}"
            if None in row or None in row.values():
                raise ValueError(f"{place} must have as many columns as the first line.")
            given = {key: value.strip() for key, value in row.items() if value.strip()}
            if not given:
                continue
            if "recording" not in given:
                raise ValueError(f"{place} has no recording; name the file there.")
            settings = {name: given[name] for name in given if name in (*SETTINGS, "recording")}
            words = {key: given[key].split() for key in ("seeds", "seed") if key in given}
            seeds = {key: word[0] if len(word) == 1 else word for key, word in words.items()}
            conditions.append(read_condition(path, place, settings, read_seeds(place, seeds)))
            rows.append(given)
    except csv.Error as error:
        raise ValueError(f"{path}: line {reader.line_num} is not valid CSV ({error}).") from error
    if not rows:
        raise ValueError(f"{path}: this table has no conditions; add some below its header.")
    of_the_set = [_of_the_set(row) for row in rows]
    for name in OF_THE_SET:
        found = sorted({row.get(name, "") for row in of_the_set})
        if len(found) > 1:
            raise ValueError(
                f"{path}: {name} applies to the whole set and must be the same in all lines, got "
                f"{' and '.join(map(repr, found[:2]))}; make one set for each."
            )
    return rows, conditions, of_the_set[0]


def _of_the_set(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in OF_THE_SET if name in values}


def _check_keys(place: str, keys: Iterable[str], known: Sequence[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key not in known:
            raise ValueError(f"{place}: {key!r} is not a setting; use {', '.join(known)}.")
        if key in seen:
            raise ValueError(f"{place}: {key} occurs twice; remove one of the columns.")
        seen.add(key)


def _values(path: Path, name: str, table: Mapping[str, Any]) -> list[Any]:
    """Return the values of a key as a list, even if it has a single value."""
    found = table.get(name)
    values = found if isinstance(found, list) else [] if found is None else [found]
    if not values:
        raise ValueError(f"{path}: {name} must have at least one value; add some.")
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{path}: {name} lists {value!r} twice; remove one of them.")
    return values


def _entry(path: Path, entry: Any) -> dict[str, Any]:
    """Return the settings of a recording, given by name or as a table with a path."""
    settings = dict(entry) if isinstance(entry, dict) else {"path": entry}
    _check_keys(f"{path}: recordings", settings, _OF_AN_ENTRY)
    name = settings.pop("path", None)
    if not isinstance(name, str) or not name:
        raise ValueError(
            f'{path}: recordings must be file names, or tables such as {{path = "bird.wav", '
            f"start = 1.5}}, got {entry!r}."
        )
    return {"recording": name, **settings}


def _joined(path: Path, conditions: Sequence[Condition]) -> list[Condition]:
    """Merge conditions with the same settings, and their seeds, which must be different."""
    found: dict[tuple, Condition] = {}
    for condition in conditions:
        first = found.setdefault(condition.identity, condition)
        if first is condition:
            continue
        if both := set(first.seeds) & set(condition.seeds):
            raise ValueError(
                f"{condition.place} has the same settings and seed {min(both)} as "
                f"{first.place.removeprefix(f'{path}: ')}; change or remove one of them."
            )
        seeds = (*first.seeds, *condition.seeds)
        found[condition.identity] = first._replace(seeds=seeds)
    return list(found.values())
