"""Test signals computed in the Fourier domain: power-law noise, and dispersion of any signal."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._arrays import times_real
from jtfs_jax._jit import jit

from ._parameters import Parameter, parameters, row
from ._phase import cosine, cycles, sine


@partial(jit, static_argnames="n_samples")
@jax.named_scope("jtfs_jax.synth.power_law_noise")
def power_law_noise(
    key: Array, exponent: Parameter, *, n_samples: int
) -> Float[Array, "*batch time"]:
    """Gaussian noise with a power spectral density proportional to 1 / f^exponent.

    The exponent is 0 for white noise, 1 for pink, 2 for brown and −1 for blue noise. The noise is
    periodic; its mean is 0 and its expected variance is 1.

    Args:
        key: Key of `jax.random`. Signals of a batch are independent of each other.
        exponent: Exponent of the power law.
        n_samples: Length of the signal, at least 2.

    Returns:
        Signals.

    Raises:
        ValueError: At trace time, if `exponent` is not real, `n_samples` is below 2, or `key` is
            not a key.

    Example:
        >>> import jax
        >>> power_law_noise(jax.random.key(0), 1.0, n_samples=4096).shape
        (4096,)

    See Also:
        jtfs_jax.resynthesis.colored_noise: noise with the spectrum of a sound.
    """
    if _checks.positive_integer("n_samples", n_samples) < 2:
        raise ValueError("n_samples must be at least 2, got 1; noise of mean 0 needs two samples.")
    key = _checks.random_key("key", key)
    (exponent,) = parameters(exponent=exponent)
    white = jax.random.normal(key, (*exponent.shape[:-1], n_samples), exponent.dtype)
    bins = np.arange(1, n_samples // 2 + 1)
    counts = np.where(2 * bins == n_samples, 1, 2)  # the Nyquist bin has no partner
    log_power = -exponent * jnp.asarray(row(np.log(bins), exponent), exponent.dtype)
    # Normalize before the exponential, which would overflow for steep spectra.
    log_counts = jnp.asarray(row(np.log(counts / n_samples), exponent), exponent.dtype)
    log_power = log_power - jax.nn.logsumexp(log_power + log_counts, axis=-1, keepdims=True)
    spectrum = times_real(jnp.fft.rfft(white)[..., 1:], jnp.exp(0.5 * log_power))
    no_mean = [(0, 0)] * (spectrum.ndim - 1) + [(1, 0)]
    return jnp.fft.irfft(jnp.pad(spectrum, no_mean), n_samples)


@partial(jit, static_argnames="sample_rate")
@jax.named_scope("jtfs_jax.synth.disperse")
def disperse(
    x: Float[Array | np.ndarray, "*batch time"],
    delay: Parameter,
    *,
    f_c: Parameter,
    sample_rate: float,
) -> Float[Array, "*batch time"]:
    """Delay each frequency in proportion to its distance from `f_c` in octaves.

        ŷ(f) = x̂(f) · exp(−2πi ∫₀ᶠ τ(g) dg)     with τ(f) = delay · log₂(f / f_c)

    This keeps the magnitude spectrum and shifts the band around f by the time τ(f). A click becomes
    an exponential chirp of 1 / delay octaves/second. Time is periodic: parts of the signal that are
    shifted past the end reappear at the beginning; pad `x` to avoid this.

    Args:
        x: Real signals with time on the last axis; other axes are batch.
        delay: Delay in seconds per octave above `f_c`; if positive, higher frequencies come later.
        f_c: Frequency in Hz that is not delayed, positive.
        sample_rate: Sample rate in Hz.

    Returns:
        Signals of the shape that `x` and the parameters broadcast to.

    Raises:
        ValueError: At trace time, if `x` or a parameter is not real, if they do not broadcast, or
            if `sample_rate` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> click = jnp.zeros(4096).at[2048].set(1.0)
        >>> rising = disperse(click, 0.05, f_c=500.0, sample_rate=8000.0)
    """
    x = _checks.real_array("x", x)
    if x.ndim == 0:
        raise ValueError("x must have time as its last axis, got a scalar.")
    n = x.shape[-1]
    # One sample of each signal joins the parameters to determine the batch shape and precision.
    sample, delay, f_c = parameters(x=x[..., 0], delay=delay, f_c=f_c)
    x = jnp.broadcast_to(x.astype(sample.dtype), (*sample.shape[:-1], n))
    f = np.arange(n // 2 + 1) * (_checks.positive_number("sample_rate", sample_rate) / n)
    octaves = f * np.log2(np.where(f > 0, f, 1)) - f / math.log(2)  # ∫ log₂ f
    phase = cycles(delay * jnp.log2(f_c), row(f, x)) - cycles(delay, row(octaves, x))
    shift = jax.lax.complex(cosine(phase), sine(phase))
    return jnp.fft.irfft(jnp.fft.rfft(x) * shift, n)
