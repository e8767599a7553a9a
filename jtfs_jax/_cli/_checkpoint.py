"""Files from which a run goes on: arrays, and as text what they belong to."""

import json
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jtfs_jax._files import save_arrays

_Pytree = TypeVar("_Pytree")


def write(path: Path, settings: dict[str, Any], history: dict[str, list], state: Any) -> None:
    """Write a pytree of arrays, its history and its settings; whole or not at all."""
    arrays: dict[str, Any] = {"settings": np.array(json.dumps(settings))}
    arrays |= {f"history_{name}": np.array(rows) for name, rows in history.items()}
    arrays |= {f"leaf_{n}": np.asarray(leaf) for n, leaf in enumerate(jax.tree.leaves(state))}
    save_arrays(path, arrays)


def read(path: Path, settings: dict[str, Any], like: _Pytree) -> tuple[dict[str, list], _Pytree]:
    """What `write` has written: the history, and a pytree of the structure of `like`.

    Raises:
        ValueError: If there is no such file, or it is none, or of other settings.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file to resume from; leave out --resume.")
    try:
        with path.open("rb") as file:  # np.load leaves open what it cannot read
            arrays = dict(np.load(file, allow_pickle=False))
        found = json.loads(str(arrays.pop("settings")))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: this is not the state of a run ({error}); leave out --resume."
        ) from error
    wanted = json.loads(json.dumps(settings))
    names = [name for name in wanted | found if found.get(name) != wanted.get(name)]
    if names:
        differences = ", ".join(f"{n} was {found.get(n)!r}, not {wanted.get(n)!r}" for n in names)
        raise ValueError(
            f"{path}: it was written with other settings: {differences}; resume with these, or "
            f"leave out --resume."
        )
    expected, tree = jax.tree.flatten(like)
    leaves = [arrays.get(f"leaf_{n}") for n in range(len(expected))]
    for leaf, shape in zip(leaves, expected, strict=True):
        if leaf is None or (leaf.shape, leaf.dtype) != (shape.shape, shape.dtype):
            raise ValueError(
                f"{path}: it is from another version of the program; leave out --resume."
            )
    history = {
        name.removeprefix("history_"): list(rows)
        for name, rows in arrays.items()
        if name.startswith("history_")
    }
    return history, jax.tree.unflatten(tree, [jnp.asarray(leaf) for leaf in leaves])
