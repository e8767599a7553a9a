"""Golden outputs, recomputed by Kymatio's NumPy backend in float64.

    python tests/golden/make.py PATH           # compares with the files
    python tests/golden/make.py PATH --write   # rewrites the files from their own inputs

PATH is a checkout of Kymatio main; the files are from commit 11552ed5 (0.4.0.dev0). Kymatio needs
`pip install 'scipy<1.17' appdirs configparser packaging`. Each file has the input `x`, Kymatio's
arguments (`config`, JSON) and its outputs: `keys` as in `jtfs_jax.to_kymatio`, one row per path,
padded with −1; `lengths`, the number of frames of each path; `values` of all paths, concatenated.
The cases were chosen such that Kymatio is correct; paths that it returns without frames are
omitted.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def outputs(x: np.ndarray, config: dict) -> dict[str, np.ndarray]:
    """Kymatio's outputs for a signal."""
    from kymatio.numpy import (  # pyright: ignore[reportMissingImports]
        Scattering1D,
        TimeFrequencyScattering,
    )

    options = {name: value for name, value in config.items() if name not in ("signal", "seed")}
    transform = options.pop("transform")
    options |= {"Q": tuple(options["Q"]), "out_type": "dict"}
    kind = TimeFrequencyScattering if transform == "jtfs" else Scattering1D
    found = kind(**options)(x.astype(np.float64))
    paths = {key: np.ravel(value) for key, value in found.items() if np.size(value)}
    return {
        "keys": np.array([(*key, *[-1] * (3 - len(key))) for key in paths]),
        "lengths": np.array([len(value) for value in paths.values()]),
        "values": np.concatenate(list(paths.values())),
    }


def main() -> None:
    """Compare, or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, help="a checkout of Kymatio main")
    parser.add_argument("--write", action="store_true", help="write files anew")
    options = parser.parse_args()
    sys.path.insert(0, str(options.path))
    for file in sorted(Path(__file__).parent.glob("*.npz")):
        kept = dict(np.load(file))
        made = outputs(kept["x"], json.loads(str(kept["config"])))
        same = all(np.array_equal(made[name], kept[name]) for name in ("keys", "lengths"))
        error = np.abs(made["values"] - kept["values"]).max() if same else np.inf
        print(f"{file.name}: {error / np.abs(kept['values']).max():.1e}", flush=True)
        if options.write:
            arrays: dict[str, Any] = kept | made
            np.savez_compressed(file, **arrays)


if __name__ == "__main__":
    main()
