"""Limits of a filterbank: checks of arguments against each other, before any computation."""

import math
import os
import warnings
from collections.abc import Sequence

from . import _checks, _presets, _sampling, _wavelets
from ._wavelets import Wavelet, are_wavelets

_MAX_SIGMA = 0.5  # wider Morlet wavelets pass all frequencies alike, and cancel to rounding errors
_LOG2_MAX = 40  # log2 of more samples than fit into memory
_SHORTEST = 16  # wavelets are at most this many times longer than signals
# Upper bounds on the numbers in the tables: per padded sample and wavelet per octave, and per pair
# of rows and octave. A number takes 8 bytes while it is computed, and 4 in the filterbank.
_N_BY_SAMPLE, _N_BY_PAIR, _N_BYTES = 3, 13, 12


def length(n_samples: object) -> int:
    """Return `n_samples` as an integer of at least 2, which reflection padding needs."""
    n = _checks.positive_integer("n_samples", n_samples)
    if n == 1:
        raise ValueError("n_samples must be at least 2, got 1; reflection padding needs 2 samples.")
    return n


def signal_length(n_samples: object) -> int:
    """Return `n_samples` as an integer for which the filters fit into memory."""
    n = length(n_samples)
    _require_memory(_N_BY_SAMPLE * 2 * n * 2, f"n_samples={_checks.shown(n)}")
    return n


def segment_length(J: object, T: object, pad_mode: str) -> int:
    """Return a suitable length of segments, a power of two, if the filters fit into memory."""
    return _sampling.segment_length(*_longest_filters(J, T), pad_mode)


def segment_length_for(lengths: Sequence[int], J: object, T: object, preset: str) -> int:
    """Return the length of segments that takes the least work for signals of these lengths."""
    pad_mode = _presets.resolve(preset).pad_mode
    return _sampling.segment_length_for(lengths, *_longest_filters(J, T), pad_mode)


def _longest_filters(J: object, T: object) -> tuple[int, float | str]:
    J_max = max(_checks.one_or_two("J", J, default=None))
    _require_memory(_N_BY_SAMPLE * 2 ** min(J_max, _LOG2_MAX), f"J={_checks.shown(J)}")
    return J_max, _checks.width("T", T, 2**J_max, 2**_LOG2_MAX, "samples")


def log2_durations(J: object, n_samples: int) -> tuple[int, int]:
    """Return log2 of the duration of the longest wavelets of both orders, within their limit."""
    J1, J2 = _checks.one_or_two("J", J, default=None)
    if _exceeds(max(J1, J2), _SHORTEST * n_samples):
        raise ValueError(
            f"J must be such that 2**J is at most {_SHORTEST} n_samples = "
            f"{_checks.shown(_SHORTEST * n_samples)}, got {_checks.shown(J)}; lower J or use "
            f"longer signals."
        )
    return J1, J2


def log2_rows(J_fr: object, n_rows: int) -> int:
    """Return log2 of the length of the longest frequential wavelets, at most `n_rows`."""
    log2 = _checks.positive_integer("J_fr", J_fr)
    if _exceeds(log2, n_rows):
        raise ValueError(
            f"J_fr must be such that 2**J_fr is at most {n_rows}, the number of rows in J + 1 "
            f"octaves, got {_checks.shown(J_fr)}; lower J_fr or raise Q."
        )
    return log2


def _exceeds(log2: int, largest: int) -> bool:
    """Return whether 2**log2 > `largest`, without computing a number that may be huge."""
    return log2 >= largest.bit_length()


def memory(
    n_padded: int, n_samples: int, J: tuple[int, int], Q: tuple[int, int], *, joint: bool
) -> None:
    """Require that the tables fit into the memory of this machine while they are computed."""
    n_values = _N_BY_SAMPLE * n_padded * sum(Q)
    if joint:
        n_values += _N_BY_PAIR * J[1] * ((J[0] + 1) * Q[0]) ** 2
    _require_memory(n_values, f"{n_samples=}, {J=}, {Q=}")


def _require_memory(n_values: int, given: str) -> None:
    needed, available = _N_BYTES * n_values, _memory_of_machine()
    if needed > available:
        raise ValueError(
            f"n_samples, J and Q must be such that the filters fit into memory, got {given}: these "
            f"take about {_checks.shown(needed // 10**9)} GB while they are computed, and this "
            f"machine has {available // 10**9}; use shorter segments of the signal, or fewer "
            f"wavelets per octave."
        )


def _memory_of_machine() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not available on every system
        return 2**36


def wavelets_an_octave(J_name: str, J: int, Q_name: str, Q: int, r_psi: float) -> None:
    """Require wavelets shorter than 2**J."""
    if not are_wavelets(J, Q, r_psi):
        raise ValueError(
            f"{Q_name} must leave wavelets shorter than 2**{J_name} = {2**J}, "
            f"got {_checks.shown(Q)} per octave; lower {Q_name} or raise {J_name}."
        )


def wavelets(J: int, Q_name: str, Q: int, r_psi: float) -> tuple[Wavelet, ...]:
    """Return the wavelets of an order, which must all be band-pass filters."""
    psis = _wavelets.wavelets(J, Q, r_psi)
    if psis[0].sigma > _MAX_SIGMA:
        # σ is in proportion to 1 / √(2 log (1 / r_psi)).
        largest = math.exp(-math.log(1 / r_psi) * (psis[0].sigma / _MAX_SIGMA) ** 2)
        raise ValueError(
            f"r_psi must be at most {math.floor(1000 * largest) / 1000} for {Q_name}={Q}, as "
            f"wavelets that overlap more pass all frequencies alike, got {r_psi!r}; lower r_psi or "
            f"raise {Q_name}."
        )
    return psis


def warn_without_second_order(first: Sequence[Wavelet], second: Sequence[Wavelet]) -> None:
    """Warn if joint scattering has no paths with second-order wavelets."""
    if max(psi.j for psi in second) <= min(psi.j for psi in first):
        warnings.warn(
            "The second order has no wavelets over time: none is slower than any first-order "
            "wavelet, so that jtfs returns only the paths of the low-pass filter (n2 = −1). Raise "
            "J, or lower r_psi.",
            UserWarning,
            stacklevel=3,
        )
