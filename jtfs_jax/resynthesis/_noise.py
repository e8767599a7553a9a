"""Starting point of a search, computed from S1: noise that resembles a sound, and its loudness."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax._checks import positive_integer, random_key
from jtfs_jax._coordinates import frame_times
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._segmented import segmented
from jtfs_jax._time_scattering import time_scattering

from ._channels import n_channels, root_of_covariance
from ._nodes import filtered, nodes

_N_CORRECTIONS = 2
_CORRECTION_FLOOR = 1e-4  # relative to the largest coefficient; anything below is not amplified
_LOUDNESS_FLOOR = 1e-2


def colored_noise(
    bank: FilterBank,
    s1: Float[Array, "*batch n1 frame"],
    *,
    n_samples: int | None = None,
    interchannel: bool = False,
    n_sounds: int = 1,
    key: Array | np.ndarray | None = None,
) -> Float[Array, "sound *batch time"]:
    """Gaussian noise with approximately the first-order coefficients `s1`.

    For Gaussian noise n of spectral density P, and a wavelet ψ of bandwidth σ and peak gain 1,

        E|n ⋆ ψ| = √(π/4 · P · ∫|ψ̂|²)     with ∫|ψ̂|² = √π σ

    This gives √P at the center frequency of each wavelet, for each frame; in between, √P is
    interpolated over frequency and time. White noise passes through the time-varying filter with
    these gains. Because wavelets overlap, the coefficients of the result still differ from `s1`.
    Therefore all amplitudes are multiplied twice by the ratio of `s1` to the coefficients, with
    both clipped below at 1e-4 (−80 dB) of the largest coefficient. The mean of the noise is zero or
    nearly zero.

    Frames closer together than the width of φ_T, or than both 1/256 of the duration and 2**J
    samples, are averaged first. If these averages are still no farther apart than the length of the
    longest wavelets, the S1 of any noise fluctuates from one to the next. In that case, the second
    correction is a single least-squares factor per wavelet: correcting each fluctuation again would
    make the noise too loud.

    Args:
        bank: Filters from `filterbank`.
        s1: First-order coefficients S1 of one or more sounds, with all frames. A single frame, such
            as `s1.mean(axis=-1, keepdims=True)`, gives stationary noise.
        n_samples: Length of the sounds, if `s1` comes from `segmented`. None: `bank.n_samples`.
        interchannel: Whether `s1` is `(*batch, mixture, n1, frame)`, from a transform adapted by
            `interchannel`. The noise then has several channels, with the levels and the coherence
            in each band that the mixtures specify.
        n_sounds: Number of sounds per item of the batch. The first sounds are the same for any
            `n_sounds`, and all items of the batch use the same white noise.
        key: Key of `jax.random` for the white noise. None: `jax.random.key(0)`.

    Returns:
        Sounds `(sound, *batch, time)`, or `(sound, *batch, channel, time)` if `interchannel`.

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
        white_noise: noise that has only its power in common with a sound.
        jtfs_jax.synth.power_law_noise: noise of a given spectrum.
    """
    positive_integer("n_sounds", n_sounds)
    key = checked_key(key)
    s1 = _checked(bank, s1, n_samples, interchannel=interchannel)
    batch, n_mixtures = s1.shape[:-3], s1.shape[-3]
    white = _gaussian_noise(bank, n_sounds, n_channels(n_mixtures), n_samples, key)
    y = _colored_noise(bank, s1.reshape(-1, *s1.shape[-3:]), white, n_samples)
    y = y.reshape(n_sounds, *batch, *white.shape[1:])
    return y if interchannel else y[..., 0, :]


def white_noise(
    bank: FilterBank,
    s1: Float[Array, "*batch n1 frame"],
    *,
    n_samples: int | None = None,
    interchannel: bool = False,
    n_sounds: int = 1,
    key: Array | np.ndarray | None = None,
) -> Float[Array, "sound *batch time"]:
    """White Gaussian noise with the power of `colored_noise`, from the same random numbers.

    It has the level of the target, but no information about the target's frequencies and times.

    Args:
        bank: As for `colored_noise`.
        s1: As for `colored_noise`.
        n_samples: As for `colored_noise`.
        interchannel: As for `colored_noise`; the channels are independent.
        n_sounds: As for `colored_noise`.
        key: As for `colored_noise`.

    Returns:
        The sounds, as for `colored_noise`.

    Raises:
        ValueError: As for `colored_noise`.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> target = jtfs_jax.jtfs(bank, jnp.sin(jnp.linspace(0.0, 300.0, 1024)))
        >>> white_noise(bank, target.S1, n_sounds=3).shape
        (3, 1024)
    """
    colored = colored_noise(
        bank, s1, n_samples=n_samples, interchannel=interchannel, n_sounds=n_sounds, key=key
    )
    level = jnp.sqrt(jnp.square(colored).mean(axis=-1, keepdims=True))
    channels = level.shape[-2] if interchannel else 1
    white = _gaussian_noise(bank, n_sounds, channels, n_samples, checked_key(key))
    signal = white.shape[1 if interchannel else 2 :]
    return level * white.reshape(n_sounds, *[1] * (level.ndim - 1 - len(signal)), *signal)


def loudness(
    bank: FilterBank,
    s1: Float[Array, "*batch n1 frame"],
    *,
    n_samples: int | None = None,
    interchannel: bool = False,
) -> Float[Array, "*batch time"]:
    """Loudness over time, √Σ_n1 S1², relative to its maximum and clipped below at 0.01.

    Args:
        bank: Filters from `filterbank`.
        s1: First-order coefficients S1 of one or more sounds, with all frames.
        n_samples: As for `colored_noise`.
        interchannel: As for `colored_noise`; the sum then includes all channels.

    Returns:
        One number from 0.01 to 1 per sample, interpolated between frames. If `interchannel`, the
        shape is `(*batch, 1, time)`, because all channels share these numbers.

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
        resynthesize: takes the loudness as `envelope`.
    """
    s1 = _checked(bank, s1, n_samples, interchannel=interchannel)
    e = _loudness(bank, s1[..., : n_channels(s1.shape[-3]), :, :], n_samples)
    return e[..., None, :] if interchannel else e


def checked_key(key: Array | np.ndarray | None) -> Array:
    """The given key, or the default key for None."""
    return random_key("key", jax.random.key(0) if key is None else key)


def _checked(
    bank: FilterBank, s1: Array, n_samples: int | None, *, interchannel: bool
) -> Float[Array, "*batch mixture n1 frame"]:
    s1 = jnp.asarray(s1, bank.dtype)
    shape = (len(bank.wavelets1), len(frame_times(bank, n_samples=n_samples)))
    axes = 3 if interchannel else 2
    if s1.ndim < axes or s1.shape[-2] != shape[0] or s1.shape[-1] not in (1, shape[1]):
        raise ValueError(
            f"s1 must have {'mixtures, ' * interchannel}{shape[0]} rows and 1 or {shape[1]} frames "
            f"on its last axes, but its shape is {s1.shape}; compute it with this filterbank, and "
            f"give n_samples if it comes from segmented."
        )
    return s1 if interchannel else s1[..., None, :, :]


def _gaussian_noise(
    bank: FilterBank, n_sounds: int, n_channels: int, n_samples: int | None, key: Array
) -> Float[Array, "sound channel time"]:
    """White noise of variance 1; the first sounds are the same for any `n_sounds`."""
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(n_sounds))
    shape = (n_channels, n_samples or bank.n_samples)
    return jax.vmap(lambda key: jax.random.normal(key, shape, bank.dtype))(keys)


@partial(jax.jit, static_argnums=2)
def first_order(
    bank: FilterBank, y: Float[Array, "*batch time"], n_samples: int | None = None
) -> Float[Array, "*batch n1 frame"]:
    """S1, in segments if `n_samples` is given; `jit` removes the unused second order."""
    transform = time_scattering if n_samples is None else segmented(time_scattering)
    return transform(bank, y).S1


@partial(jax.jit, static_argnums=2)
def _loudness(
    bank: FilterBank, s1: Float[Array, "*batch channel n1 frame"], n_samples: int | None
) -> Float[Array, "*batch time"]:
    at = nodes(bank, s1.shape[-1], n_samples)
    at_nodes = jnp.sqrt(jnp.square(at.average(s1)).sum(axis=(-3, -2)))
    e = jnp.vectorize(at.interpolate, signature="(node)->(time)")(at_nodes)
    highest = e.max(axis=-1, keepdims=True)
    return jnp.maximum(e / jnp.where(highest > 0, highest, 1), _LOUDNESS_FLOOR)


@partial(jax.jit, static_argnums=3)
def _colored_noise(
    bank: FilterBank,
    s1: Float[Array, "target mixture n1 frame"],
    white: Float[Array, "sound channel time"],
    n_samples: int | None,
) -> Float[Array, "sound target channel time"]:
    at = nodes(bank, s1.shape[-1], n_samples)
    amplitudes = jnp.maximum(at.average(s1), 0)
    wanted = amplitudes[:, : white.shape[1]]  # of the channels
    highest = wanted.max(axis=(-3, -2, -1), keepdims=True)
    floor = _CORRECTION_FLOOR * jnp.where(highest > 0, highest, 1)
    of_target = jax.vmap(partial(filtered, bank, at), in_axes=(0, None))
    synthesize = jax.vmap(of_target)

    def correct(number, amplitude_and_noise):
        amplitude, _ = amplitude_and_noise
        y = synthesize(amplitude, white)
        audible = jnp.maximum(wanted, floor)[None]
        found = jnp.maximum(at.average(first_order(bank, y, n_samples)), floor[None])
        ratio = audible / found
        if at.spacing <= 2 ** bank.J[0]:
            products, squares = audible * found, jnp.square(found)
            of_band = products.sum(-1, keepdims=True) / squares.sum(-1, keepdims=True)
            ratio = jnp.where(number == 0, ratio, of_band)
        return amplitude * ratio[:, :, :, None], y

    amplitude = root_of_covariance(amplitudes)
    amplitude = jnp.broadcast_to(amplitude[None], (len(white), *amplitude.shape))
    none = jnp.zeros((len(white), len(s1), *white.shape[1:]), s1.dtype)
    # The last pass synthesizes the noise after the last correction; its own correction is unused.
    return jax.lax.fori_loop(0, _N_CORRECTIONS + 1, correct, (amplitude, none))[1]
