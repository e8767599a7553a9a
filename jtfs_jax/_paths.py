"""Second-order paths: their indices, their order and their filters.

A path of `jtfs` is a pair (n2, n_fr). n2 is the index of ψ_n2, or −1 for the low-pass filter α = 0.
n_fr is the index of the frequential filter: 0 is the low-pass filter β = 0, then come all wavelets
with spin +1, then, for n2 ≥ 0, the same wavelets with spin −1.
"""

import math
from collections.abc import Sequence

from ._filterbank import FilterBank
from ._jit import require_filters
from ._parameters import known_T, known_wavelets
from ._wavelets import SIGMA0

KINDS = ("phi_t*phi_f", "phi_t*psi_f", "psi_t*phi_f", "psi_t*psi_f")


def joint_paths(bank: FilterBank) -> list[tuple[int, int]]:
    """Return the indices (n2, n_fr) of the paths of `jtfs`, in the order of S2."""
    n_psi = len(bank.wavelets_fr)
    paths = [(-1, n_fr) for n_fr in range(1 + n_psi)]
    for second in bank.tables.second:
        paths += [(n2, n_fr) for n2 in second.group.members for n_fr in range(n_frequential(bank))]
    return paths


def time_paths(bank: FilterBank) -> list[tuple[int, int]]:
    """Return the indices (n1, n2) of the paths of `time_scattering`, in the order of S2."""
    return sorted(
        (n1, n2)
        for second in bank.tables.second
        for n2 in second.group.members
        for n1 in range(second.n_live)
    )


def n_frequential(bank: FilterBank) -> int:
    """Return the number of frequential filters: the low-pass filter, and wavelets of both spins."""
    return 1 + 2 * len(bank.wavelets_fr)


def spin(bank: FilterBank, n_fr: int) -> int:
    """Return the spin of a frequential filter: 0 for the low-pass filter, ±1 for wavelets."""
    if n_fr == 0:
        return 0
    return 1 if n_fr <= len(bank.wavelets_fr) else -1


def with_spin(bank: FilterBank, sign: int) -> Sequence[int]:
    """Return the indices of the frequential wavelets of one spin, from fine to coarse scales."""
    n_psi = len(bank.wavelets_fr)
    return range(1, 1 + n_psi) if sign > 0 else range(1 + n_psi, n_frequential(bank))


def opposite_spin(bank: FilterBank, n_fr: int) -> int:
    """Return the index of the same filter with the other spin; the low-pass filter has none."""
    return n_fr + spin(bank, n_fr) * len(bank.wavelets_fr)


def live_rows(bank: FilterBank) -> dict[int, int]:
    """Return the number of first-order wavelets that feed each ψ_n2, and α = 0 (n2 = −1)."""
    rows = {-1: len(bank.wavelets1)}
    for second in bank.tables.second:
        rows |= dict.fromkeys(second.group.members, second.n_live)
    return rows


def time_filter(bank: FilterBank, n2: int) -> tuple[float, float, int]:
    """Return center frequency, bandwidth and j of ψ_n2, or of the low-pass filter if n2 = −1."""
    if n2 >= 0:
        return known_wavelets(bank, "2")[n2]
    if bank.T == "global":
        return 0.0, 0.0, math.floor(math.log2(bank.n_samples))
    return 0.0, SIGMA0 / known_T(bank), int(math.log2(bank.critical_stride))


def frequential_filter(bank: FilterBank, n_fr: int) -> tuple[float, float, int, int]:
    """Return center frequency, bandwidth, j and spin of a frequential filter."""
    assert bank.J_fr is not None
    if n_fr == 0:
        return 0.0, SIGMA0 / 2**bank.J_fr, bank.J_fr, 0
    xi, sigma, j_fr = known_wavelets(bank, "_fr")[(n_fr - 1) % len(bank.wavelets_fr)]
    return xi, sigma, j_fr, spin(bank, n_fr)


def row_stride(bank: FilterBank, n_fr: int) -> int:
    """Return the number of first-order wavelets between the rows of a path."""
    if bank.F == "global":
        return len(bank.wavelets1)
    return bank.stride_fr or 2 ** frequential_filter(bank, n_fr)[2]


def frame_stride(bank: FilterBank, n2: int) -> int:
    """Return the number of samples between the frames of a path."""
    if bank.T == "global":
        return bank.n_samples
    return bank.stride or 2 ** time_filter(bank, n2)[2]


def require_joint(bank: FilterBank) -> None:
    """Require a filterbank with frequential wavelets."""
    require_filters("bank", bank, FilterBank)
    if bank.J_fr is None:
        raise ValueError(
            "bank must have frequential wavelets, got J_fr=None, which is for time scattering "
            "only; pass J_fr to filterbank."
        )
