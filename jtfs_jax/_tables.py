"""The tables of a filterbank, in NumPy and float64: from what was asked for to arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import numpy as np
from jaxtyping import Array, Complex, Float

from . import _grid
from ._fourier import n_phases
from ._frequency import FrequencyBank, frequency_bank
from ._nodes import exportable
from ._options import Options
from ._time import (
    MeanByRow,
    OwnGrids,
    TimeAverage,
    WaveletBand,
    global_average,
    leaf,
    local_average,
)
from ._wavelets import (
    Family,
    frame_gain,
    low_pass,
    low_pass_hat,
    passband,
    psi_hats,
    row_kernels,
)

_SHORT = 2**11  # samples of bands that take less time together than they take to compile apart


@dataclass(frozen=True)
class Design:
    """What is asked of a filterbank, checked: arguments of `filterbank`, and its wavelets."""

    n_samples: int
    n_padded: int
    T: float | str
    stride: int | None
    F: float | str
    stride_fr: int | None
    Q: int  # of the first order
    first: Family
    second: Family
    frequential: Family | None  # None: time scattering only
    options: Options

    @property
    def low_pass_width(self) -> float:
        """Width of φ_T; without averaging in time, and for the mean, that of the low-pass α = 0."""
        return low_pass_width(self.T, (self.first.J, self.second.J))

    @property
    def critical_stride(self) -> int:
        """The largest power of two up to that width: frames that suffice for all others."""
        return critical_stride(self.T, (self.first.J, self.second.J))

    @property
    def log2_limit(self) -> int:
        """Log2 of the decimation at which averages still have samples enough."""
        if self.T == "global":
            return max(math.floor(math.log2(self.n_samples)) - 6, 0)
        return int(math.log2(self.critical_stride if self.T else self.n_padded))

    def log2_stride(self, j: int) -> int:
        """Log2 of the distance between samples of a wavelet's output, for its decimation `j`."""
        return max(min(j, self.log2_limit) - self.options.oversampling, 0)

    @cached_property
    def phi(self) -> Float[np.ndarray, " time"]:
        """Impulse response of φ_T."""
        return low_pass(self.low_pass_width, self.n_padded)

    @cached_property
    def kernels(self) -> Complex[np.ndarray, "wavelet row"]:
        """Impulse responses of the frequential wavelets, over a period that they do not fill."""
        assert self.frequential is not None
        n_rows, J_fr = len(self.first.wavelets), self.frequential.J
        period = _grid.padded_rows(n_rows, self.first.J, self.Q, J_fr, self.F)
        return row_kernels(self.frequential, period)


@exportable
class SecondOrder(eqx.Module):
    """What the second order needs at one resolution: ψ_n2 of the same j2, which share live rows."""

    band: WaveletBand
    average: TimeAverage | None  # None: no averaging in time
    frequency: FrequencyBank | None  # None: time scattering only
    phase: Float[Array, "2 phase 1 sample"] | None  # that `band` leaves out, if rows are conjugated
    sign: Float[Array, "phase 1 sample"] | None  # of imaginary parts, if reflections are conjugated
    n_live: int = eqx.field(static=True)
    n_bins: int = eqx.field(static=True)  # of the rows that feed them, from 0 to those they pass


def low_pass_width(T: float | str, J: tuple[int, int]) -> float:
    """Width of φ_T, or of the low-pass that stands for it where T is "global" or 0."""
    return T if isinstance(T, float) and T > 0 else 2.0 ** max(J)


def critical_stride(T: float | str, J: tuple[int, int]) -> int:
    """The largest power of two up to the width of the low-pass."""
    return 2 ** math.floor(math.log2(low_pass_width(T, J)))


def first_order_bands(design: Design) -> tuple[WaveletBand, ...]:
    """The wavelets ψ_n1; those of low resolutions together."""
    bands = _bands(design.first, design)
    short = [band for band in bands if design.n_padded >> band.log2_stride <= _SHORT]
    return bands if len(short) < 2 else (*bands[: -len(short)], _together(short, design.n_padded))


def first_order_means(
    design: Design, bands: Sequence[WaveletBand]
) -> tuple[TimeAverage | MeanByRow, ...]:
    """What takes the mean of each band, for T="global"."""
    if design.T != "global":
        return ()
    grid = design.n_samples, design.n_padded
    means: list[TimeAverage | MeanByRow] = []
    for band in bands:
        if band.own is None:
            means.append(global_average(*grid, band.log2_stride))
            continue
        rows = np.zeros((band.stop - band.first, design.n_padded >> band.log2_stride))
        for row, psi in zip(rows, design.first.wavelets[band.first : band.stop], strict=True):
            log2_stride = design.log2_stride(psi.j)
            row[:: 1 << (log2_stride - band.log2_stride)] = _grid.mean_weights(*grid, log2_stride)
        means.append(MeanByRow(leaf(np.concatenate([_by_phases(row) for row in rows], axis=1))))
    return tuple(means)


def second_order_tables(design: Design) -> tuple[SecondOrder, ...]:
    """For the wavelets ψ_n2 of each resolution, all that they need."""
    tables = []
    for band in _bands(design.second, design):
        n_live = sum(psi.j < band.j for psi in design.first.wavelets)
        if n_live:
            highest = max(-band.start, band.start + band.psi_hat.shape[-1] - 1)
            tables.append(
                SecondOrder(
                    band=band,
                    average=time_average(design, band.log2_stride),
                    frequency=frequency_tables(design, n_live, n_spins=2),
                    phase=_phase(design, band),
                    sign=_sign(design, band),
                    n_live=n_live,
                    n_bins=min(highest, design.n_padded // 2) + 1,
                )
            )
    return tuple(tables)


def low_pass_table(design: Design) -> Array:
    """φ_T in Fourier, up to the frame rate."""
    n_bins = min(design.n_padded // design.critical_stride, design.n_padded // 2) + 1
    phi_hat = low_pass_hat(design.low_pass_width, design.n_padded, n_bins)
    if n_bins == design.n_padded // 2 + 1:
        # The Nyquist bin stands for two, of half its value, in a spectrum of twice the length.
        phi_hat[-1] /= 2
    return leaf(phi_hat)


def time_average(design: Design, log2_stride: int) -> TimeAverage | None:
    """φ_T for signals at one in 2**log2_stride samples; None without averaging."""
    n_samples, n_padded, stride = design.n_samples, design.n_padded, design.critical_stride
    if isinstance(design.T, str):
        return global_average(n_samples, n_padded, log2_stride)
    if design.T == 0:
        return None
    # Other frames than these are interpolated, which takes all of them.
    kept = range(n_padded // stride)
    if design.stride == stride:
        kept = _grid.frames(n_samples, n_padded, stride)
    return local_average(design.phi, design.T, stride, kept, log2_stride)


def frequency_tables(design: Design, n_live: int, n_spins: int) -> FrequencyBank | None:
    """The filters along log-frequency, for rows that are real (one spin) or complex (two)."""
    if design.frequential is None:
        return None
    # The energy of rows that are complex is shared by two spins.
    share = math.sqrt(n_spins) if design.frequential.tight else 1
    return frequency_bank(
        design.kernels / share,
        design.frequential,
        n_live,
        len(design.first.wavelets),
        design.F,
        design.stride_fr,
        reflect=design.options.pad_mode_fr == "conj-reflect",
        oversampling=design.options.oversampling,
    )


def _phase(design: Design, band: WaveletBand) -> Array | None:
    """What bands leave out, and conjugation has to know."""
    if design.options.pad_mode_fr != "conj-reflect" or band.start == 0:
        return None
    n = design.n_padded >> band.log2_stride
    angle = 2 * np.pi / n * (band.start * np.arange(n) % n)
    return leaf(np.stack([_by_phases(np.cos(angle)), _by_phases(np.sin(angle))]))


def _sign(design: Design, band: WaveletBand) -> Array | None:
    """That of imaginary parts, negative where the signal runs backward and is conjugated."""
    if design.options.pad_mode != "conj-reflect" or design.T in ("global", 0):
        return None
    backward = _grid.reflected(design.n_samples, design.n_padded)[:: 1 << band.log2_stride]
    return leaf(_by_phases(np.where(backward, -1.0, 1.0)))


def _by_phases(table: Float[np.ndarray, " sample"]) -> Float[np.ndarray, "phase 1 sample"]:
    return table.reshape(-1, 1, n_phases(len(table))).T


def _bands(family: Family, design: Design) -> tuple[WaveletBand, ...]:
    """Wavelets grouped by j, and sampled in Fourier within the Nyquist band of their resolution."""
    psis, n_padded = family.wavelets, design.n_padded
    gain = frame_gain(family, n_padded)
    bands = []
    for j in sorted({psi.j for psi in psis}):
        members = [n for n, psi in enumerate(psis) if psi.j == j]
        edges = [passband(psis[n], n_padded, analytic=family.analytic) for n in members]
        start, stop = min(low for low, _ in edges), max(high for _, high in edges) + 1
        log2_stride = design.log2_stride(j)
        if log2_stride > 0:
            nyquist = n_padded >> (log2_stride + 1)
            start, stop = max(start, -nyquist), min(stop, nyquist)
        elif stop - start > n_padded:
            start, stop = -(n_padded // 2), n_padded - n_padded // 2
        psi_hat = psi_hats(family, gain, n_padded, start, stop, members)
        at_zero = psi_hat[:, -start] if start <= 0 < stop else np.zeros(1)
        assert np.all(np.abs(at_zero) < 1e-12), "wavelets have zero mean"
        peak = np.sqrt(2) if family.tight else 1
        assert np.all(np.abs(psi_hat) < peak + 1e-9), "wavelets have a l1 norm of 1, or share 2"
        bands.append(WaveletBand(leaf(psi_hat), None, members[0], start, log2_stride, j))
    return tuple(bands)


def _together(bands: Sequence[WaveletBand], n_padded: int) -> WaveletBand:
    """Several bands as one, of the highest of their resolutions."""
    highest = bands[0]
    length = n_padded >> highest.log2_stride
    start = min(band.start for band in bands)
    stop = max(band.start + band.psi_hat.shape[-1] for band in bands)
    psi_hats, combs, bins = [], [], []
    for band in bands:
        n_wavelets, width = band.psi_hat.shape
        before = band.start - start
        psi_hats.append(np.pad(band.psi_hat, [(0, 0), (before, stop - start - before - width)]))
        step = 1 << (band.log2_stride - highest.log2_stride)
        comb = np.where(np.arange(length) % step == 0, float(step), 0.0)
        own = np.where(np.arange(length // 2 + 1) <= length // step // 2, 1.0, 0.0)
        combs.append(np.tile(_by_phases(comb), (1, n_wavelets, 1)))
        bins.append(np.tile(own, (n_wavelets, 1)))
    own = OwnGrids(leaf(np.concatenate(combs, axis=1)), leaf(np.concatenate(bins)))
    psi_hat = leaf(np.concatenate(psi_hats))
    return WaveletBand(psi_hat, own, highest.first, start, highest.log2_stride, highest.j)
