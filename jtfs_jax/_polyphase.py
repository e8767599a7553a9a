"""Fourier transforms over time; a long one consists of several short ones that fit the cache.

A long signal of n samples is laid out by phases: sample t of the signal is sample t // P of phase
t mod P. With n = P·M and the bins k = κ + aM, where κ < M,

    y(phase p, m) = Σ_κ exp(2πi κm/M) · exp(2πi κp/n) · Σ_a exp(2πi ap/P) · ŷ(κ + aM)

takes one transform of M points per phase, and the sum over a includes only bins that the signal
has. Pointwise operations and averages over all samples do not depend on the order of the samples.

References:
    Cooley & Tukey, An Algorithm for the Machine Calculation of Complex Fourier Series, 1965.
"""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Shaped

from . import _fft
from ._arrays import as_leaf, contiguous, of_rank, product, times_real
from ._nodes import exportable
from ._platforms import Layout

_MAX_PHASES = 8


def n_phases(n: int, longest: int) -> int:
    """Return the number of phases of n = 2**k samples, for transforms of `longest` points."""
    return min(max(n // longest, 1), _MAX_PHASES)


def by_phase(table: Any, longest: int) -> Any:
    """Lay out a table along time by phases, like signals."""
    return table.reshape(-1, 1, n_phases(len(table), longest)).T


@exportable
class FourierTables(eqx.Module):
    """Tables and settings of a platform for Fourier transforms over time."""

    turns: Float[Array, "2 phase bin"]  # parts of exp(2πi κp/n), for signals of up to n samples
    matrix: Float[Array, "2 bin point"]  # parts of exp(2πi kt/n), for transforms of up to n points
    longest: int = eqx.field(static=True)  # points of a transform
    in_turn: bool = eqx.field(static=True)  # whether phases are transformed one after another

    def turns_of(self, phases: int, length: int) -> Complex[Array, "phase 1 bin"]:
        """Return exp(2πi κp/n) for a signal with a given number and length of phases."""
        _, most, longest = self.turns.shape
        re, im = self.turns[:, :: most // phases, :: longest // length]
        return jax.lax.complex(re, im)[:, None, :]

    def ifft(self, z: Complex[Array, "*batch row bin"], n: int) -> Array:
        """Compute complex rows of n points from their lowest bins."""
        if n > self.matrix.shape[-1]:
            return _fft.ifft(z, n)
        cos, sin = self._matrix_of(n, z.shape[-1], z.ndim)
        re = product(z.real, cos) - product(z.imag, sin)
        im = product(z.real, sin) + product(z.imag, cos)
        return jax.lax.complex(re, im) / n

    def rfft(self, u: Float[Array, "*batch row point"], n_bins: int) -> Array:
        """Compute the lowest bins of real rows."""
        n = u.shape[-1]
        if n > self.matrix.shape[-1]:
            return _fft.rfft(u)[..., :n_bins]
        cos, sin = self._matrix_of(n, n_bins, u.ndim).swapaxes(-1, -2)
        return jax.lax.complex(product(u, cos), -product(u, sin))

    def irfft(self, half: Complex[Array, "*batch row bin"], n: int) -> Array:
        """Compute real rows of n points from the lowest bins of half their spectrum."""
        if n > self.matrix.shape[-1]:
            return _fft.irfft(half, n)
        half = half[..., : n // 2 + 1]
        bins = np.arange(half.shape[-1])
        weights = np.where(2 * bins % n == 0, 1 / n, 2 / n)  # most bins stand for two
        half = times_real(half, jnp.asarray(weights, half.real.dtype))
        cos, sin = self._matrix_of(n, half.shape[-1], half.ndim)
        return product(half.real, cos) - product(half.imag, sin)

    def _matrix_of(self, n: int, n_bins: int, rank: int) -> Float[Array, "2 *one bin point"]:
        """Return the parts of exp(2πi kt/n), from zero frequency."""
        parts = self.matrix[:, :n_bins, :: self.matrix.shape[-1] // n]
        return parts.reshape(2, *[1] * (rank - 2), *parts.shape[-2:])


def fourier_tables(n: int, layout: Layout) -> FourierTables:
    """Compute the tables for signals of n samples."""
    phases, points = n_phases(n, layout.transform), min(n, layout.matrix)
    return FourierTables(
        turns=_parts_of_turns(n, phases, n // phases),
        matrix=_parts_of_turns(points, points, points),
        longest=layout.transform,
        in_turn=layout.in_turn,
    )


def _parts_of_turns(n: int, n_rows: int, n_columns: int) -> Array:
    """Return cosines and sines of 2π·row·column/n."""
    turns = np.arange(n_rows)[:, None] * np.arange(n_columns) / max(n, 1)
    angle = 2 * np.pi * (turns % 1)
    return as_leaf(np.stack([np.cos(angle), np.sin(angle)]))


def bins(half: Complex[Array, "*batch bin"], n: int, start: int, stop: int) -> Array:
    """Return bins [start, stop) of real signals of n samples, from half of their spectrum."""
    parts = [half[..., max(start, 0) : min(stop, n // 2 + 1)]]
    if start < 0:
        parts.insert(0, jnp.conj(half[..., max(1 - stop, 1) : 1 - start][..., ::-1]))
    if stop > n // 2 + 1:
        parts.append(jnp.conj(half[..., n - stop + 1 : n // 2 + n % 2][..., ::-1]))
    return jnp.concatenate(parts, axis=-1)


def polyphase_ifft(
    lowest: Complex[Array, "*batch row bin"], n: int, fourier: FourierTables
) -> Complex[Array, "*batch phase row sample"]:
    """Compute signals of n samples, by phases, from their lowest bins; all others are 0."""
    phases = n_phases(n, fourier.longest)
    if phases == 1:
        return fourier.ifft(lowest, n)[..., None, :, :]
    length = n // phases
    folds = jnp.split(lowest, list(range(length, lowest.shape[-1], length)), axis=-1)
    missing = length - folds[-1].shape[-1]
    folds[-1] = jnp.pad(folds[-1], [(0, 0)] * (lowest.ndim - 1) + [(0, missing)])
    # Write out the sums: a sum over an axis is slow, here and in the derivative.
    turned = [_turned_sum(folds, np.arange(len(folds)) * phase / phases) for phase in range(phases)]
    z = jnp.stack(turned, axis=-3)
    z = z * of_rank(fourier.turns_of(phases, length), z.ndim)
    return _each_phase(lambda z: fourier.ifft(z, length), z, fourier) / phases


def polyphase_rfft(
    u: Float[Array, "*batch phase row sample"], n_bins: int, fourier: FourierTables
) -> Complex[Array, "*batch row bin"]:
    """Compute the lowest bins of real signals that are laid out by phases.

    û(κ + aM) = Σ_p exp(−2πi ap/P) · exp(−2πi κp/n) · û_p(κ)     with |κ| ≤ M/2
    """
    phases, length = u.shape[-3], u.shape[-1]
    if phases == 1:
        return fourier.rfft(u[..., 0, :, :], n_bins)
    u_hat = _each_phase(lambda u: fourier.rfft(u, length // 2 + 1), u, fourier)
    turn = fourier.turns_of(phases, length)[..., : u_hat.shape[-1]]
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
    """Interleave the phases of `(*batch, phase, row, sample)` to get `(*batch, row, time)`."""
    *batch, phases, n_rows, length = y.shape
    return jnp.moveaxis(y, -3, -1).reshape(*batch, n_rows, length * phases)


def _turned_sum(
    parts: Sequence[Complex[Array, "..."]], cycles: Float[np.ndarray, " part"]
) -> Complex[Array, "..."]:
    """Return Σ exp(2πi cycles) · part."""
    each = np.exp(2j * np.pi * (cycles % 1)).astype(parts[0].dtype)
    terms: list[Array] = [turn * part for turn, part in zip(each, parts, strict=True)]
    return sum(terms[1:], terms[0])


def _each_phase(
    transform: Callable[[Array], Array],
    a: Shaped[Array, "*batch phase row point"],
    fourier: FourierTables,
) -> Shaped[Array, "*batch phase row bin"]:
    """Transform all phases together, or one after another."""
    if not fourier.in_turn:
        return transform(a)
    phases = contiguous(jnp.moveaxis(a, -3, 0))
    return jnp.moveaxis(jax.lax.map(transform, phases), 0, -3)
