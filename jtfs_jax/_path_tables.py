"""Tables that describe paths, with one entry per path, and descriptions in words."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from . import _checks, _sampling
from ._filterbank import FilterBank
from ._parameters import known_wavelets
from ._paths import (
    frame_stride,
    frequential_filter,
    joint_paths,
    live_rows,
    require_joint,
    row_stride,
    time_filter,
    time_paths,
)


@dataclass(frozen=True, eq=False)
class PathTable:
    """Table with one entry per path of S2, as `jtfs` orders them; see `path_table`.

    Attributes:
        kind: "phi_t*phi_f", "phi_t*psi_f", "psi_t*phi_f" or "psi_t*psi_f".
        n2: Index of ψ_n2, from high to low rate; −1 for the low-pass filter α = 0.
        n_fr: Index of the frequential filter: 0 for the low-pass filter β = 0, then the wavelets.
        spin: +1 for paths that respond to rising chirps, −1 to falling chirps, 0 to neither.
        rate: Center frequency over time, in cycles/sample, or in Hz if a sample rate was given.
        rate_bandwidth: Bandwidth σ of the rate, in the same unit.
        scale: Center frequency over log-frequency, in cycles/octave, without sign.
        scale_bandwidth: Bandwidth σ of the scale, in cycles/octave.
        j2: log2 of the decimation that ψ_n2 allows, in samples.
        j_fr: log2 of the decimation that the frequential filter allows, in rows.
        n_rows: Number of bands that first-order wavelets feed; the others are exactly 0.
        stride: Samples between frames; the length of the signal for T="global".
        stride_fr: First-order wavelets from band to band; their total number for F="global".
    """

    kind: np.ndarray
    n2: Int[np.ndarray, " path"]
    n_fr: Int[np.ndarray, " path"]
    spin: Int[np.ndarray, " path"]
    rate: Float[np.ndarray, " path"]
    rate_bandwidth: Float[np.ndarray, " path"]
    scale: Float[np.ndarray, " path"]
    scale_bandwidth: Float[np.ndarray, " path"]
    j2: Int[np.ndarray, " path"]
    j_fr: Int[np.ndarray, " path"]
    n_rows: Int[np.ndarray, " path"]
    stride: Int[np.ndarray, " path"]
    stride_fr: Int[np.ndarray, " path"]

    def __len__(self) -> int:
        return len(self.n2)


def path_table(bank: FilterBank, *, sample_rate: float | None = None) -> PathTable:
    """Return a table of the rates, scales and spins of all paths of `jtfs`.

    Paths are in the order of S2.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        sample_rate: Sample rate in Hz. If None, rates are in cycles/sample.

    Returns:
        Arrays with one entry per path: see `PathTable`. Scales in cycles/octave assume Q1 rows per
        octave, which holds above the elbow of the first-order wavelets.

    Raises:
        ValueError: If `bank` has no frequential wavelets, or `sample_rate` is not positive.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> table = jtfs_jax.path_table(bank, sample_rate=8000.0)
        >>> len(table), str(table.kind[-1]), int(table.spin[-1])
        (59, 'psi_t*psi_f', -1)
    """
    require_joint(bank)
    fs = _checks.sample_rate(sample_rate)
    n_live = live_rows(bank)
    rows = []
    for n2, n_fr in joint_paths(bank):
        rate, rate_bandwidth, j2 = time_filter(bank, n2)
        scale, scale_bandwidth, j_fr, spin = frequential_filter(bank, n_fr)
        stride_fr = row_stride(bank, n_fr)
        row = {
            "kind": f"{'phi_t' if n2 < 0 else 'psi_t'}*{'psi_f' if n_fr else 'phi_f'}",
            "n2": n2,
            "n_fr": n_fr,
            "spin": spin if n2 >= 0 else 0,
            "rate": rate * fs,
            "rate_bandwidth": rate_bandwidth * fs,
            "scale": scale * bank.Q[0],
            "scale_bandwidth": scale_bandwidth * bank.Q[0],
            "j2": j2,
            "j_fr": j_fr,
            "n_rows": _sampling.n_kept(n_live[n2], stride_fr),
            "stride": frame_stride(bank, n2),
            "stride_fr": stride_fr,
        }
        rows.append(row)
    return PathTable(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def describe_path(bank: FilterBank, index: int, *, sample_rate: float | None = None) -> str:
    """Describe the rate, scale and direction of a path of `jtfs` in words, as in titles of plots.

    "steady" stands for α = 0, which has no rate; "all bands together" for β = 0, which has no
    scale.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        index: Index of the path in `path_table`.
        sample_rate: Sample rate in Hz. If None, rates are in cycles/sample.

    Returns:
        A description in which numbers have two significant digits and a unit.

    Raises:
        ValueError: If `bank` has no frequential wavelets, if no path has this index, or if
            `sample_rate` is not positive.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> jtfs_jax.describe_path(bank, 58, sample_rate=8000.0)
        '11 Hz, 0.35 cycles/octave, falling'
        >>> jtfs_jax.describe_path(bank, 50, sample_rate=8000.0)
        '11 Hz, all bands together'

    See Also:
        path_table: the numbers.
    """
    table = path_table(bank, sample_rate=sample_rate)
    index = _checks.index("index", index, len(table))
    unit = "cycles/sample" if sample_rate is None else "Hz"
    rate, scale = (f"{float(f'{x:.2g}'):g}" for x in (table.rate[index], table.scale[index]))
    words = [
        f"{rate} {unit}" if table.n2[index] >= 0 else "steady",
        f"{scale} cycle{'' if scale == '1' else 's'}/octave"
        if table.n_fr[index]
        else "all bands together",
        {1: "rising", -1: "falling", 0: ""}[int(table.spin[index])],
    ]
    return ", ".join(word for word in words if word)


@dataclass(frozen=True, eq=False)
class TimePathTable:
    """Table with one entry per path of S2, as `time_scattering` orders them; see `time_path_table`.

    Attributes:
        n1: Index of ψ_n1, from high to low frequency.
        n2: Index of ψ_n2, from high to low rate.
        frequency: Center frequency of ψ_n1, in cycles/sample, or in Hz if a sample rate was given.
        bandwidth: Bandwidth σ of ψ_n1, in the same unit.
        rate: Center frequency of ψ_n2, in the same unit.
        rate_bandwidth: Bandwidth σ of ψ_n2, in the same unit.
        j1: log2 of the decimation that ψ_n1 allows, in samples.
        j2: log2 of the decimation that ψ_n2 allows, in samples.
        stride: Samples between frames; the length of the signal for T="global".
    """

    n1: Int[np.ndarray, " path"]
    n2: Int[np.ndarray, " path"]
    frequency: Float[np.ndarray, " path"]
    bandwidth: Float[np.ndarray, " path"]
    rate: Float[np.ndarray, " path"]
    rate_bandwidth: Float[np.ndarray, " path"]
    j1: Int[np.ndarray, " path"]
    j2: Int[np.ndarray, " path"]
    stride: Int[np.ndarray, " path"]

    def __len__(self) -> int:
        return len(self.n1)


def time_path_table(bank: FilterBank, *, sample_rate: float | None = None) -> TimePathTable:
    """Return a table of the frequencies and rates of all paths of `time_scattering`.

    Paths are in the order of S2.

    Args:
        bank: Filters from `filterbank`.
        sample_rate: Sample rate in Hz. If None, frequencies and rates are in cycles/sample.

    Returns:
        Arrays with one entry per path: see `TimePathTable`.

    Raises:
        ValueError: If `sample_rate` is not positive.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8)
        >>> table = jtfs_jax.time_path_table(bank, sample_rate=8000.0)
        >>> len(table), float(table.frequency[0].round())
        (179, 3483.0)
    """
    fs = _checks.sample_rate(sample_rate)
    paths = time_paths(bank)
    wavelets1, wavelets2 = known_wavelets(bank, "1"), known_wavelets(bank, "2")
    psi1, psi2 = [wavelets1[n1] for n1, _ in paths], [wavelets2[n2] for _, n2 in paths]
    return TimePathTable(
        n1=np.array([n1 for n1, _ in paths], dtype=int),
        n2=np.array([n2 for _, n2 in paths], dtype=int),
        frequency=np.array([psi.xi * fs for psi in psi1]),
        bandwidth=np.array([psi.sigma * fs for psi in psi1]),
        rate=np.array([psi.xi * fs for psi in psi2]),
        rate_bandwidth=np.array([psi.sigma * fs for psi in psi2]),
        j1=np.array([psi.j for psi in psi1], dtype=int),
        j2=np.array([psi.j for psi in psi2], dtype=int),
        stride=np.array([frame_stride(bank, n2) for _, n2 in paths], dtype=int),
    )
