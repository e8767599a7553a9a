"""Test signals: pure, differentiable functions of their parameters.

Frequencies are in Hz, times in seconds, chirp rates in octaves/second; parameters may be arrays,
which broadcast and make a batch. Phases are accurate in float32, however long the signal.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from . import _checks
from ._fourier import scale
from ._phase import cycles
from ._wavelets import SIGMA0

Parameter = float | Float[Array | np.ndarray, "*#batch"]

_GRID = ("n_samples", "sample_rate")


@partial(jax.jit, static_argnames=_GRID)
@jax.named_scope("jtfs_jax.synth.exponential_chirp")
def exponential_chirp(
    f_start: Parameter, f_stop: Parameter, *, n_samples: int, sample_rate: float
) -> Float[Array, "*batch time"]:
    """Chirp whose frequency goes from `f_start` to `f_stop` by as many octaves each second.

        x(t) = cos(2π ∫₀ᵗ f_start · 2^(γs) ds)     γ = log₂(f_stop / f_start) / duration

    It begins at t = 0, and would reach `f_stop` at the sample after its last.

    Args:
        f_start: First frequency in Hz, positive.
        f_stop: Last frequency in Hz, positive; lower than `f_start` for a falling chirp.
        n_samples: Length of the signal.
        sample_rate: Samples a second, in Hz.

    Returns:
        Signals of amplitude 1.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or `n_samples` or
            `sample_rate` are not positive.

    Example:
        >>> exponential_chirp(100.0, 3000.0, n_samples=4096, sample_rate=8000.0).shape
        (4096,)

    See Also:
        am_chirp: given by the chirp rate, under a window.
    """
    t = _times(n_samples, sample_rate)
    f_start, f_stop = _parameters(f_start=f_start, f_stop=f_stop)
    gamma = jnp.log2(f_stop / f_start) * (sample_rate / n_samples)
    return _cosine(cycles(f_start, _row(t, f_start), gamma))


@partial(jax.jit, static_argnames=_GRID)
@jax.named_scope("jtfs_jax.synth.am_chirp")
def am_chirp(
    f_c: Parameter,
    f_m: Parameter,
    gamma: Parameter,
    *,
    n_samples: int,
    sample_rate: float,
    width: Parameter = 2.0,
) -> Float[Array, "*batch time"]:
    """Exponential chirp with amplitude modulation, under a Gaussian window.

        x(t) = φ_w(γt) · sin(2π f_m t) · sin(2π f_c ∫₀ᵗ 2^(γs) ds)

    where φ_w is the Gaussian of standard deviation w / 10 and peak 1, and t = 0 is the sample of
    index n_samples / 2. The integral is (2^(γt) − 1) / (γ ln 2), or t for γ = 0: value and
    derivatives are continuous there, where the signal is a tone of constant amplitude. The signal
    covers the same band for every γ. Its envelope |sin(2π f_m t)| has 2 f_m beats a second.

    Args:
        f_c: Carrier frequency at t = 0, in Hz.
        f_m: Modulation frequency, in Hz.
        gamma: Chirp rate γ in octaves/second, negative for falling chirps.
        n_samples: Length of the signal.
        sample_rate: Samples a second, in Hz.
        width: Width w of the window in octaves.

    Returns:
        Signals of amplitude at most 1, not normalized.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or `n_samples` or
            `sample_rate` are not positive.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> gamma = jnp.array([0.5, 1.0, 2.0, 4.0])
        >>> x = am_chirp(512.0, 8.0, gamma, n_samples=2**15, sample_rate=2.0**13)
        >>> x.shape
        (4, 32768)
        >>> unit = x / jnp.linalg.norm(x, axis=-1, keepdims=True)

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, equation 5,
        arXiv:2204.08269; with the phase 0 at t = 0, as in Han, Lostanlen & Lagrange,
        Perceptual–Neural–Physical Sound Matching, 2023, arXiv:2301.02886.
    """
    t = _times(n_samples, sample_rate, center=True)
    f_c, f_m, gamma, width = _parameters(f_c=f_c, f_m=f_m, gamma=gamma, width=width)
    t = _row(t, f_c)
    window = jnp.exp(-0.5 * (gamma * jnp.asarray(t, gamma.dtype) / (SIGMA0 * width)) ** 2)
    return window * _sine(cycles(f_m, t)) * _sine(cycles(f_c, t, gamma))


@partial(jax.jit, static_argnames=_GRID)
@jax.named_scope("jtfs_jax.synth.am_tone")
def am_tone(
    f_c: Parameter,
    f_m: Parameter,
    *,
    n_samples: int,
    sample_rate: float,
    depth: Parameter = 1.0,
) -> Float[Array, "*batch time"]:
    """Tone with sinusoidal amplitude modulation: (1 + depth · cos(2π f_m t)) cos(2π f_c t).

    Args:
        f_c: Carrier frequency in Hz.
        f_m: Modulation frequency in Hz.
        n_samples: Length of the signal.
        sample_rate: Samples a second, in Hz.
        depth: Depth of the modulation: 0 for none, 1 for full.

    Returns:
        Signals of amplitude 1 + depth.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or `n_samples` or
            `sample_rate` are not positive.
    """
    t = _times(n_samples, sample_rate)
    f_c, f_m, depth = _parameters(f_c=f_c, f_m=f_m, depth=depth)
    t = _row(t, f_c)
    return (1 + depth * _cosine(cycles(f_m, t))) * _cosine(cycles(f_c, t))


@partial(jax.jit, static_argnames=_GRID)
@jax.named_scope("jtfs_jax.synth.windowed_tones")
def windowed_tones(
    f_c: Float[Array | np.ndarray, "*#batch #tone"] | float,
    t_c: Float[Array | np.ndarray, "*#batch #tone"] | float,
    duration: Float[Array | np.ndarray, "*#batch #tone"] | float,
    *,
    n_samples: int,
    sample_rate: float,
    taper: float | Float[Array, ""] = 0.5,
) -> Float[Array, "*batch time"]:
    """Sum of tones, each under a window of its own.

        x(t) = Σᵢ w((t − t_cᵢ) / durationᵢ) · sin(2π f_cᵢ (t − t_cᵢ))

    where w is the Tukey window, 1 around 0, which falls to 0 at ±½ along two halves of a cosine.
    Where the tones are far apart, moving `t_c` by more for higher tones shifts them in time
    depending on frequency: time scattering over a large T hardly changes, joint time–frequency
    scattering does.

    Args:
        f_c: Frequencies in Hz; the tones are on the last axis.
        t_c: Times of the windows' centers, in seconds from the first sample.
        duration: Durations of the windows in seconds.
        n_samples: Length of the signal.
        sample_rate: Samples a second, in Hz.
        taper: Share of the window that rises or falls: 1 for a Hann window.

    Returns:
        Signals, tones of amplitude 1.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or `n_samples` or
            `sample_rate` are not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> f_c = jnp.array([100.0, 500.0])
        >>> aligned = windowed_tones(f_c, 0.5, 0.2, n_samples=2048, sample_rate=2048.0)
        >>> t_c = 0.5 + 0.1 * jnp.log2(f_c / 100.0)
        >>> shifted = windowed_tones(f_c, t_c, 0.2, n_samples=2048, sample_rate=2048.0)

    See Also:
        disperse: shifts in time that depend on frequency, for any signal.
    """
    t = _times(n_samples, sample_rate)
    f_c, t_c, duration, taper = _parameters(f_c=f_c, t_c=t_c, duration=duration, taper=taper)

    def tone(f_c, t_c, duration, taper):
        row = _row(t, f_c)
        # A ramp of 1e-6 durations is none.
        ramp = (0.5 - jnp.abs((jnp.asarray(row, t_c.dtype) - t_c) / duration)) / jnp.maximum(
            taper / 2, 1e-6
        )
        window = jnp.sin(0.5 * math.pi * jnp.clip(ramp, 0, 1)) ** 2
        return window * _sine(cycles(f_c, row) - cycles(f_c, t_c))

    if f_c.ndim == 1:
        return tone(f_c, t_c, duration, taper)
    tones = [jnp.moveaxis(parameter, -2, 0) for parameter in (f_c, t_c, duration, taper)]
    return _sum(tone, *tones)


@partial(jax.jit, static_argnames=(*_GRID, "n_partials"))
@jax.named_scope("jtfs_jax.synth.shepard")
def shepard(
    f_c: Parameter,
    gamma: Parameter,
    *,
    n_samples: int,
    sample_rate: float,
    bandwidth: Parameter = 1.0,
    n_partials: int = 10,
) -> Float[Array, "*batch time"]:
    """Tones an octave apart that glide under a fixed spectral envelope, without end.

        x(t) = Σₖ g(k + γt) · sin(2π f_c 2^k ∫₀ᵗ 2^(γs) ds)     over all integers k

    where g is the Gaussian of standard deviation `bandwidth` and peak 1, and t = 0 is the sample of
    index n_samples / 2. At each time, the `n_partials` partials nearest to `f_c` sound, without
    those above half the sample rate. For γ = 0 it is Shepard's tone, else Risset's glissando.

    Args:
        f_c: Center of the spectral envelope in Hz; frequency of the partial k = 0 at t = 0.
        gamma: Chirp rate γ in octaves/second, negative for falling tones.
        n_samples: Length of the signal.
        sample_rate: Samples a second, in Hz.
        bandwidth: Standard deviation of the envelope in octaves.
        n_partials: Number of partials.

    Returns:
        Signals.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or `n_samples`,
            `sample_rate` or `n_partials` are not positive.

    References:
        Shepard, Circularity in Judgments of Relative Pitch, 1964.
    """
    t = _times(n_samples, sample_rate, center=True)
    _checks.positive_integer("n_partials", n_partials)
    f_c, gamma, bandwidth = _parameters(f_c=f_c, gamma=gamma, bandwidth=bandwidth)
    t = _row(t, f_c)
    glide = gamma * jnp.asarray(t, gamma.dtype)

    def partial_tone(first):
        # The octaves k that are n_partials apart follow each other in the place of one partial.
        k = first - n_partials * jnp.floor((first + glide) / n_partials + 0.5)
        octaves = k + glide
        audible = f_c * jnp.exp2(octaves) < sample_rate / 2
        level = jnp.where(audible, jnp.exp(-0.5 * (octaves / bandwidth) ** 2), 0)
        return level * _sine(cycles(jnp.ldexp(f_c, k.astype(int)), t, gamma))

    partials = jnp.arange(n_partials, dtype=f_c.dtype) - n_partials // 2
    return _sum(partial_tone, partials)


@partial(jax.jit, static_argnames=(*_GRID, "n_partials"))
@jax.named_scope("jtfs_jax.synth.ripple")
def ripple(
    f_m: Parameter,
    scale: Parameter,
    *,
    n_samples: int,
    sample_rate: float,
    depth: Parameter = 0.9,
    f_min: Parameter = 250.0,
    n_octaves: Parameter = 5.0,
    n_partials: int = 100,
    key: Array | None = None,
) -> Float[Array, "*batch time"]:
    """Moving ripple: tones across the spectrum, under a sinusoid of time and log-frequency.

        x(t) = N^(−½) Σᵢ (1 + depth · sin(2π (f_m t − scale · pᵢ))) · sin(2π f_min 2^(pᵢ) t + θᵢ)

    over N = `n_partials` tones i at pᵢ = i / N · n_octaves, with random θᵢ. Ridges of the envelope
    rise by f_m / scale octaves a second, or fall where this is negative: the paths of `jtfs` at
    that rate and scale, with spin of that sign, answer to it. Tones above half the sample rate are
    left out.

    Args:
        f_m: Rate in Hz.
        scale: Density of ripples in cycles/octave.
        n_samples: Length of the signal.
        sample_rate: Samples a second, in Hz.
        depth: Depth of the modulation: 0 for none, 1 for full.
        f_min: Lowest frequency in Hz.
        n_octaves: Number of octaves from there.
        n_partials: Number of tones.
        key: For the phases, which are then the same for the whole batch. None:
            `jax.random.key(0)`.

    Returns:
        Signals of variance about (1 + depth² / 2) / 2.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or `n_samples`,
            `sample_rate` or `n_partials` are not positive.

    References:
        Chi, Gao, Guyton, Ru & Shamma, Spectro-Temporal Modulation Transfer Functions and Speech
        Intelligibility, 1999.
    """
    t = _times(n_samples, sample_rate)
    _checks.positive_integer("n_partials", n_partials)
    f_m, scale, depth, f_min, n_octaves = _parameters(
        f_m=f_m, scale=scale, depth=depth, f_min=f_min, n_octaves=n_octaves
    )
    t = _row(t, f_m)
    beats = cycles(f_m, t)

    def tone(position, phase):
        octave = position * n_octaves
        f = f_min * jnp.exp2(octave)
        envelope = 1 + depth * _sine(beats - scale * octave)
        return jnp.where(f < sample_rate / 2, envelope * _sine(cycles(f, t) + phase), 0)

    positions = jnp.arange(n_partials, dtype=f_m.dtype) / n_partials
    key = jax.random.key(0) if key is None else key
    phases = jax.random.uniform(key, (n_partials,), f_m.dtype)
    return _sum(tone, positions, phases) / math.sqrt(n_partials)


@partial(jax.jit, static_argnames="n_samples")
@jax.named_scope("jtfs_jax.synth.power_law_noise")
def power_law_noise(
    key: Array, exponent: Parameter, *, n_samples: int
) -> Float[Array, "*batch time"]:
    """Gaussian noise whose spectral density falls as 1 / f^exponent.

    The exponent is 0 for white noise, 1 for pink, 2 for brown, −1 for blue noise. The noise is
    periodic, its mean is 0, and its expected variance 1.

    Args:
        key: Key of `jax.random`. Signals of a batch are independent of each other.
        exponent: Exponent of the power law.
        n_samples: Length of the signal, at least 2.

    Returns:
        Signals.

    Raises:
        ValueError: At trace time, if `exponent` is not real or `n_samples` is below 2.

    Example:
        >>> import jax
        >>> power_law_noise(jax.random.key(0), 1.0, n_samples=4096).shape
        (4096,)

    See Also:
        jtfs_jax.resynthesis.colored_noise: noise with the spectrum of a sound.
    """
    if _checks.positive_integer("n_samples", n_samples) < 2:
        raise ValueError("n_samples must be at least 2, for noise without a mean, got 1.")
    (exponent,) = _parameters(exponent=exponent)
    white = jax.random.normal(key, (*exponent.shape[:-1], n_samples), exponent.dtype)
    bins = np.arange(1, n_samples // 2 + 1)
    counts = np.where(2 * bins == n_samples, 1, 2)  # the Nyquist bin has no partner
    log_power = -exponent * jnp.asarray(_row(np.log(bins), exponent), exponent.dtype)
    # Normalized before the exponential, which steep spectra would overflow.
    log_counts = jnp.asarray(_row(np.log(counts / n_samples), exponent), exponent.dtype)
    log_power = log_power - jax.nn.logsumexp(log_power + log_counts, axis=-1, keepdims=True)
    spectrum = scale(jnp.fft.rfft(white)[..., 1:], jnp.exp(0.5 * log_power))
    no_mean = [(0, 0)] * (spectrum.ndim - 1) + [(1, 0)]
    return jnp.fft.irfft(jnp.pad(spectrum, no_mean), n_samples)


@partial(jax.jit, static_argnames="sample_rate")
@jax.named_scope("jtfs_jax.synth.disperse")
def disperse(
    x: Float[Array | np.ndarray, "*batch time"],
    delay: Parameter,
    *,
    f_c: Parameter,
    sample_rate: float,
) -> Float[Array, "*batch time"]:
    """Frequency-dependent time shifts: delay each frequency by its distance from `f_c` in octaves.

        ŷ(f) = x̂(f) · exp(−2πi ∫₀ᶠ τ(g) dg)     with τ(f) = delay · log₂(f / f_c)

    It keeps the spectrum and moves the band around f by the time τ(f). A click becomes an
    exponential chirp of 1 / delay octaves a second. Time is periodic: what is shifted past the end
    comes back at the beginning; pad `x` where it should not.

    Args:
        x: Real signals; other axes than the last are batch.
        delay: Delay in seconds for each octave above `f_c`; positive for higher frequencies to
            come later.
        f_c: Frequency in Hz, positive, that is not delayed.
        sample_rate: Samples a second, in Hz.

    Returns:
        Signals of the shape that `x` and the parameters broadcast to.

    Raises:
        ValueError: At trace time, if `x` or parameters are not real or do not broadcast, or
            `sample_rate` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> click = jnp.zeros(4096).at[2048].set(1.0)
        >>> rising = disperse(click, 0.05, f_c=500.0, sample_rate=8000.0)
    """
    x = _checks.real_array("x", x)
    if x.ndim == 0:
        raise ValueError("x must have time as its last axis, got a scalar.")
    n = x.shape[-1]
    # One sample of each signal joins the parameters, for the shape of the batch and the precision.
    sample, delay, f_c = _parameters(x=x[..., 0], delay=delay, f_c=f_c)
    x = jnp.broadcast_to(x.astype(sample.dtype), (*sample.shape[:-1], n))
    f = np.arange(n // 2 + 1) * (_checks.positive_number("sample_rate", sample_rate) / n)
    octaves = f * np.log2(np.where(f > 0, f, 1)) - f / math.log(2)  # ∫ log₂ f
    phase = cycles(delay * jnp.log2(f_c), _row(f, x)) - cycles(delay, _row(octaves, x))
    shift = jax.lax.complex(_cosine(phase), _sine(phase))
    return jnp.fft.irfft(jnp.fft.rfft(x) * shift, n)


def _times(n_samples: int, sample_rate: float, *, center: bool = False) -> np.ndarray:
    """Times of the samples in seconds, float64; from the first sample, or from n_samples / 2."""
    _checks.positive_integer("n_samples", n_samples)
    _checks.positive_number("sample_rate", sample_rate)
    return (np.arange(n_samples) - (n_samples / 2 if center else 0)) / sample_rate


def _row(values: np.ndarray, like: Array) -> np.ndarray:
    """Values along the last of as many axes as `like` has."""
    return values.reshape((1,) * (like.ndim - 1) + values.shape)


def _sine(phase: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return jnp.sin(2 * math.pi * phase)


def _cosine(phase: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return jnp.cos(2 * math.pi * phase)


def _sum(tone: Callable[..., Array], *parameters: Float[Array, "tone ..."]) -> Array:
    """Sum of tones, a tone for each entry; one at a time, so that memory does not grow."""

    @jax.checkpoint
    def add(total, entry):
        return total + tone(*entry), None

    result = jax.eval_shape(tone, *(parameter[0] for parameter in parameters))
    return jax.lax.scan(add, jnp.zeros(result.shape, result.dtype), parameters)[0]


def _parameters(**parameters: object) -> list[Float[Array, "*batch 1"]]:
    """Parameters in one precision, broadcast, with an axis for time at the end."""
    arrays = {name: _checks.real_array(name, value) for name, value in parameters.items()}
    floats = [a for a in arrays.values() if jnp.issubdtype(a.dtype, jnp.floating)]
    dtype = jnp.result_type(float, *floats)
    dtype = dtype if dtype == jnp.float64 else jnp.dtype(jnp.float32)
    try:
        batch = jnp.broadcast_shapes(*(a.shape for a in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{a.shape} of {name}" for name, a in arrays.items() if a.ndim)
        raise ValueError(
            f"parameters must have shapes that broadcast, got {shapes}; give those that vary "
            f"independently axes of their own, such as gamma[:, None]."
        ) from error
    return [jnp.broadcast_to(a.astype(dtype), batch)[..., None] for a in arrays.values()]
