"""Sampling grids: how far a signal is padded, and which samples and rows are kept."""

import math
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any

import numpy as np

from ._wavelets import low_pass, low_pass_std

_CONTEXT = 8  # in widths of the longest filter
_N_CANDIDATES = 3  # lengths of segments to compare
_MOST = 1.3  # transformed samples per sample of a long signal, at most, by default


def low_pass_width(T: float | str, J: int) -> float:
    """Return the width of φ_T, or 2**J for the low-pass filter in its place (T "global" or 0)."""
    return T if isinstance(T, float) and T > 0 else 2.0**J


def critical_stride(T: float | str, J: int) -> int:
    """Return the largest power of two up to the width of the low-pass filter."""
    return 2 ** math.floor(math.log2(low_pass_width(T, J)))


def log2_decimation(n_samples: int, n_padded: int, T: float | str, J: int) -> int:
    """Return log2 of the largest decimation that leaves enough samples for averages."""
    if T == "global":
        return max(math.floor(math.log2(n_samples)) - 6, 0)
    return int(math.log2(critical_stride(T, J) if T else n_padded))


def context(T: float | str, J: int) -> tuple[int, int]:
    """Return the decimation of the longest filter, and how far a frame reaches to each side.

    The second is in samples, and a multiple of the first. In float32, samples beyond it have no
    effect.
    """
    grid = max(2**J, critical_stride(T, J))
    reach = _CONTEXT * max(low_pass_width(T, J), 2 * 2**J)
    return grid, math.ceil(reach / grid) * grid


def segment_length(J: int, T: float | str, pad_mode: str) -> int:
    """Return the shortest length whose segments take at most 1.3 transformed samples per sample."""
    _, reach = context(T, J)
    return next(
        n_samples
        for n_samples, n_padded in _powers_of_two(J, T, pad_mode)
        if n_padded <= _MOST * (n_padded - 2 * reach)
    )


def segment_length_for(lengths: Sequence[int], J: int, T: float | str, pad_mode: str) -> int:
    """Return which of a few lengths of segments takes the least work for signals of `lengths`."""
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
    """Yield lengths of signals, and the lengths to which they are padded."""
    for log2 in count(J):
        yield 2**log2, padded_length(2**log2, J, T, pad_mode)


def padded_length(n_samples: int, J: int, T: float | str, pad_mode: str) -> int:
    """Return the length to which signals are padded, a power of two, for wavelets up to 2**J.

    It is Kymatio's length if that suffices, and otherwise the next power of two that does.
    """
    n_padded = _kymatio_length(n_samples, J, low_pass_width(T, J))
    while not _suffices(n_padded, n_samples, J, T, pad_mode):
        n_padded *= 2
    return n_padded


def _kymatio_length(n_samples: int, J: int, width: float) -> int:
    """Return Kymatio's padded length.

    The low-pass filter decays within the padding, which is at most as long as the signal, or 2**J.
    """
    n = max(n_samples, 2**J)
    # If φ is much shorter than the wavelets, these still need padding.
    reach = _support(max(width, 2 ** (J - 2)), n)
    log2_wanted = math.ceil(math.log2(n + 6 * reach))
    return 2 ** min(log2_wanted, math.floor(math.log2(3 * n - 2)))


def _suffices(n_padded: int, n_samples: int, J: int, T: float | str, pad_mode: str) -> bool:
    """Return whether coefficients match, to 1e-3, the coefficients of an endless continuation.

    Time is periodic: the padding on one side is followed by the padding on the other side. Filters
    may reach the other side if it agrees with the continuation, exactly or up to a shift of two
    samples (which then matters little), or if they are small there.
    """
    average = 0.0 if isinstance(T, str) else low_pass_std(T or 2**J)
    wavelet = low_pass_std(2**J)  # standard deviation of the longest wavelet's envelope
    padding = n_padded - n_samples
    if n_padded < 6 * wavelet:  # the wavelet itself would not fit
        return False
    if pad_mode == "zero":  # beyond the padding, filters reach the signal itself
        return padding >= 4 * math.hypot(average, wavelet, wavelet)  # one wavelet per order
    period = n_samples if pad_mode == "periodic" else 2 * (n_samples - 1)
    shift = min(n_padded % period, -n_padded % period)
    if shift <= 2:
        return shift == 0 or padding / 2 >= 2.5 * max(average, wavelet)
    return padding / 2 >= math.hypot(4 * average, 2.4 * wavelet)


def _support(width: float, n: int) -> int:
    """Return 1 + the distance beyond which each side of a low-pass filter sums to at most 1e-3."""
    half = low_pass(width, n)[: n // 2]
    tails = np.cumsum(half[::-1])[::-1]
    small = np.flatnonzero(tails <= 1e-3)
    return int(small[0]) + 1 if len(small) else n // 2


def pad_left(n_samples: int, n_padded: int) -> int:
    """Return the number of samples before the signal."""
    return (n_padded - n_samples) // 2


def source(position: Any, n_samples: int, pad_mode: str) -> Any:
    """Return the index of the sample that a continued signal has at each position, or −1 for 0.

    Positions are relative to the first sample of the signal.
    """
    if pad_mode == "zero":
        inside = (position >= 0) & (position < n_samples)
        return (position + 1) * inside - 1
    if pad_mode == "periodic":
        return position % n_samples
    period = 2 * (n_samples - 1)
    place = position % period
    return place + (place >= n_samples) * (period - 2 * place)


def is_backward(position: Any, n_samples: int) -> Any:
    """Return whether a signal continued by its reflections runs backward at each position."""
    return position % (2 * (n_samples - 1)) >= n_samples


def frames(n_samples: int, n_padded: int, stride: int) -> range:
    """Return the indices of multiples of `stride` on the padded axis within the signal."""
    first = pad_left(n_samples, n_padded)
    return range(-(-first // stride), -(-(first + n_samples) // stride))


def n_kept(n_rows: int, stride: int) -> int:
    """Return the number of multiples of `stride` among the rows 0, 1, …, n_rows − 1."""
    return -(-n_rows // stride)


def padded_rows(n_rows: int, J: int, Q: int, J_fr: int, F: float | str) -> int:
    """Return the period of sampled frequential filters, in rows, a multiple of 2**J_fr."""
    width = 0.0 if isinstance(F, str) else F
    return (max(n_rows, (J + 1) * Q) + int(8 * max(2**J_fr, width))) // 2**J_fr * 2**J_fr


def mean_weights(length: Any, n_samples: int, n_padded: int, log2_stride: int) -> Any:
    """Return weights for the mean over the first `length` samples of a signal of `n_samples`.

    They apply to every 2**log2_stride-th sample on the padded axis. `length` may be a traced
    floating-point number.
    """
    positions = np.arange(0, n_padded, 1 << log2_stride) - pad_left(n_samples, n_padded)
    return cell_overlaps(positions, 1 << log2_stride, length)


def cell_overlaps(positions: np.ndarray, step: int, length: Any) -> Any:
    """Return weights of samples `step` apart in a mean over [−½, length − ½), by cell overlap."""
    low = np.maximum(positions - step / 2, -0.5)
    size = np.maximum(positions + step / 2 - low, 0)
    low, size = (part.astype(getattr(length, "dtype", float)) for part in (low, size))
    overlaps = (length - 0.5 - low).clip(0, size)
    return overlaps / overlaps.sum()
