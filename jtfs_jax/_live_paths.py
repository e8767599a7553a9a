"""S2 path by path, whatever its layout, without the rows that are 0 by construction."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Array, Float

from ._filterbank import FilterBank
from ._paths import PathTable, band_frequencies, frame_times, joint_paths

SecondOrder: TypeAlias = (
    Float[Array | np.ndarray, "path band frame"]
    | dict[tuple[int, int], Float[Array | np.ndarray, "band frame"]]
)


def live_paths(
    bank: FilterBank, table: PathTable, S2: SecondOrder
) -> list[Float[np.ndarray, "band frame"]]:
    """The coefficients of each path, in the order of `table`.

    Raises:
        ValueError: If `S2` is not that of one sound through `bank`.
    """
    if isinstance(S2, dict):
        if list(S2) != list(joint_paths(bank)):
            raise ValueError(
                f"S2 must have the {len(table)} paths of bank, in their order, got a dictionary of "
                f"{len(S2)}; give the filterbank that S2 was made with."
            )
        paths = [np.asarray(u) for u in S2.values()]
        found, wanted = paths[0].shape, paths[0].shape[-2:]
    else:
        paths = list(np.asarray(S2))
        found = S2.shape
        wanted = (len(table), len(band_frequencies(bank)), len(frame_times(bank)))
    if found != wanted:
        raise ValueError(
            f"S2 must be that of one sound, of shape {wanted} for this filterbank, got {found}; "
            f"give one sound of a batch, and the filterbank that S2 was made with."
        )
    return [u[:n] for u, n in zip(paths, table.n_rows, strict=True)]


def signed_scales(table: PathTable) -> Float[np.ndarray, " path"]:
    """Scales in cycles/octave, negative where the spin is; 0 for the low-pass β = 0."""
    scales = np.where(table.spin < 0, -table.scale, table.scale)
    return np.where(table.n_fr == 0, 0.0, scales)
