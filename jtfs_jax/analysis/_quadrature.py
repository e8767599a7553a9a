"""Integrals of squares over the whole signal, or over all rows, from few samples.

An average over a Gaussian φ keeps one sample per width of φ: just enough to determine its square
everywhere, so the rectangle rule is wrong by several percent near the ends. The weights here give
the best linear estimate of the integral for averages of white noise v: the square of v ⋆ φ has a
Gaussian covariance as wide as φ, and continues beyond the ends as v does.

References:
    O'Hagan, Bayes–Hermite Quadrature, Journal of Statistical Planning and Inference 29, 1991.
"""

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float

from jtfs_jax._coordinates import frame_times
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._paths import frequential_filter, row_stride, time_filter
from jtfs_jax._wavelets import SIGMA0, low_pass_std

Ends: TypeAlias = Literal["reflect", "zero", "periodic"]

_DENSE = 4  # samples per width of φ from which the rectangle rule is good enough
_EDGE = 32  # samples at either end with weights that depend on the end
_STEPS = 16  # of the sum that approximates the integral, per standard deviation of φ
_JITTER = 1e-6  # relative to the variance, for nearly singular covariances


def frame_weights(bank: FilterBank, n2: int | None = None) -> Float[np.ndarray, " frame"]:
    """Number of samples that each frame represents: of S2 at `n2`, or of S0 and S1 for None."""
    if bank.T == "global":
        return np.array([float(bank.n_samples)])
    if bank.T == 0 and n2 is None:
        return np.ones(bank.n_samples)
    width = bank.T or SIGMA0 / time_filter(bank, -1 if n2 is None else n2)[1]
    continuations: dict[str, Ends] = {"zero": "zero", "periodic": "periodic"}
    ends = continuations.get(bank.pad_mode, "reflect")
    return integration_weights(frame_times(bank, n2=n2), bank.n_samples, float(width), ends)


def band_weights(bank: FilterBank, n_live: int, n_fr: int) -> Float[np.ndarray, " band"]:
    """Number of rows that each band of a path represents, if `n_live` rows feed the path."""
    if bank.F == "global":
        return np.array([float(n_live)])
    positions = np.arange(0, n_live, row_stride(bank, n_fr), dtype=float)
    ends: Ends = "reflect" if bank.pad_mode_fr == "conj-reflect" else "zero"
    filter_width = SIGMA0 / frequential_filter(bank, n_fr)[1]
    if n_fr == 0 or bank.F == 0:  # the filter is the only average
        return integration_weights(positions, n_live, max(float(bank.F), filter_width), ends)
    return integration_weights(positions, n_live, float(bank.F), ends, spread=filter_width)


def integration_weights(
    positions: Float[np.ndarray, " sample"],
    length: int,
    width: float,
    ends: Ends,
    spread: float = 0.0,
) -> Float[np.ndarray, " sample"]:
    """Weights w such that Σ w s² estimates ∫ s² over [−½, length − ½), where s = v ⋆ φ.

    They are exact if s² is constant or, with zeros beyond the ends, if it fades as it does on
    average.

    Args:
        positions: Equidistant positions of the samples of s.
        length: Length of v, in the same unit.
        width: Width of φ.
        ends: How v continues beyond its ends.
        spread: Width of an earlier filter of v, which adds to the fading with zeros beyond the
            ends.
    """
    n, step = len(positions), np.diff(positions[:2]).sum()
    if n > 2 * _EDGE:
        # Samples in the middle have a weight of one step; leave most of them out.
        skipped = (n - 2 * _EDGE) * step
        left, right = positions[:_EDGE], positions[-_EDGE:] - skipped
        rest = np.append(left, right), length - int(skipped)
        near = integration_weights(*rest, width, ends, spread)
        return np.concatenate([near[:_EDGE], np.full(n - 2 * _EDGE, step), near[_EDGE:]])
    if n > 1 and _DENSE * step <= width:
        middles = (positions[1:] + positions[:-1]) / 2
        return np.diff(np.concatenate([[-0.5], middles, [length - 0.5]]))
    n_steps = max(math.ceil(_STEPS * length / low_pass_std(width)), 4 * _STEPS)
    t = (np.arange(n_steps) + 0.5) * length / n_steps - 0.5
    squares = _Squares(length, low_pass_std(width), low_pass_std(math.hypot(width, spread)), ends)
    covariance = squares.covariance(positions, positions)
    covariance += _JITTER * covariance.max() * np.eye(n)
    # Ordinary kriging: the mean is known up to a factor.
    mean = squares.mean(positions)[:, None]
    system = np.block([[covariance, mean], [mean.T, np.zeros((1, 1))]])
    integrals = np.append(squares.covariance(positions, t).sum(-1), squares.mean(t).sum())
    return np.linalg.solve(system, integrals)[:n] * length / n_steps


class _Squares(NamedTuple):
    """Mean and covariance of s² at any positions, relative to the middle of a long v."""

    length: int
    std: float  # of φ
    fade: float  # standard deviation of the slope with zeros beyond the ends
    ends: Ends

    def mean(self, t: np.ndarray) -> np.ndarray:
        if self.ends != "zero":
            return np.ones(t.shape)
        distances = np.stack([t + 0.5, self.length - 0.5 - t])
        return np.vectorize(math.erf)(distances / self.fade).sum(0) / 2

    def covariance(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        images, period = {
            "reflect": ([b, -1 - b], 2 * self.length),
            "periodic": ([b], self.length),
            "zero": ([b], None),
        }[self.ends]
        n_periods = math.ceil(4 * self.std / period) + 1 if period else 0
        shifts = np.arange(-n_periods, n_periods + 1) * (period or 0)
        lags = np.stack([a[:, None] - image - shift for image in images for shift in shifts])
        stationary = np.exp(-0.5 * (lags / self.std) ** 2).sum(0)
        return stationary * self.mean((a[:, None] + b) / 2) ** 2
