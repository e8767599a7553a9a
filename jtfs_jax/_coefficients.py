"""Whether coefficients are those of a filterbank."""

from collections.abc import Mapping

from ._filterbank import FilterBank
from ._jtfs import JointScattering
from ._paths import joint_paths, require_joint, time_path_table
from ._time_scattering import TimeScattering


def require_paths(bank: FilterBank, S: JointScattering) -> list[tuple[int, int]]:
    """The paths of the filterbank, which must be those of the coefficients."""
    require_joint(bank)
    paths = list(joint_paths(bank))
    if not isinstance(S, JointScattering):
        raise ValueError(
            f"S must be what jtfs returns, a JointScattering, got a {type(S).__name__}."
        )
    if isinstance(S.S2, Mapping):
        matches, found = set(S.S2) == set(paths), f"a dictionary of {len(S.S2)} paths"
    else:
        matches, found = S.S2.shape[-3:-2] == (len(paths),), f"an array of shape {S.S2.shape}"
    if not matches:
        raise ValueError(
            f"S must have the {len(paths)} paths of bank, but its S2 is {found}; pass the "
            f"filterbank that S was computed with."
        )
    return paths


def require_coefficients(bank: FilterBank, S: JointScattering | TimeScattering) -> None:
    """The coefficients have the paths of the filterbank."""
    if isinstance(S, JointScattering):
        require_paths(bank, S)
        return
    if not isinstance(S, TimeScattering):
        raise ValueError(
            f"S must be what jtfs or time_scattering returns, got a {type(S).__name__}."
        )
    n_paths = len(time_path_table(bank))
    found = len(S.S2) if isinstance(S.S2, Mapping) else S.S2.shape[-2]
    if found != n_paths:
        raise ValueError(
            f"S must have the {n_paths} paths of bank, but its S2 has {found}; pass the filterbank "
            f"that S was computed with."
        )
