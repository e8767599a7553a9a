"""Wavelets and low-pass filters in NumPy and float64: where they lie, how far they reach, values.

Frequencies and bandwidths are in cycles/sample (cycles/row along log-frequency), times in samples.
"""

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from scipy.special import ndtr

SIGMA0 = 0.1  # bandwidth × width of every low-pass: a filter of width T has bandwidth SIGMA0 / T
R_PSI = math.sqrt(0.5)  # by default, neighboring wavelets cross at this fraction of their peaks
ALPHA = 5.0  # a filter's response is negligible beyond xi ± ALPHA · sigma
NEGLIGIBLE = 1e-8  # relative amplitude under which a filter's response is dropped
_MAX_GAIN = 2  # of tight frames above the highest wavelet, relative to the gain at its center
_SOFTNESS = 0.305  # of tight frames below the lowest wavelet: what counts as little covered there
_MIN_SUM = 0.57  # least Littlewood–Paley sum of a tight frame below its lowest wavelet
_N_SIGMA = math.sqrt(-2 * math.log(NEGLIGIBLE))  # … which a Gaussian reaches at this many sigma

_STEP, _STEP_WIDTH = 0.42, 0.38  # of analytic wavelets above zero frequency, in bandwidths

Edges: TypeAlias = Literal["smooth", "hard"] | None


class Wavelet(NamedTuple):
    """Center frequency `xi`, bandwidth `sigma`, and `j`: decimation by 2**j is free of aliasing."""

    xi: float
    sigma: float
    j: int


def are_wavelets(J: int, Q: int, r_psi: float = R_PSI) -> bool:
    """Whether `Q` wavelets an octave are at all shorter than 2**J, so that they have an elbow."""
    return _highest(Q, r_psi)[1] > SIGMA0 / 2**J


def _highest(Q: int, r_psi: float) -> tuple[float, float]:
    xi, ratio = max(1 / (1 + 2 ** (3 / Q)), 0.35), 2 ** (-1 / Q)
    return xi, xi * (1 - ratio) / (1 + ratio) / math.sqrt(2 * math.log(1 / r_psi))


def wavelets(J: int, Q: int, r_psi: float = R_PSI) -> tuple[Wavelet, ...]:
    """Morlet wavelets from high to low frequency, `Q` an octave, of duration up to 2**J.

    Above the "elbow" the quality factor is constant; below, the bandwidth is, and frequencies are
    spaced evenly down to zero (Lostanlen & Han, 2024, section 3.1). Neighbors cross at the fraction
    `r_psi` of their peaks.
    """
    assert are_wavelets(J, Q, r_psi)
    (xi, sigma), ratio, sigma_min = _highest(Q, r_psi), 2 ** (-1 / Q), SIGMA0 / 2**J
    found = [(xi, sigma)]
    while sigma > sigma_min / ratio:
        xi, sigma = xi * ratio, sigma * ratio
        found.append((xi, sigma))
    found += [(xi * (1 - q / Q), sigma_min) for q in range(1, Q)]
    return tuple(Wavelet(xi, sigma, _max_decimation(xi, sigma)) for xi, sigma in found)


def _max_decimation(xi: float, sigma: float) -> int:
    return math.floor(-math.log2(min(xi + ALPHA * sigma, 0.5))) - 1


class Family(NamedTuple):
    """The wavelets of an order, or those along log-frequency, and what is made of their Morlets.

    `analytic` wavelets do not answer to negative frequencies, or hardly. If `tight`, they and the
    low-pass of width 2**J keep all energy of real signals; if not, each has a l1 norm of 1.
    """

    wavelets: tuple[Wavelet, ...]
    J: int
    analytic: bool = False
    tight: bool = False

    @property
    def edges(self) -> Edges:
        """How wavelets end at zero frequency and at the Nyquist frequency.

        Tight frames need all that is between them, and have steep edges anyway.
        """
        return ("hard" if self.tight else "smooth") if self.analytic else None


def passband(wavelet: Wavelet, n: int, edges: Edges = None) -> tuple[int, int]:
    """First and last Fourier bin, of `n` a cycle, where the wavelet is not negligible.

    Bins are signed: a wavelet may reach below 0, and above the Nyquist bin n/2.
    """
    xi, sigma, _ = wavelet
    log_kappa = -0.5 * (xi / sigma) ** 2
    low_pass_reach = math.sqrt(max(2 * (log_kappa - math.log(NEGLIGIBLE)), 0))
    lowest = min(xi - _N_SIGMA * sigma, -low_pass_reach * sigma)
    highest = xi + _N_SIGMA * sigma
    if edges is not None:
        beyond = 0.0 if edges == "hard" else (_STEP_WIDTH * _N_SIGMA - _STEP) * sigma
        lowest, highest = max(lowest, -beyond), min(highest, 0.5 + beyond)
    first, last = math.floor(n * lowest), math.ceil(n * highest)
    return (first, last) if last - first < n else (-(n // 2), (n - 1) // 2)


def morlet_hat(wavelet: Wavelet, n: int, start: int, stop: int, edges: Edges = None) -> np.ndarray:
    """Transfer function of a Morlet wavelet on the bins [start, stop) of `n` a cycle.

        ψ̂(f) ∝ g(f − ξ) − κ g(f),   g(f) = Σₚ exp(−(f + p)² / 2σ²),   κ such that ψ̂(0) = 0

    without negative frequencies if there are `edges`, and normalized to Σₜ |ψ(t)| = 1 over one
    period of `n` samples.
    """
    first, last = passband(wavelet, n, edges)
    # |ψ(t)| is as smooth as the band is narrow, so that a coarse grid in time gives its sum; but
    # analytic wavelets have zeros, where it has kinks.
    density = 16 if edges == "smooth" else 2
    n_coarse = min(n, max(4096, 2 ** math.ceil(math.log2(density * (last + 1 - first)))))
    n_coarse = n if n % n_coarse else n_coarse
    bins = np.arange(first, last + 1) if n_coarse < n else np.arange(n)

    def response(bins: np.ndarray) -> np.ndarray:
        hat = _morlet(wavelet, bins / n)
        if edges == "smooth":
            return hat * _positive(bins / n, wavelet.sigma)
        return np.where(bins % n > n // 2, 0, hat) if edges == "hard" else hat

    l1_norm = np.abs(np.fft.ifft(response(bins), n_coarse)).sum()
    return response(np.arange(start, stop)) / l1_norm


def psi_hats(
    family: Family, gain: np.ndarray, n: int, start: int, stop: int, members: Iterable[int]
) -> np.ndarray:
    """Transfer functions of some wavelets on the bins [start, stop) of `n` a cycle.

    `gain` is that of `frame_gain`.
    """
    bins = np.arange(start, stop) % n
    psis = [family.wavelets[index] for index in members]
    hats = [morlet_hat(psi, n, start, stop, family.edges) for psi in psis]
    return np.stack(hats) * gain[np.minimum(bins, n - bins)]


def littlewood_paley(family: Family, gain: np.ndarray, n: int) -> np.ndarray:
    """½ Σ (|ψ̂(f)|² + |ψ̂(−f)|²) over a family, on the bins from 0 to n // 2 of `n` a cycle."""
    total = np.zeros(n)
    for index, psi in enumerate(family.wavelets):
        first, last = passband(psi, n, family.edges)
        hat = psi_hats(family, gain, n, first, last + 1, [index])[0]
        total[np.arange(first, last + 1) % n] += hat**2
    bins = np.arange(n // 2 + 1)
    return (total[bins] + total[-bins]) / 2


def frame_gain(family: Family, n: int) -> np.ndarray:
    """Gain of a tight family over its Morlets, on the bins from 0 to n // 2 of `n` a cycle.

        |φ̂|² + gain² · ½ Σ (|ψ̂(f)|² + |ψ̂(−f)|²) = 1

    from the center of the lowest wavelet to where the highest one has fallen to 1 / `_MAX_GAIN` of
    its peak. Beyond, where a single wavelet would have to cover everything, the sum is less, so
    that wavelets stay short in time. Families that are not tight have a gain of 1.
    """
    gain = np.ones(n // 2 + 1)
    if not family.tight:
        return gain
    missing = 1 - low_pass_hat(2**family.J, n, len(gain)) ** 2
    covered = np.maximum(littlewood_paley(family, gain, n), np.finfo(float).tiny)
    # Centers that fall on a bin are not moved from it by rounding.
    lowest, highest = (math.floor(family.wavelets[index].xi * n + 1e-6) for index in (-1, 0))
    at_highest = covered[highest]
    share = np.ones(len(gain))  # of what is missing that the wavelets cover
    share[:lowest] = _share_below(missing[:lowest], covered[: lowest + 1], _SOFTNESS * at_highest)
    share[highest:] = np.minimum(covered[highest:] / at_highest * _MAX_GAIN**2, 1)
    return np.sqrt(missing * share / covered)


def _share_below(missing: np.ndarray, covered: np.ndarray, c: float) -> np.ndarray:
    """Share of what is missing to cover below the lowest wavelet, on whose center `covered` ends.

    It is covered / (covered + c), relative to the center; c shrinks until the sum is flat enough.
    """
    below, center = covered[:-1], covered[-1]
    while True:
        share = np.minimum(below / center * (center + c) / (below + c), 1)
        if np.all(1 - missing * (1 - share) >= _MIN_SUM):
            return share
        c /= 2 ** (1 / 8)


def _morlet(wavelet: Wavelet, f: np.ndarray) -> np.ndarray:
    xi, sigma, _ = wavelet
    return _periodized(f - xi, sigma) - _kappa(wavelet) * _periodized(f, sigma)


def _positive(f: np.ndarray, sigma: float) -> np.ndarray:
    """1 at positive frequencies and 0 at negative ones: Σₚ step(f + p) − step(f + p − ½).

    The steps are integrals of Gaussians, so smooth that responses in time decay as fast as these,
    and leave 1e-7 of the energy at negative frequencies.
    """
    delay, width = _STEP * sigma, _STEP_WIDTH * sigma
    first, last = math.ceil(-f.max() - 9 * width), math.floor(0.5 - f.min() + 9 * width)
    total = np.zeros_like(f)
    for period in range(first, last + 1):
        g = f + period
        total += ndtr((g - delay) / width) - ndtr((g - 0.5 + delay) / width)
    return total


def _kappa(wavelet: Wavelet) -> float:
    """What a Gaussian has to be multiplied by, to cancel the wavelet's mean."""
    xi, sigma, _ = wavelet
    return float(_periodized(np.array(-xi), sigma) / _periodized(np.array(0.0), sigma))


def morlet(wavelet: Wavelet, t: np.ndarray) -> np.ndarray:
    """Impulse response at any time `t`, with a peak of about 1: at integers, that of `morlet_hat`.

    ψ(t) ∝ exp(−2 (π σ t)²) (exp(2πi ξ t) − κ),   κ such that Σₜ ψ(t) = 0 over integers
    """
    xi, sigma, _ = wavelet
    return np.exp(-2 * (np.pi * sigma * t) ** 2) * (np.exp(2j * np.pi * xi * t) - _kappa(wavelet))


def _periodized(f: np.ndarray, sigma: float) -> np.ndarray:
    first, last = math.ceil(-f.max() - 9 * sigma), math.floor(-f.min() + 9 * sigma)
    periods = np.arange(first, last + 1).reshape(-1, *[1] * f.ndim)
    return np.exp(-0.5 * ((f + periods) / sigma) ** 2).sum(0)


def low_pass(width: float, n: int) -> np.ndarray:
    """Gaussian low-pass φ over one period of `n` samples, centered on 0; its sum is 1."""
    t = np.arange(n)
    t = np.minimum(t, n - t)
    std = low_pass_std(width)
    n_periods = math.ceil(0.5 + 9 * std / n)
    phi = np.zeros(n)
    for period in range(-n_periods, n_periods + 1):
        phi += np.exp(-0.5 * ((t + period * n) / std) ** 2)
    return phi / phi.sum()


def low_pass_hat(width: float, n: int, n_bins: int) -> np.ndarray:
    """Transfer function of the low-pass on its first bins, of `n` a cycle: 1 at zero frequency."""
    f = np.arange(n_bins) / n
    return _periodized(f, SIGMA0 / width) / _periodized(np.zeros(1), SIGMA0 / width)


def low_pass_std(width: float) -> float:
    """Standard deviation of the low-pass, in samples."""
    return width / (2 * math.pi * SIGMA0)


def low_pass_reach(width: float) -> float:
    """Distance in samples beyond which the low-pass is negligible."""
    return _N_SIGMA * low_pass_std(width)


def row_kernels(family: Family, n: int) -> np.ndarray:
    """Impulse responses of frequential wavelets over `n` rows, a period, centered on row n // 2."""
    members = range(len(family.wavelets))
    hats = psi_hats(family, frame_gain(family, n), n, -(n // 2), n - n // 2, members)
    # The spectrum starts at bin −(n // 2): undo that shift, and center the responses.
    rows = np.arange(n)
    shift = np.exp(-2j * np.pi * rows * (n // 2) / n)
    return np.roll(np.fft.ifft(hats) * shift, n // 2, axis=-1)
