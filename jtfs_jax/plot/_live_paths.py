"""Second-order paths in any layout, without the bands that are 0 by construction."""

import jax
import numpy as np
from jaxtyping import Float

from jtfs_jax._coefficients import JointScattering, by_path, is_by_path, require_paths, stacked
from jtfs_jax._coordinates import band_frequencies, frame_times
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._path_tables import PathTable


def live_paths(bank: FilterBank, S: JointScattering) -> list[Float[np.ndarray, "band frame"]]:
    """Coefficients of each path of one sound, in the order of `path_table`.

    Raises:
        ValueError: If `S` was not computed with `bank` from one sound.
    """
    require_one_sound(bank, S)
    return [np.asarray(s2) for s2 in by_path(bank, jax.tree.map(np.asarray, S)).values()]


def require_one_sound(bank: FilterBank, S: JointScattering) -> None:
    """Raise unless the coefficients were computed with the filterbank from one sound."""
    require_paths(bank, S)
    if is_by_path(S.S2):
        found = next(iter(S.S2.values())).shape
        wanted = found[-2:]
    else:
        found = stacked(S.S2).shape
        wanted = (found[-3], len(band_frequencies(bank)), len(frame_times(bank)))
    if found != wanted:
        raise ValueError(
            f"S must come from one sound, with S2 of shape {wanted} for this filterbank, got "
            f"{found}; take one sound of a batch, and the filterbank that S was computed with."
        )


def require_wavelets(table: PathTable) -> None:
    """Raise unless some paths have a second-order wavelet over time."""
    if not np.any(table.n2 >= 0):
        raise ValueError(
            "bank must have second-order wavelets that act on some band, but its J is too small "
            "for any; raise J."
        )


def signed_scales(table: PathTable) -> Float[np.ndarray, " path"]:
    """Scales in cycles/octave, negative for spin −1."""
    return np.where(table.spin < 0, -table.scale, table.scale)
