"""The multi-scale spectral distance, a baseline for comparison with scattering."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks, _fft
from jtfs_jax._modulus import modulus
from jtfs_jax._norms import magnitude
from jtfs_jax.analysis import log_compress


def multiscale_spectral_distance(
    x: Float[Array | np.ndarray, "*#batch time"],
    target: Float[Array | np.ndarray, "*#batch time"],
    *,
    n_fft: Sequence[int] = (2048, 1024, 512, 256, 128, 64),
    log_weight: float = 0.0,
    level: float = 1e-5,
) -> Float[Array, "*batch"]:
    """Multi-scale spectral distance (MSS): difference of spectrograms with several window lengths.

        d(x, y) = mean over n of the mean over frames and bins of
                  | |Xₙ| − |Yₙ| | + log_weight · | log(level + |Xₙ|) − log(level + |Yₙ|) |

    where Xₙ is the short-time Fourier transform of x with Hann windows of n samples, a hop of n / 4
    and reflection padding at both ends. The transform is not normalized: magnitudes are sums over
    the window, so long windows count more. Derivatives are finite everywhere, and 0 at an exact
    match.

    Args:
        x: Real signals; leading axes are batch.
        target: Real signals of the same length, whose batch axes broadcast with those of `x`.
        n_fft: Window lengths in samples, multiples of 4.
        log_weight: Weight of the differences of logarithms, at least 0.
        level: Magnitude below which the logarithms are linear, positive.

    Returns:
        Distances, one per signal of the batch.

    Raises:
        ValueError: At trace time, if `x` and `target` are not real, differ in length, or do not
            broadcast, or an option is out of its range.

    Example:
        >>> import jax
        >>> x = jax.random.normal(jax.random.key(0), (3, 8192))
        >>> multiscale_spectral_distance(x, x[0]).shape
        (3,)

    References:
        Engel et al., DDSP: Differentiable Digital Signal Processing, 2020, arXiv:2001.04643; with
        these windows and without logarithms, Vahidi et al., Mesostructures, 2023,
        arXiv:2301.10183.

    See Also:
        distance: distance between coefficients of scattering transforms.
    """
    _check_options(n_fft, log_weight, level)
    return _distance(*_signals(x, target), tuple(n_fft), float(log_weight), float(level))


@partial(jax.jit, static_argnums=(2, 3, 4))
@jax.named_scope("jtfs_jax.losses.multiscale_spectral_distance")
def _distance(
    x: Float[Array, "*batch time"],
    target: Float[Array, "*batch time"],
    n_fft: tuple[int, ...],
    log_weight: float,
    level: float,
) -> Float[Array, "*batch"]:
    parts = []
    for n in n_fft:
        magnitudes = _spectrogram(x, n), _spectrogram(target, n)
        parts.append(_mean_difference(*magnitudes))
        if log_weight:
            logarithms = (log_compress(m, level) for m in magnitudes)
            parts.append(log_weight * _mean_difference(*logarithms))
    return jnp.stack(parts).sum(axis=0) / len(n_fft)


def _spectrogram(x: Float[Array, "*batch time"], n: int) -> Float[Array, "*batch frame bin"]:
    """Magnitudes of the short-time Fourier transform, with a hop of n / 4."""
    hop = n // 4
    n_frames = 1 + x.shape[-1] // hop
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(n // 2, n // 2)], mode="reflect")
    quarters = padded[..., : (n_frames + 3) * hop].reshape(*x.shape[:-1], n_frames + 3, hop)
    frames = [quarters[..., k : k + n_frames, :] for k in range(4)]
    window = np.sin(np.pi * np.arange(n) / n).reshape((1,) * x.ndim + (n,)) ** 2
    spectrum = _fft.rfft(jnp.concatenate(frames, axis=-1) * jnp.asarray(window, x.dtype))
    return modulus(spectrum.real, spectrum.imag)


def _mean_difference(
    a: Float[Array, "*batch frame bin"], b: Float[Array, "*batch frame bin"]
) -> Float[Array, "*batch"]:
    return magnitude(a - b).mean(axis=(-2, -1))


def _signals(x: object, target: object) -> tuple[Array, Array]:
    """Both signals in the same precision, with the same batch axes."""
    a, b = _checks.real_array("x", x), _checks.real_array("target", target)
    if a.ndim == 0 or a.shape[-1:] != b.shape[-1:]:
        raise ValueError(
            f"x and target must have the same number of samples on their last axes, got shapes "
            f"{a.shape} and {b.shape}; cut or pad one of them."
        )
    try:
        shape = jnp.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise ValueError(
            f"target must have batch axes that broadcast to those of x, {a.shape[:-1]}, got "
            f"{b.shape[:-1]}; pass one target for each signal, or one for all."
        ) from error
    dtype = jnp.float64 if jnp.float64 in (a.dtype, b.dtype) else jnp.float32
    return jnp.broadcast_to(a.astype(dtype), shape), jnp.broadcast_to(b.astype(dtype), shape)


def _check_options(n_fft: object, log_weight: float, level: float) -> None:
    if not isinstance(n_fft, Sequence) or isinstance(n_fft, str) or not n_fft:
        raise ValueError(f"n_fft must be one or more window lengths in a tuple, got {n_fft!r}.")
    for index, n in enumerate(n_fft):
        if _checks.positive_integer(f"n_fft[{index}]", n) % 4:
            raise ValueError(f"n_fft[{index}] must be a multiple of 4, got {n!r}.")
    if log_weight != 0:
        _checks.positive_number("log_weight", log_weight)
    _checks.positive_number("level", level)
