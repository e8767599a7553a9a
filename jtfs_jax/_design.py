"""Design of a filterbank: from checked arguments to tables, in NumPy and float64."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from . import _sampling
from ._arrays import as_leaf
from ._log_frequency import FrequentialFilters, RowSampling, frequential_filters
from ._nodes import exportable
from ._platforms import Layout
from ._polyphase import FourierTables, by_phase, fourier_tables
from ._presets import Options
from ._time_average import MeanByRow, TimeAverage, global_average, local_average, mean_by_row
from ._time_wavelets import WaveletGroup, wavelet_groups, with_short_ones_merged
from ._wavelets import NEGLIGIBLE, Family, low_pass, low_pass_hat, row_kernels

# Amplitude, relative to a filter's peak, up to which its rows are left out.
_NEGLIGIBLE_ROWS = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): NEGLIGIBLE}


@dataclass(frozen=True)
class Design:
    """Checked arguments of `filterbank`, and the wavelets that follow from them."""

    n_samples: int
    n_padded: int
    log2_limit: int  # log2 of the largest decimation that leaves enough samples for averages
    T: float | str
    stride: int | None
    F: float | str
    stride_fr: int | None
    Q: int  # of the first order
    family1: Family
    family2: Family
    family_fr: Family | None  # None: time scattering only
    options: Options
    layout: Layout
    dtype: np.dtype  # of the tables
    # Widths of φ_T and φ_F as JAX arrays. They replace T and F, which still determine how averages
    # are sampled. `Family` does the same for wavelets.
    traced_T: Any = None
    traced_F: Any = None

    @property
    def J_max(self) -> int:
        """log2 of the duration of the longest wavelets of both orders."""
        return max(self.family1.J, self.family2.J)

    @property
    def low_pass_width(self) -> float:
        """Width of φ_T, or of the low-pass filter that takes its place if T is 0 or "global"."""
        return _sampling.low_pass_width(self.T, self.J_max)

    @property
    def critical_stride(self) -> int:
        """Samples between frames, from which all other frames can be interpolated."""
        return _sampling.critical_stride(self.T, self.J_max)

    def log2_stride(self, j: int) -> int:
        """Return log2 of the sampling interval of a wavelet's output, given its decimation `j`."""
        return max(min(j, self.log2_limit) - self.options.oversampling, 0)

    @cached_property
    def phi(self) -> Any:
        """Impulse response of φ_T."""
        if self.traced_T is None:
            return self.designed_phi
        return low_pass(self.traced_T, self.n_padded, self.low_pass_width)

    @cached_property
    def designed_phi(self) -> Float[np.ndarray, " time"]:
        """Impulse response of φ_T as designed."""
        return low_pass(self.low_pass_width, self.n_padded)

    @cached_property
    def kernels(self) -> Any:
        """Impulse responses of the frequential wavelets, over a period longer than the wavelets."""
        assert self.family_fr is not None
        if self.family_fr.values is None:
            return self.designed_kernels
        return row_kernels(self.family_fr, self.designed_kernels.shape[-1])

    @cached_property
    def designed_kernels(self) -> Complex[np.ndarray, "wavelet row"]:
        """Impulse responses of the frequential wavelets as designed."""
        assert self.family_fr is not None
        n_rows, J_fr = len(self.family1.wavelets), self.family_fr.J
        period = _sampling.padded_rows(n_rows, self.family1.J, self.Q, J_fr, self.F)
        return row_kernels(self.family_fr._replace(values=None), period)


@exportable
class SecondOrder(eqx.Module):
    """Second-order tables for all ψ_n2 with the same j2, which act on the same live rows."""

    group: WaveletGroup
    average: TimeAverage | None  # None: no averaging in time
    filters_fr: FrequentialFilters | None  # None: time scattering only
    # `carrier` is the carrier that `group` omits, which is needed to conjugate rows. `sign` is the
    # sign of imaginary parts, for conjugate reflections in time.
    carrier: Float[Array, "2 phase 1 sample"] | None
    sign: Float[Array, "phase 1 sample"] | None
    n_live: int = eqx.field(static=True)
    n_bins: int = eqx.field(static=True)  # Fourier bins of U1, from 0 to the highest that ψ passes


@exportable
class Tables(eqx.Module):
    """All arrays of a filterbank, as the transforms read them."""

    groups1: tuple[WaveletGroup, ...]  # ψ_n1
    second: tuple[SecondOrder, ...]  # ψ_n2
    phi_hat: Float[Array, " bin"]  # Fourier transform of φ_T, up to the frame rate
    means: tuple[TimeAverage | MeanByRow, ...]  # of each group of U1, if T="global"
    filters_fr: FrequentialFilters | None  # for α = 0
    fourier: FourierTables

    @property
    def groups2(self) -> tuple[WaveletGroup, ...]:
        """Groups of wavelets ψ_n2."""
        return tuple(second.group for second in self.second)


def tables(design: Design) -> Tables:
    """Compute all tables that the transforms need."""
    groups = _first_order(design)
    return Tables(
        groups1=groups,
        second=_second_order(design),
        phi_hat=_low_pass(design),
        means=_means(design, groups),
        filters_fr=_frequential_filters(design, len(design.family1.wavelets), n_spins=1),
        fourier=fourier_tables(design.n_padded, design.layout),
    )


def with_traced(given: Tables, design: Design) -> Tables:
    """Recompute the tables that depend on traced parameters of the design."""
    family1, family2, family_fr = design.family1, design.family2, design.family_fr
    if family1.values is not None:
        given = replace(given, groups1=_first_order(design))
    second = given.second
    if family2.values is not None:
        groups = wavelet_groups(family2, design.n_padded, design.log2_stride)
        of_j = {group.j: group for group in groups}
        second = [replace(s, group=of_j[s.group.j]) for s in second]
    if design.traced_T is not None:
        given = replace(given, phi_hat=_low_pass(design))
        made = [_time_average(design, s.group.log2_stride) for s in second]
        second = [replace(s, average=average) for s, average in zip(second, made, strict=True)]
    if design.traced_F is not None or (family_fr is not None and family_fr.values is not None):
        n_rows = len(family1.wavelets)
        given = replace(given, filters_fr=_frequential_filters(design, n_rows, n_spins=1))
        made = [_frequential_filters(design, s.n_live, n_spins=2) for s in second]
        second = [replace(s, filters_fr=filters) for s, filters in zip(second, made, strict=True)]
    return replace(given, second=tuple(second))


def _means(design: Design, groups: Sequence[WaveletGroup]) -> tuple[TimeAverage | MeanByRow, ...]:
    """Build the average over time of each group of U1 if T="global", and nothing otherwise."""
    if design.T != "global":
        return ()
    return tuple(_mean(design, group) for group in groups)


def _mean(design: Design, group: WaveletGroup) -> TimeAverage | MeanByRow:
    if group.own is None:
        return global_average(design.n_samples, design.n_padded, group.log2_stride, design.layout)
    return _mean_by_row(design, group, design.n_samples)


def _mean_by_row(design: Design, group: WaveletGroup, length: Any) -> MeanByRow:
    strides = [design.log2_stride(design.family1.wavelets[n1].j) for n1 in group.members]
    return mean_by_row(
        length, design.n_samples, design.n_padded, group.log2_stride, strides, design.layout
    )


def with_averages(
    given: Tables,
    averages: Sequence[TimeAverage | None],
    means: Sequence[TimeAverage | MeanByRow],
) -> Tables:
    """Replace the averages over time, and drop the signs of samples that run backward."""
    second = [
        replace(second, average=average, sign=None)
        for second, average in zip(given.second, averages, strict=True)
    ]
    return replace(given, second=tuple(second), means=tuple(means))


def averages(
    given: Tables, design: Design
) -> tuple[list[TimeAverage | None], tuple[TimeAverage | MeanByRow, ...]]:
    """Build the averages over time of U2 and U1 for another design, with the same padded length."""
    of_second = [_time_average(design, second.group.log2_stride) for second in given.second]
    return of_second, _means(design, given.groups1)


def of_first(given: Tables, design: Design, length: Any) -> Tables:
    """Return tables that average the first `length` samples (may be traced), for T="global"."""
    grid = design.n_samples, design.n_padded

    def mean_of(mean: TimeAverage | MeanByRow | None, group: WaveletGroup):
        if isinstance(mean, TimeAverage):
            return mean.mean_of_first(length, *grid, group.log2_stride, design.layout)
        return _mean_by_row(design, group, length)

    second = [replace(s, average=mean_of(s.average, s.group)) for s in given.second]
    means = map(mean_of, given.means, given.groups1)
    return replace(given, second=tuple(second), means=tuple(means))


def with_signs(given: Tables, backward: Bool[Array, " time"]) -> Tables:
    """Return tables for signals that run backward, and are conjugated, where `backward` is true."""
    sign = jnp.where(backward, -1.0, 1.0).astype(given.phi_hat.dtype)

    def sampled(second: SecondOrder) -> Array:
        return by_phase(sign[:: 1 << second.group.log2_stride], given.fourier.longest)

    second = [replace(second, sign=sampled(second)) for second in given.second]
    return replace(given, second=tuple(second))


def _first_order(design: Design) -> tuple[WaveletGroup, ...]:
    """Build the wavelets ψ_n1, grouped by resolution."""
    groups = wavelet_groups(design.family1, design.n_padded, design.log2_stride)
    return with_short_ones_merged(groups, design.n_padded, design.layout)


def _second_order(design: Design) -> tuple[SecondOrder, ...]:
    """Build the tables of the second order, grouped by the resolution of ψ_n2."""
    found = []
    for group in wavelet_groups(design.family2, design.n_padded, design.log2_stride):
        n_live = sum(psi.j < group.j for psi in design.family1.wavelets)
        if n_live:
            highest = max(-group.first_bin, group.stop_bin - 1)
            found.append(
                SecondOrder(
                    group=group,
                    average=_time_average(design, group.log2_stride),
                    filters_fr=_frequential_filters(design, n_live, n_spins=2),
                    carrier=_carrier(design, group),
                    sign=_sign(design, group),
                    n_live=n_live,
                    n_bins=min(highest, design.n_padded // 2) + 1,
                )
            )
    return tuple(found)


def _low_pass(design: Design) -> Array:
    """Compute the Fourier transform of φ_T, up to the frame rate."""
    n_bins = min(design.n_padded // design.critical_stride, design.n_padded // 2) + 1
    width, n = design.low_pass_width, design.n_padded
    phi_hat = low_pass_hat(width if design.traced_T is None else design.traced_T, n, n_bins, width)
    # In a spectrum of twice the length, the Nyquist bin becomes two bins of half its value.
    nyquist = np.arange(n_bins) == n // 2
    return as_leaf(phi_hat * np.where(nyquist, 0.5, 1.0).astype(phi_hat.dtype))


def _time_average(design: Design, log2_stride: int) -> TimeAverage | None:
    """Build φ_T for every 2**log2_stride-th sample, or None without averaging."""
    n_samples, n_padded, stride = design.n_samples, design.n_padded, design.critical_stride
    if isinstance(design.T, str):
        return global_average(n_samples, n_padded, log2_stride, design.layout)
    if design.T == 0:
        return None
    # Frames at another stride are interpolated from all critical ones, padding included.
    kept = range(n_padded // stride)
    if design.stride == stride:
        kept = _sampling.frames(n_samples, n_padded, stride)
    return local_average(
        design.phi, design.designed_phi, design.T, stride, kept, log2_stride, design.layout
    )


def _frequential_filters(design: Design, n_live: int, n_spins: int) -> FrequentialFilters | None:
    """Build the filters along log-frequency, for real rows (one spin) or complex rows (two)."""
    if design.family_fr is None:
        return None
    # Two spins share the energy of complex rows.
    share = math.sqrt(n_spins) if design.family_fr.tight else 1
    sampling = RowSampling(
        n_live=n_live,
        n_rows=len(design.family1.wavelets),
        width=design.F,
        stride=design.stride_fr,
        reflect=design.options.pad_mode_fr == "conj-reflect",
        oversampling=design.options.oversampling,
        negligible=_NEGLIGIBLE_ROWS[design.dtype],
        narrow=design.layout.narrow,
        F=design.traced_F,
    )
    kernels, designed = design.kernels, design.designed_kernels
    designed = None if kernels is designed else designed
    return frequential_filters(kernels / share, design.family_fr, sampling, designed)


def _carrier(design: Design, group: WaveletGroup) -> Array | None:
    """Compute the carrier that a group omits, which is needed to conjugate rows."""
    if design.options.pad_mode_fr != "conj-reflect" or group.first_bin == 0:
        return None
    n, longest = design.n_padded >> group.log2_stride, design.layout.transform
    angle = 2 * np.pi / n * (group.first_bin * np.arange(n) % n)
    return as_leaf(np.stack([by_phase(part, longest) for part in (np.cos(angle), np.sin(angle))]))


def _sign(design: Design, group: WaveletGroup) -> Array | None:
    """Compute the sign of imaginary parts: −1 where the signal runs backward and is conjugated."""
    if design.options.pad_mode != "conj-reflect" or design.T in ("global", 0):
        return None
    position = np.arange(0, design.n_padded, 1 << group.log2_stride)
    position -= _sampling.pad_left(design.n_samples, design.n_padded)
    backward = _sampling.is_backward(position, design.n_samples)
    return as_leaf(by_phase(np.where(backward, -1.0, 1.0), design.layout.transform))
