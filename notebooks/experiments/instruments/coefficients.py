"""Coefficients of many sounds on disk: computed once, and read a few at a time.

A file is an array with one structured row per sound. All coefficients of a sound are contiguous,
so that training works with sets that do not fit in memory.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from tqdm import tqdm

import jtfs_jax
from experiments.storage import replacing

from .medley import Subset, read

BATCH = 8  # sounds transformed at a time
CHUNK = 64  # sounds read at a time

Coefficients = dict[str, Any]  # arrays by name; the first axis is for sounds


def extract(frontend: Any, subset: Subset, folder: Path, *, label: str = "") -> np.ndarray:
    """Return the coefficients of the clips, from disk if they were computed before.

    Args:
        frontend: Object with a method `transform`, and with `settings` that identify it.
        subset: The clips, identified by their file names.
        folder: Folder for the files.
        label: Label of the progress bar.

    Returns:
        A memory-mapped array with one row per sound.
    """
    path = folder / f"{frontend.settings['frontend']}-{_key(frontend.settings, subset)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            _write(frontend, subset, partial, label)
    return np.load(path, mmap_mode="r")


def take(rows: np.ndarray, index: Any) -> Coefficients:
    """Return the coefficients of some sounds."""
    taken = rows[index]
    return {name: jnp.asarray(taken[name]) for name in rows.dtype.names}


def chunks(rows: np.ndarray) -> Iterator[tuple[Coefficients, int]]:
    """Yield all coefficients in chunks, each with its number of sounds."""
    for first in range(0, len(rows), CHUNK):
        yield take(rows, slice(first, first + CHUNK)), min(CHUNK, len(rows) - first)


def _write(frontend: Any, subset: Subset, path: Path, label: str) -> None:
    n = len(subset.paths)
    rows = np.empty(0)
    with tqdm(total=n, desc=label, unit="clip") as bar:
        for first in range(0, n, BATCH):
            last = min(first + BATCH, n)
            found = frontend.transform(_sounds(subset.paths[first:last]))
            if first == 0:
                kinds = [(name, np.float32, np.shape(array)[1:]) for name, array in found.items()]
                rows = np.lib.format.open_memmap(path, mode="w+", dtype=kinds, shape=(n,))
            for name, array in found.items():
                rows[name][first:last] = np.asarray(array)[: last - first]
            bar.update(last - first)


def _sounds(paths: tuple[Path, ...]) -> Float[np.ndarray, "sound time"]:
    """Return sounds with standard deviation 1, repeating the last one to fill the batch."""
    x = np.stack([read(path) for path in paths])
    x = x / x.std(axis=1, keepdims=True)
    return np.concatenate([x, np.repeat(x[-1:], BATCH - len(x), axis=0)])


def _key(settings: dict[str, Any], subset: Subset) -> str:
    names = [path.name for path in subset.paths]
    identity = json.dumps([jtfs_jax.__version__, settings, names], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
