"""Wavelets over time: groups computed together, their tables and their transforms."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array, Complex, Float

from ._arrays import as_leaf, namespace
from ._modulus import modulus
from ._nodes import exportable
from ._platforms import Layout
from ._polyphase import FourierTables, bins, by_phase, polyphase_ifft
from ._wavelets import Family, frame_gain, passband, psi_hats


@exportable
class OwnGrids(eqx.Module):
    """The samples and bins of a group that each wavelet keeps, if resolutions differ.

    Samples multiplied by the comb have the spectrum of the samples that a wavelet keeps.
    """

    comb: Float[Array, "phase wavelet sample"]  # 2**d at one in 2**d samples, 0 between them
    bins: Float[Array, "wavelet bin"]  # 1 up to the Nyquist frequency of these samples, 0 above


@exportable
class WaveletGroup(eqx.Module):
    """Wavelets computed together: transfer functions on the bins that any of them passes.

    Only the modulus of the outputs is used. They are therefore shifted to zero frequency: they lack
    a carrier, which all wavelets of the group share.
    """

    psi_hat: Float[Array, "wavelet bin"]
    own: OwnGrids | None  # None: all have the resolution of the group
    n_first: int = eqx.field(static=True)  # index of the first wavelet
    first_bin: int = eqx.field(static=True)  # negative if below zero frequency
    log2_stride: int = eqx.field(static=True)
    j: int = eqx.field(static=True)

    @property
    def members(self) -> range:
        """Indices of the wavelets."""
        return range(self.n_first, self.n_first + self.psi_hat.shape[0])

    @property
    def stop_bin(self) -> int:
        """The bin after the last."""
        return self.first_bin + self.psi_hat.shape[-1]


def moduli_of_signals(
    half: Complex[Array, "*batch bin"],
    group: WaveletGroup,
    n: int,
    log2_stride: int,
    fourier: FourierTables,
) -> Float[Array, "*batch phase wavelet sample"]:
    """Compute |x ⋆ ψ| for each wavelet, at every 2**log2_stride-th of n samples.

    The signals are given by half of their spectrum.
    """
    passed = bins(half, n, group.first_bin, group.stop_bin)[..., None, :]
    transfer, n_kept = group.psi_hat * 2.0**-log2_stride, n >> log2_stride
    return polyphase_ifft(passed, transfer, n_kept, fourier, lambda y: modulus(y.real, y.imag))


def transform_rows(
    half: Complex[Array, "*batch row bin"],
    group: WaveletGroup,
    n: int,
    fourier: FourierTables,
) -> Complex[Array, "*batch wavelet phase row sample"]:
    """Compute x ⋆ ψ without its carrier for each of several rows x, at the group's resolution."""
    passed, n_kept = bins(half, n, group.first_bin, group.stop_bin), n >> group.log2_stride
    transfer = group.psi_hat * 2.0**-group.log2_stride
    if len(group.members) == 1:  # without an axis of length 1, for which a TPU pads eightfold
        return polyphase_ifft(passed, transfer, n_kept, fourier)[..., None, :, :, :]
    return polyphase_ifft(passed[..., None, :, :], transfer[:, None], n_kept, fourier)


def wavelet_groups(
    family: Family, n_padded: int, log2_stride: Callable[[int], int]
) -> tuple[WaveletGroup, ...]:
    """Sample the spectra of the wavelets of each j, within the Nyquist band of their resolution.

    `log2_stride` maps j to the log2 of the sampling interval.
    """
    gain = frame_gain(family, n_padded)
    groups = []
    for j, members, stride, start, stop in group_bins(family, n_padded, log2_stride):
        psi_hat = psi_hats(family, gain, n_padded, start, stop, members)
        if family.values is None:
            at_zero = psi_hat[:, -start] if start <= 0 < stop else np.zeros(1)
            assert np.all(np.abs(at_zero) < 1e-12), "wavelets have zero mean"
            peak = np.sqrt(2) if family.tight else 1
            assert np.all(np.abs(psi_hat) < peak + 1e-9), "wavelets are at most 1, or √2 if tight"
        groups.append(WaveletGroup(as_leaf(psi_hat), None, members[0], start, stride, j))
    return tuple(groups)


class GroupBins(NamedTuple):
    """Wavelets that share a resolution, and their bins [start, stop)."""

    j: int
    members: range
    log2_stride: int
    start: int
    stop: int


def group_bins(
    family: Family, n_padded: int, log2_stride: Callable[[int], int]
) -> Iterator[GroupBins]:
    """Yield the sampling of the wavelets of each j."""
    for j in sorted({psi.j for psi in family.wavelets}):
        members = [n for n, psi in enumerate(family.wavelets) if psi.j == j]
        edges = [passband(family.wavelets[n], n_padded, family.edges) for n in members]
        start, stop = min(low for low, _ in edges), max(high for _, high in edges) + 1
        stride = log2_stride(j)
        if stride > 0:
            nyquist = n_padded >> (stride + 1)
            start, stop = max(start, -nyquist), min(stop, nyquist)
        elif stop - start > n_padded:
            start, stop = -(n_padded // 2), n_padded - n_padded // 2
        yield GroupBins(j, range(members[0], members[-1] + 1), stride, start, stop)


def with_short_ones_merged(
    groups: tuple[WaveletGroup, ...], n_padded: int, layout: Layout
) -> tuple[WaveletGroup, ...]:
    """Merge the groups of lowest resolution into one, which a single transform computes.

    It has the highest resolution among them, and therefore more samples than the wavelets keep. The
    comb of `OwnGrids` zeroes the samples in between, which makes the spectrum periodic, like the
    spectrum of the samples that are kept.
    """
    short = [group for group in groups if n_padded >> group.log2_stride <= layout.merged]
    return groups if len(short) < 2 else (*groups[: -len(short)], _merged(short, n_padded, layout))


def _merged(groups: Sequence[WaveletGroup], n_padded: int, layout: Layout) -> WaveletGroup:
    highest, xp = groups[0], namespace(groups[0].psi_hat)
    length = n_padded >> highest.log2_stride
    start = min(group.first_bin for group in groups)
    stop = max(group.stop_bin for group in groups)
    psi_hats, combs, own_bins = [], [], []
    for group in groups:
        margins = group.first_bin - start, stop - group.stop_bin
        psi_hats.append(xp.pad(group.psi_hat, [(0, 0), margins]))
        step = 1 << (group.log2_stride - highest.log2_stride)
        comb = np.where(np.arange(length) % step == 0, float(step), 0.0)
        below_nyquist = np.where(np.arange(length // 2 + 1) <= length // step // 2, 1.0, 0.0)
        combs.append(np.tile(by_phase(comb, layout.transform), (1, len(group.members), 1)))
        own_bins.append(np.tile(below_nyquist, (len(group.members), 1)))
    own = OwnGrids(as_leaf(np.concatenate(combs, axis=1)), as_leaf(np.concatenate(own_bins)))
    psi_hat = as_leaf(xp.concatenate(psi_hats))
    return WaveletGroup(psi_hat, own, highest.n_first, start, highest.log2_stride, highest.j)
