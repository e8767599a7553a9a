"""State files from which a run resumes: arrays, pytrees of arrays, and metadata as JSON."""

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jtfs_jax._files import save_arrays

_Pytree = TypeVar("_Pytree")
_CURE = "leave out --resume"


def write(path: Path, about: dict[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write named arrays and their metadata, completely or not at all."""
    save_arrays(path, {"about": np.array(json.dumps(about)), **arrays})


def leaves(name: str, tree: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a pytree, named so that `restore` finds them."""
    return {f"{name}_{n}": np.asarray(leaf) for n, leaf in enumerate(jax.tree.leaves(tree))}


def read(
    path: Path, names: Iterable[str] | None = None, *, cure: str = _CURE
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the metadata and arrays that `write` wrote: all arrays, or only the named ones.

    Raises:
        ValueError: If there is no such file, or `write` did not write it.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file to resume from; {cure}.")
    try:
        with path.open("rb") as file:  # np.load does not close a file that it cannot read
            stored = np.load(file, allow_pickle=False)
            about = json.loads(str(stored["about"]))
            others = (name for name in stored if name != "about")
            arrays = {name: stored[name] for name in (others if names is None else names)}
    except (
        OSError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(f"{path}: this is not the state of a run ({error}); {cure}.") from error
    return about, arrays


def restore(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    name: str,
    like: _Pytree,
    *,
    cure: str = _CURE,
) -> _Pytree:
    """Return the pytree of this name, with the structure, shapes and dtypes of `like`."""
    expected, tree = jax.tree.flatten(like)
    found = [arrays.get(f"{name}_{n}") for n in range(len(expected))]
    for leaf, shape in zip(found, expected, strict=True):
        if leaf is None or (leaf.shape, leaf.dtype) != (shape.shape, shape.dtype):
            raise ValueError(f"{path}: this is from another version of the program; {cure}.")
    return jax.tree.unflatten(tree, [jnp.asarray(leaf) for leaf in found])
