"""Test signals composed of tones: chirps, modulated and windowed tones, glissandi, ripples."""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._jit import jit
from jtfs_jax._wavelets import SIGMA0

from ._parameters import GRID, Parameter, parameters, row, times
from ._phase import cosine, cycles, sine


@partial(jit, static_argnames=GRID)
@jax.named_scope("jtfs_jax.synth.exponential_chirp")
def exponential_chirp(
    f_start: Parameter, f_stop: Parameter, *, n_samples: int, sample_rate: float
) -> Float[Array, "*batch time"]:
    """Chirp from `f_start` to `f_stop` at a constant rate in octaves/second.

        x(t) = cos(2π ∫₀ᵗ f_start · 2^(γs) ds)     γ = log₂(f_stop / f_start) / duration

    The chirp starts at t = 0 and would reach `f_stop` one sample after its last sample.

    Args:
        f_start: Initial frequency in Hz, positive.
        f_stop: Final frequency in Hz, positive; lower than `f_start` for a falling chirp.
        n_samples: Length of the signal.
        sample_rate: Sample rate in Hz.

    Returns:
        Signals of amplitude 1.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or if `n_samples`
            or `sample_rate` is not positive.

    Example:
        >>> exponential_chirp(100.0, 3000.0, n_samples=4096, sample_rate=8000.0).shape
        (4096,)

    See Also:
        am_chirp: windowed chirp with a given chirp rate.
    """
    t = times(n_samples, sample_rate)
    f_start, f_stop = parameters(f_start=f_start, f_stop=f_stop)
    gamma = jnp.log2(f_stop / f_start) * (sample_rate / n_samples)
    return cosine(cycles(f_start, row(t, f_start), gamma))


@partial(jit, static_argnames=GRID)
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
    """Exponential chirp with amplitude modulation and a Gaussian window.

        x(t) = φ_w(γt) · sin(2π f_m t) · sin(2π f_c ∫₀ᵗ 2^(γs) ds)

    where φ_w is the Gaussian of standard deviation w / 10 and peak 1, and t = 0 is the sample of
    index n_samples / 2. The integral is (2^(γt) − 1) / (γ ln 2), or t for γ = 0, where the window
    is constant; the signal and its derivatives are continuous at γ = 0. The signal covers the same
    band for every γ. Its envelope |sin(2π f_m t)| has 2 f_m beats per second.

    Args:
        f_c: Carrier frequency at t = 0, in Hz.
        f_m: Modulation frequency, in Hz.
        gamma: Chirp rate γ in octaves/second, negative for falling chirps.
        n_samples: Length of the signal.
        sample_rate: Sample rate in Hz.
        width: Width w of the window in octaves.

    Returns:
        Signals of amplitude at most 1, not normalized.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or if `n_samples`
            or `sample_rate` is not positive.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> gamma = jnp.array([0.5, 1.0, 2.0, 4.0])
        >>> x = am_chirp(512.0, 8.0, gamma, n_samples=2**15, sample_rate=2.0**13)
        >>> x.shape
        (4, 32768)
        >>> unit = x / jnp.linalg.norm(x, axis=-1, keepdims=True)

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, equation 5,
        arXiv:2204.08269; with phase 0 at t = 0, as in Han, Lostanlen & Lagrange,
        Perceptual–Neural–Physical Sound Matching, 2023, arXiv:2301.02886.
    """
    t = times(n_samples, sample_rate, center=True)
    f_c, f_m, gamma, width = parameters(f_c=f_c, f_m=f_m, gamma=gamma, width=width)
    t = row(t, f_c)
    window = jnp.exp(-0.5 * (gamma * jnp.asarray(t, gamma.dtype) / (SIGMA0 * width)) ** 2)
    return window * sine(cycles(f_m, t)) * sine(cycles(f_c, t, gamma))


@partial(jit, static_argnames=GRID)
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
        sample_rate: Sample rate in Hz.
        depth: Depth of the modulation: 0 for none, 1 for full.

    Returns:
        Signals of amplitude 1 + depth.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or if `n_samples`
            or `sample_rate` is not positive.
    """
    t = times(n_samples, sample_rate)
    f_c, f_m, depth = parameters(f_c=f_c, f_m=f_m, depth=depth)
    t = row(t, f_c)
    return (1 + depth * cosine(cycles(f_m, t))) * cosine(cycles(f_c, t))


@partial(jit, static_argnames=GRID)
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
    """Sum of windowed tones with given frequencies, times and durations.

        x(t) = Σᵢ w((t − t_cᵢ) / durationᵢ) · sin(2π f_cᵢ (t − t_cᵢ))

    where w is the Tukey window, which is 1 around 0 and has cosine tapers that reach 0 at ±½. Tones
    far apart in frequency are shifted relative to each other by a `t_c` that increases with
    frequency. This hardly changes time scattering with a large T, but it does change joint
    time–frequency scattering.

    Args:
        f_c: Frequencies in Hz; the tones are on the last axis.
        t_c: Centers of the windows, in seconds from the first sample.
        duration: Durations of the windows in seconds.
        n_samples: Length of the signal.
        sample_rate: Sample rate in Hz.
        taper: Tapered fraction of the window, from 0 (rectangular) to 1 (Hann).

    Returns:
        Signals, in which each tone has amplitude 1.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or if `n_samples`
            or `sample_rate` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> f_c = jnp.array([100.0, 500.0])
        >>> aligned = windowed_tones(f_c, 0.5, 0.2, n_samples=2048, sample_rate=2048.0)
        >>> t_c = 0.5 + 0.1 * jnp.log2(f_c / 100.0)
        >>> shifted = windowed_tones(f_c, t_c, 0.2, n_samples=2048, sample_rate=2048.0)

    See Also:
        disperse: shifts the frequencies of any signal in time.
    """
    t = times(n_samples, sample_rate)
    f_c, t_c, duration, taper = parameters(f_c=f_c, t_c=t_c, duration=duration, taper=taper)

    def tone(f_c, t_c, duration, taper):
        time = row(t, f_c)
        position = (jnp.asarray(time, t_c.dtype) - t_c) / duration
        # A taper of 0 becomes a ramp of 1e-6 durations, which is practically none.
        ramp = (0.5 - jnp.abs(position)) / jnp.maximum(taper / 2, 1e-6)
        window = jnp.sin(0.5 * math.pi * jnp.clip(ramp, 0, 1)) ** 2
        return window * sine(cycles(f_c, time) - cycles(f_c, t_c))

    if f_c.ndim == 1:
        return tone(f_c, t_c, duration, taper)
    tones = [jnp.moveaxis(parameter, -2, 0) for parameter in (f_c, t_c, duration, taper)]
    return _sum(tone, *tones)


@partial(jit, static_argnames=(*GRID, "n_partials"))
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
    """Tones an octave apart that glide endlessly under a fixed spectral envelope.

        x(t) = Σₖ g(k + γt) · sin(2π f_c 2^k ∫₀ᵗ 2^(γs) ds)     over all integers k

    where g is the Gaussian of standard deviation `bandwidth` and peak 1, and t = 0 is the sample of
    index n_samples / 2. At each time, the `n_partials` partials nearest to `f_c` sound, except
    partials above half the sample rate. γ = 0 gives a Shepard tone, any other γ a Risset
    glissando.

    Args:
        f_c: Center of the spectral envelope in Hz; frequency of the partial k = 0 at t = 0.
        gamma: Chirp rate γ in octaves/second, negative for falling tones.
        n_samples: Length of the signal.
        sample_rate: Sample rate in Hz.
        bandwidth: Standard deviation of the envelope in octaves.
        n_partials: Number of partials.

    Returns:
        Signals, not normalized.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, or if
            `n_samples`, `sample_rate` or `n_partials` is not positive.

    References:
        Shepard, Circularity in Judgments of Relative Pitch, 1964.
    """
    t = times(n_samples, sample_rate, center=True)
    _checks.positive_integer("n_partials", n_partials)
    f_c, gamma, bandwidth = parameters(f_c=f_c, gamma=gamma, bandwidth=bandwidth)
    t = row(t, f_c)
    glide = gamma * jnp.asarray(t, gamma.dtype)

    def partial_tone(first):
        # Over time, each partial takes octaves k that are n_partials apart, one after another.
        k = first - n_partials * jnp.floor((first + glide) / n_partials + 0.5)
        octaves = k + glide
        audible = f_c * jnp.exp2(octaves) < sample_rate / 2
        level = jnp.where(audible, jnp.exp(-0.5 * (octaves / bandwidth) ** 2), 0)
        return level * sine(cycles(jnp.ldexp(f_c, k.astype(int)), t, gamma))

    partials = jnp.arange(n_partials, dtype=f_c.dtype) - n_partials // 2
    return _sum(partial_tone, partials)


@partial(jit, static_argnames=(*GRID, "n_partials"))
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
    """Moving ripple: tones with an envelope that is sinusoidal in time and log-frequency.

        x(t) = N^(−½) Σᵢ (1 + depth · sin(2π (f_m t − scale · pᵢ))) · sin(2π f_min 2^(pᵢ) t + θᵢ)

    over N = `n_partials` tones i at pᵢ = i / N · n_octaves, with random θᵢ. Ridges of the envelope
    rise by f_m / scale octaves/second, or fall if this is negative. The `jtfs` paths that respond
    have this rate and scale, and a spin of the same sign. Tones above half the sample rate are
    omitted.

    Args:
        f_m: Rate of the ripples in Hz.
        scale: Density of ripples in cycles/octave.
        n_samples: Length of the signal.
        sample_rate: Sample rate in Hz.
        depth: Depth of the modulation: 0 for none, 1 for full.
        f_min: Lowest frequency in Hz.
        n_octaves: Number of octaves above `f_min`.
        n_partials: Number of tones.
        key: Key of `jax.random` for the phases, which are the same for the whole batch. None:
            `jax.random.key(0)`.

    Returns:
        Signals of variance about (1 + depth² / 2) / 2.

    Raises:
        ValueError: At trace time, if parameters are not real or do not broadcast, if `n_samples`,
            `sample_rate` or `n_partials` is not positive, or if `key` is not a key.

    References:
        Chi, Gao, Guyton, Ru & Shamma, Spectro-Temporal Modulation Transfer Functions and Speech
        Intelligibility, 1999.
    """
    t = times(n_samples, sample_rate)
    _checks.positive_integer("n_partials", n_partials)
    f_m, scale, depth, f_min, n_octaves = parameters(
        f_m=f_m, scale=scale, depth=depth, f_min=f_min, n_octaves=n_octaves
    )
    t = row(t, f_m)
    beats = cycles(f_m, t)

    def tone(position, phase):
        octave = position * n_octaves
        f = f_min * jnp.exp2(octave)
        envelope = 1 + depth * sine(beats - scale * octave)
        return jnp.where(f < sample_rate / 2, envelope * sine(cycles(f, t) + phase), 0)

    positions = jnp.arange(n_partials, dtype=f_m.dtype) / n_partials
    key = _checks.random_key("key", jax.random.key(0) if key is None else key)
    phases = jax.random.uniform(key, (n_partials,), f_m.dtype)
    return _sum(tone, positions, phases) / math.sqrt(n_partials)


def _sum(tone: Callable[..., Array], *entries: Float[Array, "tone ..."]) -> Array:
    """Sum of tones, one per entry, added one at a time so that memory does not grow with them."""

    @jax.checkpoint
    def add(total, entry):
        return total + tone(*entry), None

    result = jax.eval_shape(tone, *(entry[0] for entry in entries))
    return jax.lax.scan(add, jnp.zeros(result.shape, result.dtype), entries)[0]
