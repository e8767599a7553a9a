"""Everything along log-frequency: wavelets and averages as products with short, real matrices."""

import math
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from . import _grid
from ._modulus import modulus
from ._nodes import exportable
from ._time import leaf, product
from ._wavelets import NEGLIGIBLE, Family, low_pass, low_pass_reach


@exportable
class FrequencyBank(eqx.Module):
    """Frequential filters for a given number of live rows: ψ_β = C ± iD and φ_F as matrices.

    The rows of the products follow each other: those of the low-pass β = 0, then those of each
    wavelet β > 0. Every filter has its own resolution, and as many rows as are then averaged.

    Where rows are continued by conjugate reflections, imaginary parts have matrices of their own:
    in these, reflections count negatively.
    """

    low: Float[Array, "low_row n1"]
    re_psi: Float[Array, "row n1"]
    im_psi: Float[Array, "row n1"]
    re_psi_of_imaginary: Float[Array, "row n1"] | None
    im_psi_of_imaginary: Float[Array, "row n1"] | None
    average_low: Float[Array, "band low_row"] | None
    average: Float[Array, "wavelet band row"] | None
    n_rows: tuple[int, ...] = eqx.field(static=True)  # of each filter, β = 0 first
    n_live_bands: int = eqx.field(static=True)  # bands that live rows feed, where averaged

    def modulus_of_complex(
        self, y: Complex[Array, "*batch n1 time"]
    ) -> Float[Array, "*batch row time"]:
        """|y ⋆ ψ_β| for β = 0, every β with spin +1, every β with spin −1; four real products."""
        re_psi = self.re_psi if self.re_psi_of_imaginary is None else self.re_psi_of_imaginary
        im_psi = self.im_psi if self.im_psi_of_imaginary is None else self.im_psi_of_imaginary
        # Separate products: together they would be split, and their gradients concatenated.
        re_re, re_im = product(self.re_psi, y.real), product(re_psi, y.imag)
        im_re, im_im = product(self.im_psi, y.real), product(im_psi, y.imag)
        low = modulus(product(self.low, y.real), product(self.low, y.imag))
        up = modulus(re_re - im_im, re_im + im_re)
        down = modulus(re_re + im_im, re_im - im_re)
        return jnp.concatenate([low, up, down], axis=-2)

    def modulus_of_real(
        self, y: Float[Array, "*batch n1 frame"]
    ) -> Float[Array, "*batch row frame"]:
        """|y ⋆ ψ_β| of a real y, for which both spins are the same."""
        low = product(self.low, y)
        psi = modulus(product(self.re_psi, y), product(self.im_psi, y))
        return jnp.concatenate([modulus(low, jnp.zeros_like(low)), psi], axis=-2)

    def average_rows(
        self, u: Float[Array, "*batch row frame"]
    ) -> Float[Array, "*batch path band frame"]:
        """φ_F ⋆ u for every path."""
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
        """The rows of each path, where there is no averaging along log-frequency."""
        n_spins = (u.shape[-2] - self.low.shape[0]) // self.re_psi.shape[0]
        ends = np.cumsum([self.n_rows[0], *self.n_rows[1:] * n_spins])[:-1]
        return jnp.split(u, ends, axis=-2)


def frequency_bank(
    kernels: np.ndarray,
    family: Family,
    n_live: int,
    n_rows: int,
    width: float | str,
    stride: int | None,
    *,
    reflect: bool,
    oversampling: int,
) -> FrequencyBank:
    """Matrices for `n_live` of `n_rows` rows, from the `kernels` of a family over one period.

    Beyond the live rows there are zeros or, if `reflect`, conjugate reflections.
    """
    n_padded = kernels.shape[-1]

    def matrices(kernel: np.ndarray, j_fr: int, width: float | str) -> _Matrices:
        return _matrices(
            kernel, j_fr, n_live, width, stride, reflect=reflect, oversampling=oversampling
        )

    low_kernel = np.roll(low_pass(2**family.J, n_padded), n_padded // 2)
    # The low-pass β = 0 is an average already, unless φ_F is wider still.
    wider = isinstance(width, str) or width > 2**family.J
    low = matrices(low_kernel, family.J, width if wider else 0)
    pairs = [
        matrices(kernel, psi.j, width) for kernel, psi in zip(kernels, family.wavelets, strict=True)
    ]
    psi = np.concatenate([pair.direct + pair.mirrored for pair in pairs])
    imaginary = np.concatenate([pair.direct - pair.mirrored for pair in pairs])
    average_low = average = None
    if width != 0:
        n_bands = 1 if stride is None else _grid.n_kept(n_rows, stride)
        average_low = np.zeros((n_bands, len(low.direct)))
        average_low[: len(low.weights)] = low.weights
        average = np.zeros((len(pairs), n_bands, len(psi)))
        stop = 0
        for i, pair in enumerate(pairs):
            start, stop = stop, stop + len(pair.direct)
            average[i, : len(pair.weights), start:stop] = pair.weights
    return FrequencyBank(
        # The reflections of what β = 0 averages have the sign that does not cancel it.
        low=leaf(low.direct + low.mirrored),
        re_psi=leaf(np.real(psi)),
        im_psi=leaf(np.imag(psi)),
        re_psi_of_imaginary=leaf(np.real(imaginary)) if reflect else None,
        im_psi_of_imaginary=leaf(np.imag(imaginary)) if reflect else None,
        average_low=None if average_low is None else leaf(average_low),
        average=None if average is None else leaf(average),
        n_rows=(len(low.direct), *(len(pair.direct) for pair in pairs)),
        n_live_bands=len(low.weights),
    )


class _Matrices(NamedTuple):
    """Convolution with a kernel at some rows, of live rows and their reflections; their average."""

    direct: np.ndarray
    mirrored: np.ndarray
    weights: np.ndarray


def _matrices(
    kernel: np.ndarray,
    j_fr: int,
    n_live: int,
    width: float | str,
    stride: int | None,
    *,
    reflect: bool,
    oversampling: int,
) -> _Matrices:
    """Convolution with a kernel, at the rows that φ_F needs, and the weights of these rows."""
    if width == 0:
        rows = np.arange(0, n_live, stride or 2**j_fr)
        return _Matrices(*_convolutions(kernel, rows, n_live, reflect=reflect), np.eye(len(rows)))
    j_fr = max(j_fr - oversampling, 0)
    rows, weights = _averaging(width, stride, j_fr, n_live, len(kernel))
    direct, mirrored = _convolutions(kernel, rows, n_live, reflect=reflect)
    reached = np.abs([direct, mirrored]).max((0, 2)) > NEGLIGIBLE * np.abs(kernel).max()
    return _Matrices(direct[reached], mirrored[reached], weights[:, reached])


def _convolutions(
    kernel: np.ndarray, rows: np.ndarray, n_live: int, *, reflect: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Convolution with a kernel of live rows, and, if `reflect`, of their reflections.

    Row n is reflected to −1 − n, and both are repeated with a period of twice as many rows.
    """
    live, period = np.arange(n_live), 2 * n_live
    if not reflect:
        direct = _convolution(kernel, rows, live)
        return direct, np.zeros_like(direct)
    n_periods = -(-(len(kernel) // 2 + np.abs(rows).max()) // period) + 1
    shifts = np.arange(-n_periods, n_periods + 1) * period
    direct = sum(_convolution(kernel, rows, live + shift) for shift in shifts)
    mirrored = sum(_convolution(kernel, rows, -1 - live + shift) for shift in shifts)
    return np.asarray(direct), np.asarray(mirrored)


def _convolution(kernel: np.ndarray, rows: np.ndarray, n1: np.ndarray) -> np.ndarray:
    center = len(kernel) // 2
    lag = rows[:, None] - n1
    return np.where(np.abs(lag) < center, kernel[(lag + center) % len(kernel)], 0)


def _averaging(
    width: float | str, stride: int | None, j_fr: int, n_live: int, n_padded: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of |y ⋆ ψ_β| that φ_F reaches, and their weights in the averages over live rows."""
    if isinstance(width, str):
        step = 2 ** min(j_fr, max(math.floor(math.log2(n_live)) - 5, 0))
        rows = np.arange(0, n_live + step // 2 + 1, step)
        return rows, _grid.cell_overlaps(rows, step, n_live)[None]
    assert stride is not None
    step = 2 ** min(j_fr, math.floor(math.log2(width)))
    reach = math.ceil(low_pass_reach(width) / step)
    rows = np.arange(-reach, -(-n_live // step) + reach) * step
    lag = np.abs(np.arange(0, n_live, stride)[:, None] - rows)
    phi = low_pass(width, n_padded) * step
    return rows, np.where(lag < n_padded // 2, phi[lag % n_padded], 0)
