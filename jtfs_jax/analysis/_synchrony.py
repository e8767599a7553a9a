"""Synchrony: correlation over time between the envelopes of a sound's bands."""

import math
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._arrays import of_rank
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._first_order import scalogram
from jtfs_jax._jit import jit
from jtfs_jax._modulus import safe_divide, safe_sqrt
from jtfs_jax._products import product
from jtfs_jax._wavelets import ALPHA, SIGMA0

# Largest correlation that the overlap of two wavelets may impose on a pair of bands.
_NEGLIGIBLE = 1e-3


def band_synchrony(
    bank: FilterBank,
    x: Float[Array | np.ndarray, "*batch time"],
    *,
    T: float | Literal["global"] | None = None,
    octaves: tuple[float, float] = (0.0, math.inf),
) -> Float[Array, "*batch"]:
    """Synchrony of a sound: how well the envelopes of its bands line up in time, from −1 to 1.

    With φ_T a low-pass filter, γ_n the Gaussian |ψ_n| of the n-th wavelet, and ⋆ convolution over
    time,

        V(n, t)    = U1(n, t) − (U1(n, ·) ⋆ φ_T)(t)
        V(n, m, t) = (V(n, ·) ⋆ γ_m)(t)

                     Σ ⟨V(n, m, ·), V(m, n, ·)⟩
        synchrony  = ──────────────────────────────     sums over pairs of bands n < m
                     Σ ‖V(n, m, ·)‖ ‖V(m, n, ·)‖

    Synchrony is a mean of correlation coefficients, weighted by the modulation of the bands. V
    excludes the slow variations, which S1 describes. Convolution with the wavelet of the other band
    brings both bands to the same time resolution, so that the envelopes of a click, each as long as
    its wavelet, correlate fully. Bands with overlapping wavelets do not form pairs, because their
    envelopes are similar in any sound.

    Synchrony is 1 for clicks, and for tones with the same slow modulation; it is about 0 for noise,
    and for tones with independent modulations. Delays from band to band, as in chirps, lower it. It
    does not depend on gain, and is 0 for silence. Signals are padded with the `pad_mode` of `bank`:
    if an otherwise steady sound does not begin and end softly, the kinks or edges there count.

    Args:
        bank: Filters from `filterbank`; only the first-order wavelets are used.
        x: Real signals of `bank.n_samples` samples on the last axis; other axes are batch.
        T: Width of φ_T in samples, from 1 to `bank.n_samples`. None means the T of `bank`. If the
            width is "global" or 0, V excludes only the mean over the signal.
        octaves: Smallest and largest distance between the bands of a pair, in octaves.

    Returns:
        The synchrony of each signal.

    Raises:
        ValueError: At trace time, if `x` is not real or does not have `bank.n_samples` samples, if
            `T` or `octaves` is out of range, or if `octaves` leaves no pair.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8)
        >>> click = jnp.zeros(4096).at[2000].set(1.0)
        >>> round(float(band_synchrony(bank, click)), 3)
        1.0

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, section 5 and
        Figure 6, arXiv:2204.08269: metamers of time scattering lose synchrony, metamers of joint
        time–frequency scattering keep it.

    See Also:
        jtfs_jax.resynthesis.metamer: makes metamers.
    """
    is_pair = isinstance(octaves, tuple | list) and len(octaves) == 2
    if not (is_pair and 0 <= octaves[0] <= octaves[1]):
        raise ValueError(
            f"octaves must be a pair of numbers (smallest, largest), both at least 0 and in this "
            f"order, got {octaves!r}."
        )
    return _band_synchrony(bank, x, T, tuple(octaves))


@partial(jit, static_argnums=(2, 3))
@jax.named_scope("jtfs_jax.analysis.band_synchrony")
def _band_synchrony(
    bank: FilterBank,
    x: Float[Array | np.ndarray, "*batch time"],
    T: float | Literal["global"] | None,
    octaves: tuple[float, float],
) -> Float[Array, "*batch"]:
    u1 = scalogram(bank, jnp.asarray(x))
    n = bank.n_samples
    xi, sigma = np.array([(psi.xi, psi.sigma) for psi in bank.wavelets1]).T
    weights = jnp.asarray(_pairs(xi, sigma, octaves), u1.dtype)
    # A cosine transform is the Fourier transform of the reflected signal, which the symmetric
    # filters multiply. No wavelet's Gaussian passes higher frequencies.
    n_bins = min(n, math.ceil(2 * n * ALPHA * sigma.max()))
    f = np.arange(n_bins) / (2 * n)
    gaussians = jnp.asarray(np.exp(-0.5 * (f / sigma[:, None]) ** 2), u1.dtype)
    width = bank.T if T is None else _checks.width("T", T, 0, n, "samples")
    high_pass = jnp.asarray(_high_pass(f, width), u1.dtype)
    v = jax.scipy.fft.dct(u1, norm="ortho")[..., :n_bins] * of_rank(high_pass, u1.ndim)

    smooth = v * of_rank(gaussians, u1.ndim)
    products = product(smooth, smooth.mT)
    energies = product(v**2, (gaussians**2).T)
    norms = safe_sqrt(energies)
    weights = of_rank(weights, products.ndim)
    common = (weights * products).sum((-2, -1))
    total = (weights * norms * norms.mT).sum((-2, -1))
    return safe_divide(common, total)


def _high_pass(f: Float[np.ndarray, " bin"], width: float | str) -> Float[np.ndarray, " bin"]:
    """Transfer function of the identity minus φ_T, at `f` cycles/sample."""
    if isinstance(width, str) or width == 0:
        return np.where(f == 0, 0.0, 1.0)
    return -np.expm1(-0.5 * (f * width / SIGMA0) ** 2)


def _pairs(
    xi: Float[np.ndarray, " n1"], sigma: Float[np.ndarray, " n1"], octaves: tuple[float, float]
) -> Float[np.ndarray, "n1 n1"]:
    """1 for each pair n < m at these distances whose wavelets do not overlap, and 0 for others."""
    distance = np.abs(np.log2(xi[:, None] / xi))
    # Correlation of the squared envelopes of white noise: |⟨ψ_n, ψ_m⟩|² of unit wavelets.
    variance = sigma[:, None] ** 2 + sigma**2
    overlap = 2 * sigma[:, None] * sigma / variance * np.exp(-((xi[:, None] - xi) ** 2) / variance)
    apart = np.triu(overlap <= _NEGLIGIBLE)
    # Rounding must not exclude bands one octave apart from octaves=(1, 1).
    pairs = apart & (distance > octaves[0] - 1e-6) & (distance < octaves[1] + 1e-6)
    if pairs.any():
        return pairs.astype(float)
    if not apart.any():
        raise ValueError(
            f"bank must have wavelets that do not overlap, but all pairs of its {len(xi)} "
            f"first-order wavelets do; raise its J or its Q."
        )
    raise ValueError(
        f"octaves must leave pairs of bands that do not overlap, got {octaves!r}, but such pairs "
        f"are {distance[apart].min():.2f} to {distance[apart].max():.2f} octaves apart; widen it."
    )
