"""Paths of the second order: which there are, in which order, and which filters they have.

A path of `jtfs` is a pair (n2, n_fr). n2 is the index of ψ_n2, or −1 for the low-pass α = 0. n_fr
counts the frequential filters: 0 is the low-pass β = 0, then come all wavelets with spin +1, then,
for n2 ≥ 0, the same wavelets with spin −1.
"""

import math
from collections.abc import Sequence

from ._filterbank import FilterBank
from ._parameters import known_T, known_wavelets
from ._wavelets import SIGMA0

KINDS = ("phi_t*phi_f", "phi_t*psi_f", "psi_t*phi_f", "psi_t*psi_f")


def joint_paths(bank: FilterBank) -> list[tuple[int, int]]:
    """Indices (n2, n_fr) of the paths of `jtfs`, in the order of S2."""
    n_psi = len(bank.wavelets_fr)
    paths = [(-1, n_fr) for n_fr in range(1 + n_psi)]
    for second in bank.tables.second:
        paths += [(n2, n_fr) for n2 in second.group.members for n_fr in range(n_frequential(bank))]
    return paths


def time_paths(bank: FilterBank) -> list[tuple[int, int]]:
    """Indices (n1, n2) of the paths of `time_scattering`, in the order of S2."""
    return sorted(
        (n1, n2)
        for second in bank.tables.second
        for n2 in second.group.members
        for n1 in range(second.n_live)
    )


def n_frequential(bank: FilterBank) -> int:
    """Number of frequential filters: the low-pass, and each wavelet with both spins."""
    return 1 + 2 * len(bank.wavelets_fr)


def spin(bank: FilterBank, n_fr: int) -> int:
    """That of a frequential filter: 0 for the low-pass, +1 or −1 for wavelets."""
    if n_fr == 0:
        return 0
    return 1 if n_fr <= len(bank.wavelets_fr) else -1


def with_spin(bank: FilterBank, sign: int) -> Sequence[int]:
    """The frequential wavelets of one spin, from fine to coarse scales."""
    n_psi = len(bank.wavelets_fr)
    return range(1, 1 + n_psi) if sign > 0 else range(1 + n_psi, n_frequential(bank))


def opposite_spin(bank: FilterBank, n_fr: int) -> int:
    """Index of the same filter with the other spin; the low-pass has none."""
    return n_fr + spin(bank, n_fr) * len(bank.wavelets_fr)


def live_rows(bank: FilterBank) -> dict[int, int]:
    """Number of first-order wavelets that feed each ψ_n2, and α = 0, for which n2 is −1."""
    rows = {-1: len(bank.wavelets1)}
    for second in bank.tables.second:
        rows |= dict.fromkeys(second.group.members, second.n_live)
    return rows


def time_filter(bank: FilterBank, n2: int) -> tuple[float, float, int]:
    """Center frequency, bandwidth and j of ψ_n2; of the low-pass α = 0 for n2 = −1."""
    if n2 >= 0:
        return known_wavelets(bank, "2")[n2]
    if bank.T == "global":
        return 0.0, 0.0, math.floor(math.log2(bank.n_samples))
    return 0.0, SIGMA0 / known_T(bank), int(math.log2(bank.critical_stride))


def frequential_filter(bank: FilterBank, n_fr: int) -> tuple[float, float, int, int]:
    """Center frequency, bandwidth, j and spin of a frequential filter; β = 0 for n_fr = 0."""
    assert bank.J_fr is not None
    if n_fr == 0:
        return 0.0, SIGMA0 / 2**bank.J_fr, bank.J_fr, 0
    xi, sigma, j_fr = known_wavelets(bank, "_fr")[(n_fr - 1) % len(bank.wavelets_fr)]
    return xi, sigma, j_fr, spin(bank, n_fr)


def row_stride(bank: FilterBank, n_fr: int) -> int:
    """First-order wavelets between the rows of a path."""
    if bank.F == "global":
        return len(bank.wavelets1)
    return bank.stride_fr or 2 ** frequential_filter(bank, n_fr)[2]


def frame_stride(bank: FilterBank, n2: int) -> int:
    """Samples between the frames of a path."""
    if bank.T == "global":
        return bank.n_samples
    return bank.stride or 2 ** time_filter(bank, n2)[2]


def require_joint(bank: FilterBank) -> None:
    """The filterbank has frequential wavelets."""
    if bank.J_fr is None:
        raise ValueError(
            "bank must have frequential wavelets, got one with J_fr=None, for time scattering "
            "only; give J_fr to filterbank."
        )
