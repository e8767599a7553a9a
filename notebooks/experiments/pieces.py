"""Metamer of a long recording beside metamers of its parts. In notebooks/:

    python -m experiments.pieces RECORDING

A recording is cut into parts of 2^15 samples at 11,025 Hz (3 s). Errors are measured in the frames
of the whole recording and in the frames of each part, for the metamer of the recording and for
metamers of its parts, joined; and for each of the latter alone, with silence around it. For a
minute of sound and 100 steps, both kinds together took an hour of processor time.
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jtfs_jax
from jtfs_jax import audio
from jtfs_jax.resynthesis import metamer

from .display import Table

RATE, N_SAMPLES = 11025, 2**15
SETTINGS: dict[str, Any] = {"J": 11, "Q": 12, "T": 2**13, "J_fr": 3}
transform = jtfs_jax.segmented(jtfs_jax.jtfs)


def load(path: Path) -> np.ndarray:
    """Load the parts of a recording, `(part, time)`; what remains at its end is left out."""
    x = audio.load(path, RATE)
    n_parts = len(x) // N_SAMPLES
    return x[: n_parts * N_SAMPLES].reshape(n_parts, N_SAMPLES)


def squares(S: jtfs_jax.JointScattering, n_parts: int) -> np.ndarray:
    """Return the squared norm of coefficients in the frames of each part."""
    of_frames = sum(
        np.square(leaf).sum(axis=tuple(range(leaf.ndim - 1))) for leaf in jax.tree.leaves(S)
    )
    return np.asarray(of_frames).reshape(n_parts, -1).sum(1)


def errors(bank, y, parts) -> tuple[float, np.ndarray]:
    """Return the errors of a sound in the whole recording and in each part."""
    S, R = (transform(bank, np.ravel(sound)) for sound in (y, parts))
    wrong = squares(jax.tree.map(np.subtract, S, R), len(parts))
    right = squares(R, len(parts))
    return float(np.sqrt(wrong.sum() / right.sum())), np.sqrt(wrong / right)


def compare(parts: np.ndarray, n_steps: int) -> Table:
    """Make the metamers and tabulate their errors."""
    segments = jtfs_jax.filterbank(4 * N_SAMPLES, **SETTINGS)
    single = jtfs_jax.filterbank(N_SAMPLES, **SETTINGS)
    whole = metamer(segments, jnp.ravel(parts), transform=transform, n_steps=n_steps)
    alone = metamer(single, jnp.asarray(parts), n_steps=n_steps)
    rows = {
        "metamer of the recording": errors(segments, whole.y, parts),
        "metamers of its parts, joined": errors(segments, alone.y, parts),
        "metamers of its parts, alone": (None, np.ravel(alone.error[-1])),
    }
    return Table(
        ["error", "whole", "median of the parts", "largest"],
        [
            [
                name,
                "" if of_whole is None else f"{of_whole:.2%}",
                f"{np.median(e):.2%}",
                f"{e.max():.2%}",
            ]
            for name, (of_whole, e) in rows.items()
        ],
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recording", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    print(compare(load(options.recording), options.steps))


if __name__ == "__main__":
    main()
