"""What S1 tells of a sound before any search: noise that resembles it, and its loudness."""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax._arrays import times_real
from jtfs_jax._checks import positive_integer, random_key
from jtfs_jax._coordinates import frame_times
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._time_scattering import time_scattering

_MAX_NODES = 256  # each of them takes a Fourier transform of the whole noise
_N_CORRECTIONS = 2
_CORRECTION_FLOOR = 1e-4  # of the largest coefficient, −80 dB: what is below is not amplified
_LOUDNESS_FLOOR = 1e-2


def colored_noise(
    bank: FilterBank,
    s1: Float[Array, "*batch n1 frame"],
    *,
    n_sounds: int = 1,
    key: Array | np.ndarray | None = None,
) -> Float[Array, "sound *batch time"]:
    """Gaussian noise that has nearly the first-order coefficients `s1`.

    Gaussian noise n of spectral density P around the wavelet ψ, of bandwidth σ and peak gain 1, has

        E|n ⋆ ψ| = √(π/4 · P · ∫|ψ̂|²)     with ∫|ψ̂|² = √π σ

    which gives √P at the wavelets' center frequencies, for each frame; in between, it is
    interpolated over frequency, and over time. The same white noise passes through all of these
    filters. As they overlap, the coefficients of the result are not yet `s1`; so all amplitudes
    are twice multiplied by the ratio of the one to the other (below 1e-4 of the largest
    coefficient, that is −80 dB, both count as that much). The mean of the noise is 0, or almost.

    Frames closer than 1/256 of the duration, or than the width of φ_T, are averaged before. Where
    they are then no farther apart than the longest wavelets are long, S1 of any noise fluctuates
    from one to the next. There the second correction is one for each band, that of least squares:
    to correct each fluctuation again would make the noise too loud.

    Args:
        bank: Filters from `filterbank`.
        s1: First-order coefficients S1 of one sound or several, all frames. A single frame, such as
            `s1.mean(axis=-1, keepdims=True)`, gives noise that is stationary.
        n_sounds: Number of sounds for each of the `s1`. Each is the same for any `n_sounds`; sounds
            of different `s1` come from the same white noise.
        key: Key of `jax.random` for the white noise. None: `jax.random.key(0)`.

    Returns:
        The sounds.

    Raises:
        ValueError: If `n_sounds` is not positive, `key` is not a key, or `s1` was not computed with
            `bank`.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4)
        >>> x = jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> colored_noise(bank, jtfs_jax.time_scattering(bank, x).S1, n_sounds=3).shape
        (3, 1024)

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3,
        for stationary noise.

    See Also:
        white_noise: noise that has only the power in common with a sound.
        jtfs_jax.synth.power_law_noise: noise of a given spectrum.
    """
    positive_integer("n_sounds", n_sounds)
    key = checked_key(key)
    s1 = _checked(bank, s1)
    flat = s1.reshape(-1, *s1.shape[-2:])
    y = _colored_noise(bank, flat, _gaussian_noise(bank, n_sounds, key))
    return y.reshape(n_sounds, *s1.shape[:-2], bank.n_samples)


def white_noise(
    bank: FilterBank,
    s1: Float[Array, "*batch n1 frame"],
    *,
    n_sounds: int = 1,
    key: Array | np.ndarray | None = None,
) -> Float[Array, "sound *batch time"]:
    """White Gaussian noise as powerful as `colored_noise`, which is made of it.

    It knows of the target how loud it is, but neither its frequencies nor its times.

    Args:
        bank: As for `colored_noise`.
        s1: As for `colored_noise`.
        n_sounds: As for `colored_noise`.
        key: As for `colored_noise`.

    Returns:
        The sounds.

    Raises:
        ValueError: As `colored_noise` does.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> target = jtfs_jax.jtfs(bank, jnp.sin(jnp.linspace(0.0, 300.0, 1024)))
        >>> white_noise(bank, target.S1, n_sounds=3).shape
        (3, 1024)
    """
    colored = colored_noise(bank, s1, n_sounds=n_sounds, key=key)
    key = checked_key(key)
    level = jnp.sqrt(jnp.square(colored).mean(axis=-1))
    white = _gaussian_noise(bank, n_sounds, key)
    one_axis = (n_sounds, *[1] * (level.ndim - 1), bank.n_samples)
    return level[..., None] * white.reshape(one_axis)


def loudness(bank: FilterBank, s1: Float[Array, "*batch n1 frame"]) -> Float[Array, "*batch time"]:
    """Loudness over time, √Σ_n1 S1², relative to its maximum and at least 0.01 of it.

    Args:
        bank: Filters from `filterbank`.
        s1: First-order coefficients S1 of one sound or several, all frames.

    Returns:
        Numbers between 0.01 and 1 for each sample, interpolated between frames.

    Raises:
        ValueError: If `s1` was not computed with `bank`.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4)
        >>> decay = jnp.exp(jnp.linspace(0.0, -8.0, 1024)) * jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> e = loudness(bank, jtfs_jax.time_scattering(bank, decay).S1)
        >>> e.shape, float(e.max()), round(float(e.min()), 2)
        ((1024,), 1.0, 0.01)

    See Also:
        resynthesize: takes it as `envelope`.
    """
    return _loudness(bank, _checked(bank, s1))


def checked_key(key: Array | np.ndarray | None) -> Array:
    """The key as given, or the one that stands for None."""
    return random_key("key", jax.random.key(0) if key is None else key)


def _checked(bank: FilterBank, s1: Array) -> Float[Array, "*batch n1 frame"]:
    s1 = jnp.asarray(s1, bank.dtype)
    shape = (len(bank.wavelets1), len(frame_times(bank)))
    if s1.ndim < 2 or s1.shape[-2] != shape[0] or s1.shape[-1] not in (1, shape[1]):
        raise ValueError(
            f"s1 must have {shape[0]} rows and 1 or {shape[1]} frames on its last axes, but its "
            f"shape is {s1.shape}; compute it with this filterbank."
        )
    return s1


def _gaussian_noise(bank: FilterBank, n_sounds: int, key: Array) -> Float[Array, "sound time"]:
    """Of variance 1; each sound is the same for any `n_sounds`."""
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(n_sounds))
    return jax.vmap(lambda key: jax.random.normal(key, (bank.n_samples,), bank.dtype))(keys)


@jax.jit
def first_order(
    bank: FilterBank, y: Float[Array, "*batch time"]
) -> Float[Array, "*batch n1 frame"]:
    """S1; under `jit` nothing is computed of the second order."""
    return time_scattering(bank, y).S1


@jax.jit
def _loudness(bank: FilterBank, s1: Float[Array, "*batch n1 frame"]) -> Float[Array, "*batch time"]:
    nodes = _nodes(bank, s1.shape[-1])
    at_nodes = jnp.sqrt(jnp.square(nodes.average(s1)).sum(axis=-2))
    e = jnp.vectorize(nodes.interpolate, signature="(node)->(time)")(at_nodes)
    highest = e.max(axis=-1, keepdims=True)
    return jnp.maximum(e / jnp.where(highest > 0, highest, 1), _LOUDNESS_FLOOR)


class _Nodes(NamedTuple):
    """Times between which spectra are interpolated, each the average of some frames."""

    times: np.ndarray
    group: int  # consecutive frames a node
    n_samples: int
    spacing: int  # samples from one to the next

    def average(self, s1: Float[Array, "*batch n1 frame"]) -> Float[Array, "*batch n1 node"]:
        n_frames = s1.shape[-1]
        missing = len(self.times) * self.group - n_frames
        padded = jnp.pad(s1, [(0, 0)] * (s1.ndim - 1) + [(0, missing)])
        sums = padded.reshape(*s1.shape[:-1], -1, self.group).sum(axis=-1)
        sizes = np.full(sums.shape[-1], self.group)
        sizes[-1] -= missing
        return sums / jnp.broadcast_to(jnp.asarray(sizes, s1.dtype), sums.shape)

    def interpolate(self, values: Float[Array, " node"]) -> Float[Array, " time"]:
        t = jnp.arange(self.n_samples, dtype=values.dtype)
        return jnp.interp(t, jnp.asarray(self.times, values.dtype), values)


def _nodes(bank: FilterBank, n_frames: int) -> _Nodes:
    times = frame_times(bank)
    if n_frames == 1:
        return _Nodes(times.mean(keepdims=True), len(times), bank.n_samples, bank.n_samples)
    shortest = 2 ** math.ceil(math.log2(bank.n_samples / _MAX_NODES))
    group = max(bank.critical_stride, shortest) // (bank.stride or 1)
    first = np.arange(0, n_frames, group)
    sizes = np.minimum(group, n_frames - first)
    spacing = group * (bank.stride or 1)
    return _Nodes(np.add.reduceat(times, first) / sizes, group, bank.n_samples, spacing)


@jax.jit
def _colored_noise(
    bank: FilterBank, s1: Float[Array, "target n1 frame"], white: Float[Array, "sound time"]
) -> Float[Array, "sound target time"]:
    nodes = _nodes(bank, s1.shape[-1])
    wanted = jnp.maximum(nodes.average(s1), 0)
    highest = wanted.max(axis=(-2, -1), keepdims=True)
    floor = _CORRECTION_FLOOR * jnp.where(highest > 0, highest, 1)
    white_hat = jnp.broadcast_to(
        jnp.fft.rfft(white)[:, None], (len(white), len(s1), bank.n_samples // 2 + 1)
    )
    synthesize = jax.vmap(jax.vmap(partial(_filtered, bank, nodes)))

    def correct(number, amplitude_and_noise):
        amplitude, _ = amplitude_and_noise
        y = synthesize(amplitude, white_hat)
        audible = jnp.maximum(wanted, floor)[None]
        found = jnp.maximum(nodes.average(first_order(bank, y)), floor[None])
        ratio = audible / found
        if nodes.spacing <= 2 ** bank.J[0]:
            products, squares = audible * found, jnp.square(found)
            of_band = products.sum(-1, keepdims=True) / squares.sum(-1, keepdims=True)
            ratio = jnp.where(number == 0, ratio, of_band)
        return amplitude * ratio, y

    amplitude = jnp.broadcast_to(wanted[None], (len(white), *wanted.shape))
    none = jnp.zeros((*amplitude.shape[:2], bank.n_samples), s1.dtype)
    # The last noise is synthesized after the last correction, and not corrected itself.
    return jax.lax.fori_loop(0, _N_CORRECTIONS + 1, correct, (amplitude, none))[1]


def _filtered(
    bank: FilterBank,
    nodes: _Nodes,
    amplitude: Float[Array, "n1 node"],
    white_hat: Array,
) -> Float[Array, " time"]:
    """White noise through filters that change over time, whose |n ⋆ ψ| is `amplitude`."""
    xi, sigma = np.array([(w.xi, w.sigma) for w in bank.wavelets1]).T
    dtype = amplitude.dtype
    # By E|n ⋆ ψ| in `colored_noise`, √P is the mean of |n ⋆ ψ| times this:
    gain = jnp.asarray(np.sqrt(4 / np.pi / (np.sqrt(np.pi) * sigma)), dtype)
    frequency = jnp.asarray(np.fft.rfftfreq(bank.n_samples), dtype)
    centers = jnp.asarray(xi[::-1], dtype)

    def add(y, node):
        index, row = node
        root_p = jnp.interp(frequency, centers, (gain * row)[::-1]).at[0].set(0)
        part_hat = times_real(white_hat, root_p)
        hat = nodes.interpolate(jax.nn.one_hot(index, len(nodes.times), dtype=dtype))
        return y + hat * jnp.fft.irfft(part_hat, bank.n_samples), None

    none = jnp.zeros(bank.n_samples, dtype)
    return jax.lax.scan(add, none, (jnp.arange(len(nodes.times)), amplitude.T))[0]
