"""Helpers for filters and padding under Kymatio's names, from the library's counterparts."""

import math as _math
import warnings as _warnings
from collections.abc import Iterator as _Iterator
from typing import Any as _Any

import numpy as _np

from jtfs_jax import _checks, _sampling, _wavelets

_LARGE = 20  # log2 of a duration that leaves room for wavelets of any quality


def compute_xi_max(Q: int) -> float:
    return _wavelets.wavelets(_LARGE, Q)[0].xi


def compute_sigma_psi(xi: float, Q: int, r: float = _wavelets.R_PSI) -> float:
    """The quality factor of a family is constant."""
    highest = _wavelets.wavelets(_LARGE, Q, r)[0]
    return xi * highest.sigma / highest.xi


def get_max_dyadic_subsampling(xi: float, sigma: float, alpha: float, **_: _Any) -> int:
    assert alpha == _wavelets.ALPHA
    return _wavelets._max_decimation(abs(xi), sigma)


def anden_generator(J: int, Q: int, *, sigma0: float, r_psi: float, **_: _Any) -> _Iterator:
    assert sigma0 == _wavelets.SIGMA0
    yield from ((psi.xi, psi.sigma) for psi in _wavelets.wavelets(J, Q, r_psi))


def spin(generator: _Any, options: dict) -> tuple[_Any, dict]:
    """Both spins: the library creates one, and the other is its conjugate."""

    def spinned(J: int, Q: int, **kwargs: _Any) -> _Iterator:
        up = list(generator(J, Q, **kwargs))
        yield from up
        yield from ((-xi, sigma) for xi, sigma in up)

    return spinned, options


def adaptive_choice_P(sigma: float, eps: float = 1e-7) -> int:
    """Periods of a Gaussian: the library includes periods within nine sigma."""
    assert eps > _math.exp(-(9**2) / 2)
    return 1 + _math.ceil(9 * sigma)


def morlet_1d(N: int, xi: float, sigma: float) -> _np.ndarray:
    return _wavelets.morlet_hat(_wavelets.Wavelet(xi, sigma, 0), N, 0, N)


def gauss_1d(N: int, sigma: float) -> _np.ndarray:
    return _wavelets.low_pass_hat(_wavelets.SIGMA0 / sigma, N, N)


def scattering_filter_factory(N: int, J: int, Q: tuple, T: float, filterbank: tuple) -> tuple:
    """The low-pass filter, and the wavelets of each order."""
    generator, options = filterbank
    phi = {"xi": 0, "sigma": _wavelets.SIGMA0 / T, "j": _math.floor(_math.log2(T)), "N": N}
    return phi, *(
        [
            {
                "xi": xi,
                "sigma": sigma,
                "j": get_max_dyadic_subsampling(xi, sigma, options["alpha"]),
                "levels": [morlet_1d(N, xi, sigma)],
            }
            for xi, sigma in generator(J, q, **options)
        ]
        for q in Q
    )


def compute_temporal_support(h_f: _np.ndarray, criterion_amplitude: float = 1e-3) -> int:
    """Number of samples beyond which little of a filter's sum remains; padding needs it for φ_T."""
    half = _np.abs(_np.fft.ifft(h_f))[:, : h_f.shape[1] // 2]
    beyond = _np.cumsum(half[:, ::-1], axis=1)[:, ::-1].max(axis=0)
    small = _np.flatnonzero(beyond <= criterion_amplitude)
    if not len(small):
        _warnings.warn("the support is too small to avoid border effects", UserWarning, 2)
    return int(small[0]) + 1 if len(small) else half.shape[1]


def compute_padding(N: int, N_input: int) -> tuple[int, int]:
    if N_input > N:
        raise ValueError(f"N={N} should be larger than N_input={N_input}.")
    left = _sampling.pad_left(N_input, N)
    if N - N_input - left >= N_input:
        raise ValueError(f"Too large padding value, {N - left}, for N_input={N_input}.")
    return left, N - N_input - left


def compute_border_indices(log2_T: int, J: int, i0: int, i1: int) -> tuple[dict, dict]:
    """First and last multiples of 2**j within [i0, i1), as in `FilterBank.frames`."""
    steps = {j: 2**j for j in range(max(log2_T, J) + 1)}
    return {j: -(-i0 // n) for j, n in steps.items()}, {j: -(-i1 // n) for j, n in steps.items()}


def parse_T(T: _Any, J: int, N_input: int, T_alias: str = "T") -> tuple[float, str | bool]:
    """The width, and the kind of average."""
    try:
        width = _checks.width(T_alias, T, 2**J, N_input, "samples")
    except ValueError as error:
        what = f"The support {T_alias} of the low-pass filter cannot exceed {N_input}"
        kind = what if N_input < T else f"{T_alias} must be ==0 or >=1"
        raise ValueError(f"{kind}: {error}") from error
    if isinstance(width, str):
        return 2**J, "global"
    return (width, "local") if width else (2**J, False)
