"""Transfer functions of the filters as a filterbank has them, and their Littlewood–Paley sum."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from ._filterbank import FilterBank
from ._paths import time_filter
from ._wavelets import SIGMA0, low_pass_hat, morlet_hat

_N_ROWS = 2048  # period on which filters along log-frequency are sampled here


class TransferFunction(NamedTuple):
    """Values on the bins start, start + 1, …, of `n` a cycle; bins are signed.

    `xi` is the center frequency, 0 for low-passes; `spin` is 0 but for frequential wavelets.
    """

    values: Float[np.ndarray, " bin"]
    start: int
    n: int
    xi: float
    spin: int

    @property
    def f(self) -> Float[np.ndarray, " bin"]:
        """Frequencies of the values, in cycles/sample or cycles/row."""
        return (self.start + np.arange(len(self.values))) / self.n


def time_filters(bank: FilterBank, order: Literal[1, 2]) -> list[TransferFunction]:
    """Wavelets of an order, from high to low frequency, then φ_T unless T="global"."""
    bands = bank.first if order == 1 else [second.band for second in bank.second]
    wavelets = bank.wavelets1 if order == 1 else bank.wavelets2
    filters = [
        TransferFunction(values, band.start, bank.n_padded, psi.xi, 0)
        for band in bands
        for psi, values in zip(
            wavelets[band.first : band.stop], np.asarray(band.psi_hat, float), strict=True
        )
    ]
    filters.sort(key=lambda filter_: -filter_.xi)
    sigma = time_filter(bank, -1)[1]
    return filters + ([_low_pass(SIGMA0 / sigma, bank.n_padded)] if sigma else [])


def frequential_filters(bank: FilterBank) -> list[TransferFunction]:
    """Wavelets of spin +1, from high to low frequency, those of spin −1, and the low-pass β = 0."""
    assert bank.J_fr is not None
    start = -_N_ROWS // 2
    up = [
        TransferFunction(morlet_hat(psi, _N_ROWS, start, 1 - start), start, _N_ROWS, psi.xi, 1)
        for psi in bank.wavelets_fr
    ]
    down = [psi._replace(values=psi.values[::-1], xi=-psi.xi, spin=-1) for psi in up]
    return [*up, *down, _low_pass(2.0**bank.J_fr, _N_ROWS)]


def _low_pass(width: float, n: int) -> TransferFunction:
    half = low_pass_hat(width, n, n // 2 + 1)
    return TransferFunction(np.concatenate([half[:0:-1], half]), -(n // 2), n, 0.0, 0)


def littlewood_paley(
    filters: list[TransferFunction],
) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
    """Gain in energy of a complex signal, at the bins from −n/2 to n/2, and their frequencies.

    Wavelets of spin 0 stand for both themselves and their conjugates, of half the energy each, as
    they do for real signals.
    """
    n = filters[0].n
    total = np.zeros(n)
    for values, start, _, xi, spin in filters:
        energy = np.zeros(n)
        energy[(start + np.arange(len(values)))[:n] % n] = np.abs(values[:n]) ** 2
        if xi and not spin:
            energy = (energy + np.roll(energy[::-1], 1)) / 2
        total += energy
    bins = np.arange(-(n // 2), n // 2 + 1)
    return bins / n, total[bins % n]
