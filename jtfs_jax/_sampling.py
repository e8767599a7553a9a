"""The sampling grids: how far a signal is padded, and which samples and rows are kept."""

import math
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any

import numpy as np

from ._wavelets import low_pass, low_pass_std

_CONTEXT = 8  # widths of the longest filter
_N_CANDIDATES = 3  # for the length of segments
_MOST = 1.3  # samples that are transformed for one of a long signal, by default


def low_pass_width(T: float | str, J: int) -> float:
    """Width of φ_T; where T is "global" or 0, that of the low-pass of width 2**J in its place."""
    return T if isinstance(T, float) and T > 0 else 2.0**J


def critical_stride(T: float | str, J: int) -> int:
    """The largest power of two up to the width of the low-pass."""
    return 2 ** math.floor(math.log2(low_pass_width(T, J)))


def log2_decimation(n_samples: int, n_padded: int, T: float | str, J: int) -> int:
    """Log2 of the decimation at which averages still have samples enough."""
    if T == "global":
        return max(math.floor(math.log2(n_samples)) - 6, 0)
    return int(math.log2(critical_stride(T, J) if T else n_padded))


def context(T: float | str, J: int) -> tuple[int, int]:
    """The decimation of the longest filter, and samples on each side that a frame depends on.

    Beyond these, a multiple of the former, float32 sees nothing.
    """
    grid = max(2**J, critical_stride(T, J))
    reach = _CONTEXT * max(low_pass_width(T, J), 2 * 2**J)
    return grid, math.ceil(reach / grid) * grid


def segment_length(J: int, T: float | str, pad_mode: str) -> int:
    """Shortest signal for which a filterbank transforms at most 1.3 samples for one of segments."""
    _, reach = context(T, J)
    return next(
        n_samples
        for n_samples, n_padded in _powers_of_two(J, T, pad_mode)
        if n_padded <= _MOST * (n_padded - 2 * reach)
    )


def segment_length_for(lengths: Sequence[int], J: int, T: float | str, pad_mode: str) -> int:
    """Length of segments with which signals of some lengths are the least work, of a few."""
    _, reach = context(T, J)
    lengths_of = _powers_of_two(J, T, pad_mode)
    long_enough = ((n_padded - 2 * reach, n_padded, n) for n, n_padded in lengths_of)
    candidates = islice(filter(lambda candidate: candidate[0] > 0, long_enough), _N_CANDIDATES)
    work = {
        n_samples: n_padded * sum(-(-length // hop) for length in lengths)
        for hop, n_padded, n_samples in candidates
    }
    return min(work, key=work.__getitem__)


def _powers_of_two(J: int, T: float | str, pad_mode: str) -> Iterator[tuple[int, int]]:
    """Lengths of signals, and to what they are padded."""
    for log2 in count(J):
        yield 2**log2, padded_length(2**log2, J, T, pad_mode)


def padded_length(n_samples: int, J: int, T: float | str, pad_mode: str) -> int:
    """Number of samples, a power of two, that signals are padded to, for wavelets up to 2**J.

    It is Kymatio's where that suffices, and else the next power of two that does.
    """
    n_padded = _kymatio_length(n_samples, J, low_pass_width(T, J))
    while not _suffices(n_padded, n_samples, J, T, pad_mode):
        n_padded *= 2
    return n_padded


def _kymatio_length(n_samples: int, J: int, width: float) -> int:
    """The low-pass decays within the padding, which is at most as long as the signal, or 2**J."""
    n = max(n_samples, 2**J)
    # An averaging much shorter than the wavelets must not leave these without padding.
    reach = _support(max(width, 2 ** (J - 2)), n)
    log2_wanted = math.ceil(math.log2(n + 6 * reach))
    return 2 ** min(log2_wanted, math.floor(math.log2(3 * n - 2)))


def _suffices(n_padded: int, n_samples: int, J: int, T: float | str, pad_mode: str) -> bool:
    """Whether coefficients are those of a signal that is continued without end, to 1e-3.

    Time is periodic: beyond the padding on one side comes the padding on the other. Filters may
    reach it if it goes on as the continuation does, exactly or by a shift of two samples (which
    then matters little), or where they are small.
    """
    average = 0.0 if isinstance(T, str) else low_pass_std(T or 2**J)
    wavelet = low_pass_std(2**J)  # standard deviation of the longest wavelet's envelope
    padding = n_padded - n_samples
    if n_padded < 6 * wavelet:  # which itself would not fit
        return False
    if pad_mode == "zero":  # what is reached beyond the padding is the signal itself
        return padding >= 4 * math.hypot(average, wavelet, wavelet)  # one for each order
    period = n_samples if pad_mode == "periodic" else 2 * (n_samples - 1)
    shift = min(n_padded % period, -n_padded % period)
    if shift <= 2:
        return shift == 0 or padding / 2 >= 2.5 * max(average, wavelet)
    return padding / 2 >= math.hypot(4 * average, 2.4 * wavelet)


def _support(width: float, n: int) -> int:
    """One more than the distance beyond which a low-pass has at most 1e-3 of its sum, each side."""
    half = low_pass(width, n)[: n // 2]
    tails = np.cumsum(half[::-1])[::-1]
    small = np.flatnonzero(tails <= 1e-3)
    return int(small[0]) + 1 if len(small) else n // 2


def pad_left(n_samples: int, n_padded: int) -> int:
    """Number of samples before the signal."""
    return (n_padded - n_samples) // 2


def source(position: Any, n_samples: int, pad_mode: str) -> Any:
    """Which sample of a continued signal stands at each position from its first; −1 for zeros."""
    if pad_mode == "zero":
        inside = (position >= 0) & (position < n_samples)
        return (position + 1) * inside - 1
    if pad_mode == "periodic":
        return position % n_samples
    period = 2 * (n_samples - 1)
    place = position % period
    return place + (place >= n_samples) * (period - 2 * place)


def is_backward(position: Any, n_samples: int) -> Any:
    """Whether a signal that is continued by its reflections runs backward at each position."""
    return position % (2 * (n_samples - 1)) >= n_samples


def frames(n_samples: int, n_padded: int, stride: int) -> range:
    """Indices of the multiples of `stride` on the padded axis that lie within the signal."""
    first = pad_left(n_samples, n_padded)
    return range(-(-first // stride), -(-(first + n_samples) // stride))


def n_kept(n_rows: int, stride: int) -> int:
    """Number of multiples of `stride` among the rows 0, 1, …, n_rows − 1."""
    return -(-n_rows // stride)


def padded_rows(n_rows: int, J: int, Q: int, J_fr: int, F: float | str) -> int:
    """Period in rows, a multiple of 2**J_fr, on which the frequential filters are sampled."""
    width = 0.0 if isinstance(F, str) else F
    return (max(n_rows, (J + 1) * Q) + int(8 * max(2**J_fr, width))) // 2**J_fr * 2**J_fr


def mean_weights(length: Any, n_samples: int, n_padded: int, log2_stride: int) -> Any:
    """Weights in a mean over the first `length` samples of the signal, at most all `n_samples`.

    They are those of one in 2**log2_stride samples on the padded axis. `length` may be a traced
    floating-point number.
    """
    positions = np.arange(0, n_padded, 1 << log2_stride) - pad_left(n_samples, n_padded)
    return cell_overlaps(positions, 1 << log2_stride, length)


def cell_overlaps(positions: np.ndarray, step: int, length: Any) -> Any:
    """Weights of samples `step` apart in a mean over [−½, length − ½): what their cells overlap."""
    low = np.maximum(positions - step / 2, -0.5)
    size = np.maximum(positions + step / 2 - low, 0)
    low, size = (part.astype(getattr(length, "dtype", float)) for part in (low, size))
    overlaps = (length - 0.5 - low).clip(0, size)
    return overlaps / overlaps.sum()
