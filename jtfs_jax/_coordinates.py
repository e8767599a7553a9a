"""Coordinates of coefficients: the frequencies of rows and bands, and the times of frames."""

import numpy as np
from jaxtyping import Float

from . import _checks, _limits, _sampling
from ._filterbank import FilterBank
from ._parameters import known_wavelets
from ._paths import frame_stride, n_frequential, require_joint, row_stride


def wavelet_frequencies(
    bank: FilterBank, *, sample_rate: float | None = None
) -> Float[np.ndarray, " n1"]:
    """Return the center frequencies of the first-order wavelets: the rows of U1 and S1.

    Args:
        bank: Filters from `filterbank`.
        sample_rate: Sample rate in Hz. If None, frequencies are in cycles/sample.

    Returns:
        Frequencies in Hz or cycles/sample, from high to low.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8)
        >>> jtfs_jax.wavelet_frequencies(bank, sample_rate=8000.0)[[0, 8]].round()
        array([3483., 1742.])
    """
    frequencies = np.array([psi.xi for psi in known_wavelets(bank, "1")])
    return frequencies * _checks.sample_rate(sample_rate)


def band_frequencies(
    bank: FilterBank, *, sample_rate: float | None = None, n_fr: int = 0
) -> Float[np.ndarray, " band"]:
    """Return the center frequencies of the bands of S2.

    A path whose ψ_n2 acts on fewer rows uses only the first `n_rows` of these bands (see
    `path_table`).

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        sample_rate: Sample rate in Hz. If None, frequencies are in cycles/sample.
        n_fr: Index of a frequential filter. It matters only if F=0, when each filter has its own
            bands.

    Returns:
        Frequencies in Hz or cycles/sample, from high to low; for F="global", their geometric mean.

    Raises:
        ValueError: If `bank` has no frequential wavelets, or no filter of index `n_fr`.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> jtfs_jax.band_frequencies(bank, sample_rate=8000.0)[:2].round()
        array([3483., 1742.])
    """
    require_joint(bank)
    n_fr = _index("n_fr", n_fr, 0, n_frequential(bank) - 1, "frequential filter")
    frequencies = wavelet_frequencies(bank, sample_rate=sample_rate)
    if bank.F == "global":
        return np.exp(np.log(frequencies).mean(keepdims=True))
    return frequencies[:: row_stride(bank, n_fr)]


def frame_times(
    bank: FilterBank,
    *,
    n_samples: int | None = None,
    sample_rate: float | None = None,
    n2: int | None = None,
) -> Float[np.ndarray, " frame"]:
    """Return the center times of frames, relative to the first sample of the signal.

    The p-th frame is centered on times[0] + p · stride. In a single call of a transform, times[0]
    depends on the padding and need not be 0; with `segmented` and `stream`, it is 0.

    Args:
        bank: Filters from `filterbank`.
        n_samples: Length of a signal that is transformed in segments. None gives the times of a
            single call.
        sample_rate: Sample rate in Hz. If None, times are in samples.
        n2: Index of ψ_n2, or −1 for α = 0. It matters only if T=0, when each ψ_n2 has its own
            frames. None gives the frames of S0 and S1.

    Returns:
        Times in seconds or samples.

    Raises:
        ValueError: If `n_samples` is not an integer of at least 2, or if no ψ_n2 has index `n2`.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=10, Q=8)
        >>> jtfs_jax.frame_times(bank)
        array([   0., 1024., 2048., 3072.])
        >>> jtfs_jax.frame_times(bank, n_samples=5000)
        array([   0., 1024., 2048., 3072., 4096.])
    """
    fs = _checks.sample_rate(sample_rate)
    if n2 is not None:
        n2 = _index("n2", n2, -1, len(bank.wavelets2) - 1, "wavelet")
    n = bank.n_samples if n_samples is None else _limits.length(n_samples)
    if bank.T == "global":
        return np.array([(n - 1) / 2 / fs])
    stride = (bank.stride or 1) if n2 is None else frame_stride(bank, n2)
    if n_samples is not None:
        return np.arange(0, n, stride) / fs
    frames = np.array(bank.frames(stride))
    return (frames * stride - _sampling.pad_left(bank.n_samples, bank.n_padded)) / fs


def _index(name: str, value: object, first: int, last: int, of: str) -> int:
    number = _checks.plain(name, value)
    if isinstance(number, bool) or not isinstance(number, int) or not first <= number <= last:
        raise ValueError(
            f"{name} must be an integer between {first} and {last}, the index of the last {of}, "
            f"got {_checks.shown(value)}."
        )
    return number
