"""One-line messages for expected errors; bugs are raised."""

import argparse
import contextlib
import errno
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import jax

from ._pipes import with_names

_OF_AN_ORDER = re.compile(r"(?<![\w./\\])([JQ])[12](?![\w/\\]|\.\w)")  # one option sets both orders
_POWER = re.compile(r"\b2\*\*(\w+)")


def error_line(command: str, error: BaseException) -> str:
    """Return the message of an error as one line."""
    return f"jtfs-jax {command}: error: {with_names(' '.join(str(error).split()))}"


def warning_line(text: str, names: Iterable[str]) -> str:
    """Return a warning of the library as one line, with arguments of these names as options."""
    return f"jtfs-jax: warning: {with_names(with_options(' '.join(text.split()), names))}"


def expected(error: Exception) -> Exception:
    """Return an error caused by input or by the machine; raise any other error, which is a bug."""
    if isinstance(error, OSError):
        return of_file(error)
    if isinstance(error, ValueError | ImportError):
        return error
    is_shortage = isinstance(error, jax.errors.JaxRuntimeError) and (
        "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)
    )
    if is_shortage or isinstance(error, MemoryError):
        return MemoryError("not enough memory; lower --duration")
    raise error


def exit_status(errors: Collection[BaseException]) -> int:
    """Return 0 without errors, 2 if any input was bad, and 1 for other failures."""
    if not errors:
        return 0
    return 2 if any(isinstance(error, ValueError) for error in errors) else 1


@contextlib.contextmanager
def in_options(recording: Path, options: argparse.Namespace) -> Iterator[None]:
    """Within this block, errors name the recording, and options instead of arguments."""
    try:
        yield
    except ValueError as error:
        text = str(error).removeprefix(f"{recording}: ")
        raise ValueError(f"{recording}: {with_options(text, vars(options))}") from error


def with_options(text: str, names: Iterable[str]) -> str:
    """Return a message of the library with arguments of these names written as options.

    Names such as `T` and `J_fr` are replaced wherever they occur as whole words; names that may be
    ordinary words (`start`, `channels`) are replaced only before "must" and "=".
    """

    def option(match: re.Match) -> str:
        value = next((value for value in match.group("text", "quoted", "number") if value), None)
        return f"--{match['name'].replace('_', '-')}" + ("" if value is None else f" {value}")

    text = _OF_AN_ORDER.sub(r"\1", text)
    words = [name for name in names if name.islower() and "_" not in name]
    others = [name for name in names if name not in words]
    text = _pattern(words, r"(?= must\b)").sub(option, text)
    text = _pattern(others, r"(?![\w/\\*=+-]|\.\w)").sub(option, text)
    return _POWER.sub(r"2^\1", text)


def with_keys(text: str, names: Iterable[str]) -> str:
    """Return a message about options with options of these names written as keys of a table."""
    for name in names:
        option = re.escape(f"--{name.replace('_', '-')}")
        text = re.sub(rf"(?<![\w-]){option}(?![\w-])", name, text)
    return text


def _pattern(names: Iterable[str], end: str) -> re.Pattern:
    """Match any of the names before "=" and a value or before `end`, not in paths or formulas."""
    value = r"""=(?:"(?P<text>[^"]*)"|'(?P<quoted>[^']*)'|(?P<number>[-+]?\d+(?:\.\d+)?))"""
    name = "|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)"
    return re.compile(rf"(?<![\w./\\*=+^-])(?P<name>{name})(?:{value}|{end})")


def of_file(error: OSError) -> OSError:
    """Return the error with the file first in its message, and with a cure if there is one."""
    if error.filename is None:
        return error
    cure = ""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        cure = "; free some space, or write elsewhere"
    reason = error.strerror or "it cannot be written"
    reason = reason[0].lower() + reason[1:]
    return OSError(f"{error.filename}: {reason}{cure}")
