"""Filters along log-frequency: wavelets and averages as products with small, real matrices."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from . import _sampling
from ._arrays import as_leaf, namespace
from ._modulus import modulus
from ._nodes import exportable
from ._products import product
from ._wavelets import NEGLIGIBLE, Family, low_pass, low_pass_reach


@exportable
class FrequentialFilters(eqx.Module):
    """Frequential filters for a given number of live rows: ψ_β = C ± iD and φ_F as matrices.

    The products stack the rows of the low-pass filter β = 0 and of each wavelet β > 0. Each filter
    is sampled at its own resolution, and only at the rows that are averaged afterwards.

    If conjugate reflections continue the rows, imaginary parts have separate matrices, in which
    reflections have the opposite sign.
    """

    low: Float[Array, "low_row n1"]
    re_psi: Float[Array, "row n1"]
    im_psi: Float[Array, "row n1"]
    re_psi_of_imaginary: Float[Array, "row n1"] | None
    im_psi_of_imaginary: Float[Array, "row n1"] | None
    average_low: Float[Array, "band low_row"] | None
    average: Float[Array, "wavelet band row"] | None
    n_rows: tuple[int, ...] = eqx.field(static=True)  # of each filter, β = 0 first
    n_live_bands: int = eqx.field(static=True)  # bands that live rows feed, if averaged
    narrow: int = eqx.field(static=True)  # of products with complex rows (`_products.product`)

    def modulus_of_complex(
        self, y: Complex[Array, "*batch n1 time"]
    ) -> Float[Array, "*batch row time"]:
        """Compute |y ⋆ ψ_β| for β = 0, then all β with spin +1, then −1: four real products."""
        re_psi = self.re_psi if self.re_psi_of_imaginary is None else self.re_psi_of_imaginary
        im_psi = self.im_psi if self.im_psi_of_imaginary is None else self.im_psi_of_imaginary
        # Keep the products separate: one product would be split, and its gradient concatenated.
        times = functools.partial(product, narrow=self.narrow)
        re_re, re_im = times(self.re_psi, y.real), times(re_psi, y.imag)
        im_re, im_im = times(self.im_psi, y.real), times(im_psi, y.imag)
        low = modulus(times(self.low, y.real), times(self.low, y.imag))
        up = modulus(re_re - im_im, re_im + im_re)
        down = modulus(re_re + im_im, re_im - im_re)
        return jnp.concatenate([low, up, down], axis=-2)

    def modulus_of_real(
        self, y: Float[Array, "*batch n1 frame"]
    ) -> Float[Array, "*batch row frame"]:
        """Compute |y ⋆ ψ_β| for a real y, for which both spins are equal."""
        low = product(self.low, y)
        psi = modulus(product(self.re_psi, y), product(self.im_psi, y))
        return jnp.concatenate([modulus(low, jnp.zeros_like(low)), psi], axis=-2)

    def average_rows(
        self, u: Float[Array, "*batch row frame"]
    ) -> Float[Array, "*batch path band frame"]:
        """Compute φ_F ⋆ u for every path."""
        assert self.average_low is not None
        assert self.average is not None
        n_low, n_spin = self.low.shape[0], self.re_psi.shape[0]
        n_psi, n_bands, _ = self.average.shape
        *batch, n_rows, n_frames = u.shape
        n_spins = (n_rows - n_low) // n_spin
        low = product(self.average_low, u[..., :n_low, :])[..., None, :, :]
        spins = u[..., n_low:, :].reshape(*batch, n_spins, n_spin, n_frames)
        psi = product(self.average.reshape(n_psi * n_bands, n_spin), spins)
        psi = psi.reshape(*batch, n_spins, n_psi, n_bands, n_frames)  # axes split, then merged:
        psi = psi.reshape(*batch, n_spins * n_psi, n_bands, n_frames)  # so sharding is kept
        return jnp.concatenate([low, psi], axis=-3)

    def split_rows(
        self, u: Float[Array, "*batch row frame"]
    ) -> list[Float[Array, "*batch row frame"]]:
        """Split the rows by path, without averaging along log-frequency."""
        n_spins = (u.shape[-2] - self.low.shape[0]) // self.re_psi.shape[0]
        ends = np.cumsum([self.n_rows[0], *self.n_rows[1:] * n_spins])[:-1]
        return jnp.split(u, ends, axis=-2)

    def select(self, n_fr: Int[Array, ""]) -> "FrequentialFilter":
        """Select a filter by a traced index: β = 0, then all β with spin +1, then with −1."""
        assert self.average_low is not None
        assert self.average is not None
        n_low, n_spin, n_psi = len(self.low), len(self.re_psi), len(self.average)
        is_falling = n_fr > n_psi
        beta = jnp.where(is_falling, n_fr - n_psi, n_fr)
        start = jnp.asarray(np.cumsum([0, *self.n_rows[:-1]], dtype=np.int32))[beta]

        def own(rows: Array, axis: int = 0) -> Array:
            return jax.lax.dynamic_slice_in_dim(rows, start, max(self.n_rows), axis)

        def re_psi(psi: Array | None) -> Array:
            return own(jnp.concatenate([self.low, self.re_psi if psi is None else psi]))

        def im_psi(psi: Array | None) -> Array:
            zero = jnp.zeros_like(self.low)
            rising = own(jnp.concatenate([zero, self.im_psi if psi is None else psi]))
            return jnp.where(is_falling, -rising, rising)

        average_low = jnp.pad(self.average_low, [(0, 0), (0, n_spin)])
        average_psi = jnp.pad(self.average, [(0, 0), (0, 0), (n_low, 0)])
        average = jnp.concatenate([average_low[None], average_psi])
        return FrequentialFilter(
            re_psi=re_psi(self.re_psi),
            im_psi=im_psi(self.im_psi),
            re_psi_of_imaginary=re_psi(self.re_psi_of_imaginary),
            im_psi_of_imaginary=im_psi(self.im_psi_of_imaginary),
            average=own(jax.lax.dynamic_index_in_dim(average, beta, keepdims=False), axis=1),
        )


class FrequentialFilter(eqx.Module):
    """A single frequential filter with its spin, and φ_F.

    It has as many rows as the longest filter; rows of other filters have zero weight in the
    average.
    """

    re_psi: Float[Array, "row n1"]
    im_psi: Float[Array, "row n1"]
    re_psi_of_imaginary: Float[Array, "row n1"]
    im_psi_of_imaginary: Float[Array, "row n1"]
    average: Float[Array, "band row"]

    def modulus_of_complex(
        self, y: Complex[Array, "*batch n1 time"]
    ) -> Float[Array, "*batch row time"]:
        """Compute |y ⋆ ψ_β| by four real products."""
        re = product(self.re_psi, y.real) - product(self.im_psi_of_imaginary, y.imag)
        im = product(self.re_psi_of_imaginary, y.imag) + product(self.im_psi, y.real)
        return modulus(re, im)

    def modulus_of_real(
        self, y: Float[Array, "*batch n1 frame"]
    ) -> Float[Array, "*batch row frame"]:
        """Compute |y ⋆ ψ_β| for a real y."""
        return modulus(product(self.re_psi, y), product(self.im_psi, y))


class RowSampling(NamedTuple):
    """Sampling and averaging of the rows of |y ⋆ ψ_β|, common to all filters."""

    n_live: int  # number of rows that ψ_n2 acts on
    n_rows: int  # number of first-order wavelets
    width: float | str  # of φ_F
    stride: int | None  # between the bands
    reflect: bool  # conjugate reflections beyond the live rows; else zeros
    oversampling: int
    negligible: float = NEGLIGIBLE  # rows up to this fraction of a filter's peak are left out
    narrow: int = 0  # of products with live rows (`_products.product`)
    F: Any = None  # width of φ_F as a JAX array, if it differs from the design


class SampledFilters(NamedTuple):
    """Filters as matrices from live rows to kept rows, stacked.

    `mirrored` acts on the reflections of the live rows, which may be conjugated.
    """

    direct: Any  # complex, `(row, n1)`, as is `mirrored`
    mirrored: Any
    weights: list[Any]  # φ_F of each filter, `(band, row)`


def frequential_filters(
    kernels: Any, family: Family, sampling: RowSampling, designed: Any = None
) -> FrequentialFilters:
    """Build matrices from the impulse responses of a family, over a period longer than they are.

    The `designed` impulse responses, if given, determine the rows that filters reach.
    """
    designed = kernels if designed is None else designed
    n_padded, width = kernels.shape[-1], sampling.width
    low_kernel = np.roll(low_pass(2**family.J, n_padded), n_padded // 2)[None]
    # The low-pass filter β = 0 already averages, unless φ_F is wider.
    wider = isinstance(width, str) or width > 2**family.J
    of_low = sampling._replace(width=width if wider else 0)
    low = _sample(low_kernel, low_kernel, [family.J], of_low)
    psis = _sample(kernels, designed, [psi.j for psi in family.wavelets], sampling)
    psi, of_imaginary = psis.direct + psis.mirrored, psis.direct - psis.mirrored
    is_averaged, reflect = width != 0, sampling.reflect
    return FrequentialFilters(
        # For β = 0, reflections have the sign that does not cancel the average.
        low=as_leaf(low.direct + low.mirrored),
        re_psi=as_leaf(psi.real),
        im_psi=as_leaf(psi.imag),
        re_psi_of_imaginary=as_leaf(of_imaginary.real) if reflect else None,
        im_psi_of_imaginary=as_leaf(of_imaginary.imag) if reflect else None,
        average_low=as_leaf(_packed(low.weights, sampling)[0]) if is_averaged else None,
        average=as_leaf(_packed(psis.weights, sampling)) if is_averaged else None,
        n_rows=tuple(weights.shape[1] for weights in (*low.weights, *psis.weights)),
        n_live_bands=len(low.weights[0]),
        narrow=sampling.narrow,
    )


def _packed(of_filters: Sequence[Any], sampling: RowSampling) -> Any:
    """Stack φ_F of each filter, with zeros at rows of other filters: `(filter, band, row)`."""
    stride, n_rows = sampling.stride, sum(weights.shape[1] for weights in of_filters)
    n_bands = 1 if stride is None else _sampling.n_kept(sampling.n_rows, stride)
    averages, stop, xp = [], 0, namespace(of_filters[0])
    for weights in of_filters:
        start, stop = stop, stop + weights.shape[1]
        averages.append(xp.pad(weights, [(0, n_bands - len(weights)), (start, n_rows - stop)]))
    return xp.stack(averages)


def _sample(
    kernels: Any, designed: np.ndarray, j_fr: Sequence[int], sampling: RowSampling
) -> SampledFilters:
    """Sample convolutions with kernels at the rows that φ_F needs, with the weights of the rows.

    Rows that the `designed` kernels do not reach are left out.
    """
    if sampling.width == 0:
        rows = [np.arange(0, sampling.n_live, sampling.stride or 2**j) for j in j_fr]
        matrices = _convolutions(kernels, rows, sampling)
        return SampledFilters(*matrices, [np.eye(len(rows_of)) for rows_of in rows])
    decimations = [max(j - sampling.oversampling, 0) for j in j_fr]
    grids = [_averaging(j, kernels.shape[-1], sampling) for j in decimations]
    rows = [rows_of for rows_of, _ in grids]
    direct, mirrored = _convolutions(designed, rows, sampling)
    least = sampling.negligible * np.abs(designed).max(1).repeat(list(map(len, rows)))
    reached = np.abs([direct, mirrored]).max((0, 2)) > least
    of_each = np.split(reached, np.cumsum(list(map(len, rows)))[:-1])
    if kernels is designed:
        direct, mirrored = direct[reached], mirrored[reached]
    else:
        rows = [rows_of[kept] for rows_of, kept in zip(rows, of_each, strict=True)]
        direct, mirrored = _convolutions(kernels, rows, sampling)
    weights = [weights[:, kept] for (_, weights), kept in zip(grids, of_each, strict=True)]
    return SampledFilters(direct, mirrored, weights)


def _convolutions(
    kernels: Any, rows: Sequence[np.ndarray], sampling: RowSampling
) -> tuple[Any, Any]:
    """Sample convolutions of live rows, and of any reflections, at the rows of each kernel.

    Row n is reflected to −1 − n; the period is twice the number of live rows.
    """
    n_kernels, n = kernels.shape
    center, period, xp = n // 2, 2 * sampling.n_live, namespace(kernels)
    row, live = np.concatenate(rows)[:, None], np.arange(sampling.n_live)
    is_within = np.abs(np.arange(n) - center)[None] < center
    values = xp.where(is_within, kernels, np.zeros((), kernels.dtype))
    if sampling.reflect:
        values = xp.pad(values, [(0, 0), (0, -n % period)])
        values = values.reshape(n_kernels, -1, period).sum(1)
    starts = np.arange(n_kernels).repeat(list(map(len, rows)))[:, None] * values.shape[1]

    def at(lag: np.ndarray) -> Any:
        place = (lag + center) % period
        if not sampling.reflect:
            place = np.where(np.abs(lag) < center, lag + center, 0)  # where values are 0
        return values.reshape(-1)[starts + place]

    direct = at(row - live)
    return direct, at(row + 1 + live) if sampling.reflect else xp.zeros_like(direct)


def _averaging(j_fr: int, n_padded: int, sampling: RowSampling) -> tuple[np.ndarray, Any]:
    """Return the rows of |y ⋆ ψ_β| that φ_F reaches, and their weights in the averages."""
    n_live, width, stride = sampling.n_live, sampling.width, sampling.stride
    if isinstance(width, str):
        step = 2 ** min(j_fr, max(math.floor(math.log2(n_live)) - 5, 0))
        rows = np.arange(0, n_live + step // 2 + 1, step)
        return rows, _sampling.cell_overlaps(rows, step, n_live)[None]
    assert stride is not None
    step = 2 ** min(j_fr, math.floor(math.log2(width)))
    reach = math.ceil(low_pass_reach(width) / step)
    rows = np.arange(-reach, -(-n_live // step) + reach) * step
    lag = np.abs(np.arange(0, n_live, stride)[:, None] - rows)
    phi = low_pass(width if sampling.F is None else sampling.F, n_padded, width) * step
    weights = namespace(phi).where(
        lag < n_padded // 2, phi[lag % n_padded], np.zeros((), phi.dtype)
    )
    return _folded(rows, weights, n_live) if sampling.reflect else (rows, weights)


def _folded(rows: np.ndarray, weights: Any, n_live: int) -> tuple[np.ndarray, Any]:
    """Fold an average onto live rows: reflections have the same moduli as the live rows."""
    place = rows % (2 * n_live)
    place = np.minimum(place, 2 * n_live - 1 - place)
    places = np.unique(place)
    is_at = (place[:, None] == places).astype(weights.dtype)
    return places, product(weights, is_at) if isinstance(weights, jax.Array) else weights @ is_at
