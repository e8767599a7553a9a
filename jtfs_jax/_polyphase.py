"""Fourier transforms over time; a long one is several short ones, which stay in the cache.

A signal of n samples, where n is large, is laid out by phases: sample t of the signal is sample
t // P of the phase t mod P. With n = P·M and the bins k = κ + aM, where κ < M,

    y(phase p, m) = Σ_κ exp(2πi κm/M) · exp(2πi κp/n) · Σ_a exp(2πi ap/P) · ŷ(κ + aM)

takes one transform of M points for each phase, and only those a where the signal has bins. The
order of the samples does not matter to what acts on each, nor to an average over all.

References:
    Cooley & Tukey, An Algorithm for the Machine Calculation of Complex Fourier Series, 1965.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from . import _fft
from ._arrays import as_leaf, of_rank
from ._nodes import exportable

_MAX_PHASES = 8


def n_phases(n: int, longest: int) -> int:
    """Number of phases of a signal of n samples, a power of two, for transforms of `longest`."""
    return min(max(n // longest, 1), _MAX_PHASES)


def by_phase(table: Any, longest: int) -> Any:
    """A table along time, laid out as signals are."""
    return table.reshape(-1, 1, n_phases(len(table), longest)).T


@exportable
class Turns(eqx.Module):
    """Real and imaginary parts of exp(2πi κp/n), which serve all signals of at most n samples."""

    parts: Float[Array, "2 phase bin"]
    longest: int = eqx.field(static=True)  # points of a transform

    def of(self, phases: int, length: int) -> Complex[Array, "phase 1 bin"]:
        """Those of a signal of some phases, each of a given length."""
        _, most, longest = self.parts.shape
        re, im = self.parts[:, :: most // phases, :: longest // length]
        return jax.lax.complex(re, im)[:, None, :]


def turns(n: int, longest: int) -> Turns:
    """Turns for signals of n samples, and transforms of at most `longest` points."""
    phases = n_phases(n, longest)
    angle = 2 * np.pi / n * np.arange(phases)[:, None] * np.arange(n // phases)
    return Turns(as_leaf(np.stack([np.cos(angle), np.sin(angle)])), longest)


def bins(half: Complex[Array, "*batch bin"], n: int, start: int, stop: int) -> Array:
    """Bins [start, stop), of `n` a cycle, of real signals given by the half of their spectrum."""
    parts = [half[..., max(start, 0) : min(stop, n // 2 + 1)]]
    if start < 0:
        parts.insert(0, jnp.conj(half[..., max(1 - stop, 1) : 1 - start][..., ::-1]))
    if stop > n // 2 + 1:
        parts.append(jnp.conj(half[..., n - stop + 1 : n // 2 + n % 2][..., ::-1]))
    return jnp.concatenate(parts, axis=-1)


def polyphase_ifft(
    lowest: Complex[Array, "*batch row bin"], n: int, turns: Turns
) -> Complex[Array, "*batch phase row sample"]:
    """Signals of n samples, by phases, from their lowest bins; all others are 0."""
    phases = n_phases(n, turns.longest)
    if phases == 1:
        return _fft.ifft(lowest, n)[..., None, :, :]
    length = n // phases
    folds = jnp.split(lowest, list(range(length, lowest.shape[-1], length)), axis=-1)
    missing = length - folds[-1].shape[-1]
    folds[-1] = jnp.pad(folds[-1], [(0, 0)] * (lowest.ndim - 1) + [(0, missing)])
    # Written out, as sums over an axis are slow, here and in the derivative.
    turned = [_turned_sum(folds, np.arange(len(folds)) * phase / phases) for phase in range(phases)]
    z = jnp.stack(turned, axis=-3)
    return _fft.ifft(z * of_rank(turns.of(phases, length), z.ndim), length) / phases


def polyphase_rfft(
    u: Float[Array, "*batch phase row sample"], n_bins: int, turns: Turns
) -> Complex[Array, "*batch row bin"]:
    """The lowest bins of real signals that are laid out by phases.

    û(κ + aM) = Σ_p exp(−2πi ap/P) · exp(−2πi κp/n) · û_p(κ)     with |κ| ≤ M/2
    """
    phases, length = u.shape[-3], u.shape[-1]
    u_hat = _fft.rfft(u)
    if phases == 1:
        return u_hat[..., 0, :, :n_bins]
    turn = turns.of(phases, length)[..., : u_hat.shape[-1]]
    u_hat = u_hat * jnp.conj(of_rank(turn, u_hat.ndim))
    positive = [u_hat[..., phase, :, :] for phase in range(phases)]  # κ = 0, …, M/2
    negative = [jnp.conj(z[..., 1 : length // 2]) for z in positive]  # κ = −1, …, 1 − M/2
    n_folds = max(-(-(n_bins - 1 - length // 2) // length), 0) + 1
    parts = []
    for a in range(n_folds):
        cycles = -a * np.arange(phases) / phases
        if a:
            parts.append(_turned_sum(negative, cycles)[..., ::-1])
        parts.append(_turned_sum(positive, cycles))
    return jnp.concatenate(parts, axis=-1)[..., :n_bins]


def interleave(y: Array) -> Array:
    """Signals in the order of time, `(*batch, row, time)`, from `(*batch, phase, row, sample)`."""
    *batch, phases, n_rows, length = y.shape
    return jnp.moveaxis(y, -3, -1).reshape(*batch, n_rows, length * phases)


def _turned_sum(
    parts: Sequence[Complex[Array, "..."]], cycles: Float[np.ndarray, " part"]
) -> Complex[Array, "..."]:
    """Σ exp(2πi cycles) · part."""
    each = np.exp(2j * np.pi * (cycles % 1)).astype(parts[0].dtype)
    terms: list[Array] = [turn * part for turn, part in zip(each, parts, strict=True)]
    return sum(terms[1:], terms[0])
