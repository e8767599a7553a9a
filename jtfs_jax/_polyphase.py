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
from jaxtyping import Array, Complex, Float, Integer, Shaped

from . import _fft
from ._arrays import as_leaf, contiguous, of_rank, repeat_rows, times_real
from ._nodes import exportable
from ._platforms import Layout
from ._products import product

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
    by_product: bool = eqx.field(static=True)  # whether rows are repeated by a product with ones

    def turns_of(self, phases: int, length: int) -> Complex[Array, "phase 1 bin"]:
        """Return exp(2πi κp/n) for a signal with a given number and length of phases."""
        _, most, longest = self.turns.shape
        re, im = self.turns[:, :: most // phases, :: longest // length]
        return jax.lax.complex(re, im)[:, None, :]

    def filtered(
        self, z: Complex[Array, "*batch row bin"], transfer: Float[Array, "*rows bin"]
    ) -> Complex[Array, "*batch row bin"]:
        """Multiply spectra by transfer functions; either has one row, or both have as many."""
        if self.by_product and z.shape[-2] == 1:
            z = repeat_rows(z, transfer.shape[-2])
        return times_real(z, transfer)

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
        by_product=layout.by_product,
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
    lowest: Complex[Array, "*batch row bin"],
    transfer: Float[Array, "*rows bin"],
    n: int,
    fourier: FourierTables,
    pointwise: Callable[[Array], Array] = lambda y: y,
) -> Shaped[Array, "*batch phase row sample"]:
    """Filter signals of n samples, given by their lowest bins, and compute them by phases.

    `transfer` has as many rows as the signals, or either has one. `pointwise` acts on each sample.
    """
    phases = n_phases(n, fourier.longest)
    if phases == 1:
        return pointwise(fourier.ifft(fourier.filtered(lowest, transfer), n)[..., None, :, :])
    length, transfer = n // phases, transfer / phases
    turns = fourier.turns_of(phases, length)
    n_folds = -(-lowest.shape[-1] // length)
    fold_turns = _roots(np.outer(np.arange(phases), np.arange(n_folds)), phases, lowest.dtype)
    if fourier.in_turn:
        # Filter in the loop: spectra and transfer functions apart are quicker to read.
        folds = list(zip(_folds(lowest, length), _folds(transfer, length), strict=True))

        def of_phase(turns_of_phase):
            turn, fold_turn = turns_of_phase
            turn = of_rank(turn, lowest.ndim)
            terms = [
                fourier.filtered(turn * turn_of_one * fold, transfer_of_one)
                for turn_of_one, (fold, transfer_of_one) in zip(fold_turn, folds, strict=True)
            ]
            return pointwise(fourier.ifft(sum(terms[1:], terms[0]), length))

        return jnp.moveaxis(jax.lax.map(of_phase, (turns, fold_turns)), 0, -3)
    folds = _folds(fourier.filtered(lowest, transfer), length)
    # Write out the sums: a sum over an axis is slow, here and in the derivative.
    z = jnp.stack([_turned_sum(folds, fold_turn) for fold_turn in fold_turns], axis=-3)
    return pointwise(fourier.ifft(z * of_rank(turns, z.ndim), length))


def polyphase_rfft(
    u: Float[Array, "*batch phase row sample"], n_bins: int, fourier: FourierTables
) -> Complex[Array, "*batch row bin"]:
    """Compute the lowest bins of real signals that are laid out by phases.

    û(κ + aM) = Σ_p exp(−2πi ap/P) · exp(−2πi κp/n) · û_p(κ)     with |κ| ≤ M/2
    """
    phases, length = u.shape[-3], u.shape[-1]
    if phases == 1:
        return fourier.rfft(u[..., 0, :, :], n_bins)
    half = length // 2 + 1
    n_folds = max(-(-(n_bins - half) // length), 0) + 1
    turns = jnp.conj(fourier.turns_of(phases, length)[..., :half])
    fold_turns = _roots(-np.outer(np.arange(phases), np.arange(n_folds)), phases, turns.dtype)

    def folds(u_hat, fold_turn):
        """Return the terms of one phase, for κ = 0, …, M/2 and κ = −1, …, 1 − M/2 of each fold."""
        positive, negative = u_hat, jnp.conj(u_hat[..., 1 : length // 2])
        return [(turn * positive, turn * negative) for turn in fold_turn]

    if fourier.in_turn:

        def of_phase(u, turn, fold_turn):
            return folds(fourier.rfft(u, half) * of_rank(turn, u.ndim), fold_turn)

        total = _sum_in_turn(of_phase, contiguous(jnp.moveaxis(u, -3, 0)), turns, fold_turns)
    else:
        u_hat = fourier.rfft(u, half) * of_rank(turns, u.ndim)
        terms = [folds(u_hat[..., p, :, :], fold_turns[p]) for p in range(phases)]
        total = jax.tree.map(lambda *terms: sum(terms[1:], terms[0]), *terms)
    parts = [part for positive, negative in total for part in (negative[..., ::-1], positive)]
    return jnp.concatenate(parts[1:], axis=-1)[..., :n_bins]


def interleave(y: Array) -> Array:
    """Interleave the phases of `(*batch, phase, row, sample)` to get `(*batch, row, time)`."""
    *batch, phases, n_rows, length = y.shape
    return jnp.moveaxis(y, -3, -1).reshape(*batch, n_rows, length * phases)


def _folds(a: Shaped[Array, "*batch bin"], length: int) -> list[Shaped[Array, "*batch length"]]:
    """Split bins into stretches of a given length, the last one padded with zeros."""
    missing = -a.shape[-1] % length
    a = jnp.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, missing)])
    return jnp.split(a, a.shape[-1] // length, axis=-1)


def _sum_in_turn(terms_of: Callable[..., Any], u: Array, *tables: Any) -> Any:
    """Sum the terms for each entry of the first axis of all arguments, one after another."""
    arguments = (u, *tables)

    def add(total, each):
        return jax.tree.map(jnp.add, total, terms_of(*each)), None

    shapes = jax.eval_shape(lambda arguments: terms_of(*(a[0] for a in arguments)), arguments)
    # Like `u`, so that under `jax.shard_map` zeros vary over the same axes of the mesh.
    zeros = jax.tree.map(lambda term: jnp.zeros_like(u, term.dtype, term.shape), shapes)
    return jax.lax.scan(add, zeros, arguments)[0]


def _roots(numerator: Integer[np.ndarray, "..."], n: int, dtype: Any) -> np.ndarray:
    """Return exp(2πi numerator/n)."""
    return np.exp(2j * np.pi * (numerator % n) / n).astype(dtype)


def _turned_sum(parts: Sequence[Complex[Array, "..."]], turns: Any) -> Complex[Array, "..."]:
    """Return Σ turn · part."""
    terms: list[Array] = [turn * part for turn, part in zip(turns, parts, strict=True)]
    return sum(terms[1:], terms[0])
