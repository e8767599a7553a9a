"""Wavelets and low-pass filters: center frequencies, supports and values.

Frequencies and bandwidths are in cycles/sample (cycles/row along log-frequency), times in samples.
Values are in NumPy and float64, or in JAX if frequencies, bandwidths and widths are JAX arrays.
Quantities that must be known even then, such as bins and periods, depend only on the design.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import numpy as np
import scipy.special

from ._arrays import namespace

SIGMA0 = 0.1  # bandwidth × width of every low-pass: a filter of width T has bandwidth SIGMA0 / T
R_PSI = math.sqrt(0.5)  # by default, neighboring wavelets cross at this fraction of their peaks
MAX_WIDENING = 2  # largest bandwidth that other parameters may give, relative to the design's
ALPHA = 5.0  # a filter's response is negligible beyond xi ± ALPHA · sigma
NEGLIGIBLE = 1e-8  # relative amplitude under which a filter's response is dropped
_MAX_GAIN = 2  # of tight frames above the highest wavelet, relative to the gain at its center
_SOFTNESS = 0.305  # of tight frames below the lowest wavelet: coverage that counts as small there
_MIN_SUM = 0.57  # least Littlewood–Paley sum of a tight frame below its lowest wavelet
N_SIGMA = math.sqrt(-2 * math.log(NEGLIGIBLE))  # a Gaussian is NEGLIGIBLE at this many sigma

# Position above zero frequency and width of the step of analytic wavelets, in bandwidths.
_STEP, _STEP_WIDTH = 0.42, 0.38

Edges: TypeAlias = Literal["smooth", "hard"] | None


class Wavelet(NamedTuple):
    """Center frequency `xi`, bandwidth `sigma`, and `j`: decimation by 2**j does not alias."""

    xi: float
    sigma: float
    j: int


def are_wavelets(J: int, Q: int, r_psi: float = R_PSI) -> bool:
    """Return whether `Q` wavelets per octave are shorter than 2**J, so that they have an elbow."""
    return _highest(Q, r_psi)[1] > SIGMA0 / 2**J


def _highest(Q: int, r_psi: float) -> tuple[float, float]:
    xi, ratio = max(1 / (1 + 2 ** (3 / Q)), 0.35), 2 ** (-1 / Q)
    return xi, xi * (1 - ratio) / (1 + ratio) / math.sqrt(2 * math.log(1 / r_psi))


def wavelets(J: int, Q: int, r_psi: float = R_PSI) -> tuple[Wavelet, ...]:
    """Return Morlet wavelets from high to low frequency, `Q` per octave, of duration up to 2**J.

    Above the "elbow", the quality factor is constant; below it, the bandwidth is constant and
    frequencies are spaced evenly down to zero (Lostanlen & Han, 2024, section 3.1). Neighbors cross
    at the fraction `r_psi` of their peaks.
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
    """Wavelets of one order or along log-frequency, and how they are built from Morlet wavelets.

    `analytic` wavelets have no response, or hardly any, at negative frequencies. If `tight`, the
    wavelets and the low-pass filter of width 2**J keep all energy of real signals; otherwise, each
    wavelet has unit l1 norm.

    `values` are center frequencies and bandwidths as JAX arrays. They replace the values in
    `wavelets`, which then only determine how filters are sampled.
    """

    wavelets: tuple[Wavelet, ...]
    J: int
    analytic: bool = False
    tight: bool = False
    values: tuple[Any, Any] | None = None

    @property
    def edges(self) -> Edges:
        """Shape of wavelets at zero frequency and at the Nyquist frequency.

        Tight frames need all frequencies in between, and have steep edges anyway.
        """
        return ("hard" if self.tight else "smooth") if self.analytic else None


def passband(wavelet: Wavelet, n: int, edges: Edges = None) -> tuple[int, int]:
    """Return the first and last Fourier bin, out of `n`, where the wavelet is not negligible.

    Bins are signed: a wavelet may reach below 0, and above the Nyquist bin n/2.
    """
    xi, sigma, _ = wavelet
    log_kappa = -0.5 * (xi / sigma) ** 2
    low_pass_reach = math.sqrt(max(2 * (log_kappa - math.log(NEGLIGIBLE)), 0))
    lowest = min(xi - N_SIGMA * sigma, -low_pass_reach * sigma)
    highest = xi + N_SIGMA * sigma
    if edges is not None:
        beyond = 0.0 if edges == "hard" else (_STEP_WIDTH * N_SIGMA - _STEP) * sigma
        lowest, highest = max(lowest, -beyond), min(highest, 0.5 + beyond)
    first, last = math.floor(n * lowest), math.ceil(n * highest)
    return (first, last) if last - first < n else (-(n // 2), (n - 1) // 2)


class _Grid(NamedTuple):
    """Grid of `n` Fourier bins on which wavelets are computed."""

    n: int
    passed: range  # where any of the wavelets is not negligible
    n_coarse: int  # samples of a period in time that suffice for the l1 norm
    sigma: float  # the largest
    edges: Edges


def _grid(wavelets: Sequence[Wavelet], n: int, edges: Edges) -> _Grid:
    passbands = [passband(wavelet, n, edges) for wavelet in wavelets]
    first, last = min(low for low, _ in passbands), max(high for _, high in passbands)
    # A narrow band makes |ψ(t)| smooth, so that a coarse grid in time gives its sum; but analytic
    # wavelets have zeros, where |ψ(t)| has kinks.
    density = 16 if edges == "smooth" else 2
    n_coarse = min(n, max(4096, 2 ** math.ceil(math.log2(density * (last + 1 - first)))))
    n_coarse = n if n % n_coarse else n_coarse
    passed = range(first, last + 1) if n_coarse < n else range(n)
    return _Grid(n, passed, n_coarse, max(psi.sigma for psi in wavelets), edges)


def morlet_hat(wavelet: Wavelet, n: int, start: int, stop: int, edges: Edges = None) -> np.ndarray:
    """Return the transfer function of a Morlet wavelet on the bins [start, stop), out of `n`.

        ψ̂(f) ∝ g(f − ξ) − κ g(f),   g(f) = Σₚ exp(−(f + p)² / 2σ²),   κ such that ψ̂(0) = 0

    without negative frequencies if `edges` is given, and normalized to Σₜ |ψ(t)| = 1 over one
    period of `n` samples.
    """
    grid = _grid([wavelet], n, edges)
    return _morlet_hat(wavelet.xi, wavelet.sigma, grid, range(start, stop))


def _morlet_hat(xi: Any, sigma: Any, grid: _Grid, bins: range) -> Any:
    xp, n, largest = namespace(sigma), grid.n, grid.sigma

    def response(bins: range) -> Any:
        low = _periodized(bins, n, 0.0, sigma, largest)
        hat = _periodized(bins, n, xi, sigma, largest) - _kappa(xi, sigma, largest) * low
        if grid.edges == "smooth":
            return hat * _positive(bins, n, sigma, largest)
        is_negative = np.arange(bins.start, bins.stop) % n > n // 2
        return xp.where(is_negative, 0, hat) if grid.edges == "hard" else hat

    passed = response(grid.passed)
    l1_norm = xp.abs(xp.fft.ifft(passed, grid.n_coarse)).sum()
    first, last = grid.passed[0], grid.passed[-1]
    if len(passed) == n or first <= bins[0] <= bins[-1] <= last:
        return xp.roll(passed, first - bins[0])[: len(bins)] / l1_norm
    return response(bins) / l1_norm


def psi_hats(family: Family, gain: Any, n: int, start: int, stop: int, members: Sequence) -> Any:
    """Return the transfer functions of some wavelets on the bins [start, stop), out of `n`.

    `gain` is the result of `frame_gain`.
    """
    psis = [family.wavelets[index] for index in members]
    grid, wanted = _grid(psis, n, family.edges), range(start, stop)
    if family.values is not None:
        grid = grid._replace(sigma=MAX_WIDENING * grid.sigma)
        of_values = jax.vmap(lambda xi, sigma: _morlet_hat(xi, sigma, grid, wanted))
        return of_values(*(value[np.array(members)] for value in family.values))
    hats = [_morlet_hat(xi, sigma, grid, wanted) for xi, sigma, _ in psis]
    bins = np.arange(start, stop) % n
    return np.stack(hats) * gain[np.minimum(bins, n - bins)]


def littlewood_paley(family: Family, gain: np.ndarray, n: int) -> np.ndarray:
    """Return ½ Σ (|ψ̂(f)|² + |ψ̂(−f)|²) over a family, on the bins 0 to n // 2 of `n`."""
    total = np.zeros(n)
    for index, psi in enumerate(family.wavelets):
        first, last = passband(psi, n, family.edges)
        hat = psi_hats(family, gain, n, first, last + 1, [index])[0]
        total[np.arange(first, last + 1) % n] += hat**2
    bins = np.arange(n // 2 + 1)
    return (total[bins] + total[-bins]) / 2


def frame_gain(family: Family, n: int) -> np.ndarray:
    """Return the gain of a tight family over its Morlet wavelets, on the bins 0 to n // 2 of `n`.

        |φ̂|² + gain² · ½ Σ (|ψ̂(f)|² + |ψ̂(−f)|²) = 1

    from the center of the lowest wavelet to where the highest one has fallen to 1 / `_MAX_GAIN` of
    its peak. Outside this range, where a single wavelet would have to cover everything, the sum is
    smaller, so that wavelets stay short in time. Families that are not tight have a gain of 1.
    """
    assert family.values is None or not family.tight
    gain = np.ones(n // 2 + 1)
    if not family.tight:
        return gain
    missing = 1 - low_pass_hat(2**family.J, n, len(gain)) ** 2
    covered = np.maximum(littlewood_paley(family, gain, n), np.finfo(float).tiny)
    # Rounding must not move centers that fall on a bin.
    lowest, highest = (math.floor(family.wavelets[index].xi * n + 1e-6) for index in (-1, 0))
    at_highest = covered[highest]
    share = np.ones(len(gain))  # of the missing sum that the wavelets cover
    share[:lowest] = _share_below(missing[:lowest], covered[: lowest + 1], _SOFTNESS * at_highest)
    share[highest:] = np.minimum(covered[highest:] / at_highest * _MAX_GAIN**2, 1)
    return np.sqrt(missing * share / covered)


def _share_below(missing: np.ndarray, covered: np.ndarray, c: float) -> np.ndarray:
    """Return the share of the missing sum to cover below the lowest wavelet.

    `covered` ends at the center of that wavelet. The share is covered / (covered + c), relative to
    its value at the center; c shrinks until the sum is flat enough.
    """
    below, center = covered[:-1], covered[-1]
    while True:
        share = np.minimum(below / center * (center + c) / (below + c), 1)
        if np.all(1 - missing * (1 - share) >= _MIN_SUM):
            return share
        c /= 2 ** (1 / 8)


def _periods(bins: range, n: int, sigma: Any, reach: float) -> Any:
    """Return the frequencies `(period, bin)` of bins, in all periods where they are near 0 to ½."""
    xp, dtype = namespace(sigma), getattr(sigma, "dtype", float)
    first, last = math.ceil(-bins[-1] / n - reach), math.floor(0.5 - bins[0] / n + reach)
    period = xp.arange(first, last + 1)[:, None] * n
    return (period + xp.arange(bins.start, bins.stop)[None]).astype(dtype) / n


def _periodized(bins: range, n: int, xi: Any, sigma: Any, largest: float) -> Any:
    """Return Σₚ exp(−(f + p − ξ)² / 2σ²), where σ is at most `largest`."""
    f = _periods(bins, n, sigma, 9 * largest)
    return namespace(sigma).exp(-0.5 * ((f - xi) / sigma) ** 2).sum(0)


def _positive(bins: range, n: int, sigma: Any, largest: float) -> Any:
    """Return 1 at positive and 0 at negative frequencies: Σₚ step(f + p) − step(f + p − ½).

    The steps are integrals of Gaussians, smooth enough for responses in time to decay as fast as
    Gaussians do; they leave 1e-7 of the energy at negative frequencies.
    """
    ndtr = scipy.special.ndtr if namespace(sigma) is np else jax.scipy.special.ndtr
    delay, width = _STEP * sigma, _STEP_WIDTH * sigma
    f = _periods(bins, n, sigma, 9 * _STEP_WIDTH * largest)
    return (ndtr((f - delay) / width) - ndtr((f - 0.5 + delay) / width)).sum(0)


def _kappa(xi: Any, sigma: Any, largest: float) -> Any:
    """Return the factor of the Gaussian at zero frequency that cancels the wavelet's mean."""
    at_zero = range(1)
    of_wavelet = _periodized(at_zero, 1, xi, sigma, largest)
    return of_wavelet / _periodized(at_zero, 1, 0.0, sigma, largest)


def morlet(wavelet: Wavelet, t: np.ndarray) -> np.ndarray:
    """Return the impulse response at times `t`, with a peak of about 1.

    ψ(t) ∝ exp(−2 (π σ t)²) (exp(2πi ξ t) − κ),   κ such that Σₜ ψ(t) = 0 over integers

    At integers, it equals the impulse response of `morlet_hat`, up to a factor.
    """
    xi, sigma, _ = wavelet
    envelope = np.exp(-2 * (np.pi * sigma * t) ** 2)
    return envelope * (np.exp(2j * np.pi * xi * t) - _kappa(xi, sigma, sigma).item())


def low_pass(width: Any, n: int, widest: float | None = None) -> Any:
    """Return the Gaussian low-pass filter φ of period `n` samples, centered on 0, with sum 1.

    If the width is traced, it is at most about `widest`.
    """
    xp, dtype = namespace(width), getattr(width, "dtype", float)
    t = xp.arange(n)
    t = xp.minimum(t, n - t)
    std = low_pass_std(width)
    n_periods = math.ceil(0.5 + 9 * low_pass_std(width if widest is None else widest) / n)
    periods = xp.arange(-n_periods, n_periods + 1)[:, None] * n
    phi = xp.exp(-0.5 * ((t[None] + periods).astype(dtype) / std) ** 2).sum(0)
    return phi / phi.sum()


def low_pass_hat(width: Any, n: int, n_bins: int, widest: float | None = None) -> Any:
    """Return the transfer function of the low-pass filter on its first bins, 1 at zero frequency.

    If the width is traced, it is at least half of `widest`.
    """
    largest = SIGMA0 / width if widest is None else MAX_WIDENING * SIGMA0 / widest
    phi_hat = _periodized(range(n_bins), n, 0.0, SIGMA0 / width, largest)
    return phi_hat / phi_hat[0]


def low_pass_std(width: Any) -> Any:
    """Return the standard deviation of the low-pass filter, in samples."""
    return width / (2 * math.pi * SIGMA0)


def low_pass_reach(width: float) -> float:
    """Return the distance in samples beyond which the low-pass filter is negligible."""
    return N_SIGMA * low_pass_std(width)


def row_kernels(family: Family, n: int) -> Any:
    """Return impulse responses of frequential wavelets over `n` rows, centered on row n // 2."""
    members = range(len(family.wavelets))
    hats = psi_hats(family, frame_gain(family, n), n, -(n // 2), n - n // 2, members)
    # The spectrum starts at bin −(n // 2): undo that shift, and center the responses.
    xp, rows = namespace(hats), np.arange(n)
    shift = np.exp(-2j * np.pi * rows * (n // 2) / n)[None]
    kernels = xp.fft.ifft(hats)
    return xp.roll(kernels * shift.astype(kernels.dtype), n // 2, axis=-1)
