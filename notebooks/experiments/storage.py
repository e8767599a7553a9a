"""Atomic replacement of files, and storage of arrays and of checkpoints to resume from."""

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import numpy as np

_Pytree = TypeVar("_Pytree")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; its file replaces `path` if the block succeeds."""
    partial = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays for `numpy.load`."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)


def save_checkpoint(
    path: Path, tree: Any, *, settings: Mapping[str, Any], history: Mapping[str, Any]
) -> None:
    """Write a line of JSON with settings and history, followed by the leaves of a pytree."""
    header = json.dumps({"settings": settings, "history": history})
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(f"{header}\n".encode())
        eqx.tree_serialise_leaves(file, tree)


def load_checkpoint(
    path: Path, like: _Pytree, *, settings: Mapping[str, Any]
) -> tuple[_Pytree, dict[str, Any]]:
    """Return the pytree, with the structure of `like`, and the history of a checkpoint.

    Raises:
        ValueError: If there is no such file, it is not a checkpoint, or its settings differ.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file to resume from; start over.")
    with path.open("rb") as file:
        try:
            header = json.loads(file.readline())
            found, history = header["settings"], header["history"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: this is not a checkpoint ({error}); start over.") from error
        _check_settings(path, found, json.loads(json.dumps(settings)))
        try:
            return eqx.tree_deserialise_leaves(file, like), history
        except (EOFError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"{path}: its arrays do not fit these settings ({error}); start over."
            ) from error


def _check_settings(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    differences = ", ".join(
        f"{name} was {found.get(name)!r}, not {expected.get(name)!r}"
        for name in expected | found
        if found.get(name) != expected.get(name)
    )
    if differences:
        raise ValueError(
            f"{path}: this was written with other settings: {differences}; resume with these, or "
            f"start over."
        )
