"""Metamers: sounds whose waveforms differ and whose coefficients agree.

Noise that has the spectrum of a target follows the gradient of the relative distance between the
coefficients of both. The "bold driver" sets the size of each step, and undoes a step that fails.
"""

from collections.abc import Callable
from functools import partial
from numbers import Integral

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._bold_driver import (
    BoldDriverState as BoldDriverState,
    Transform,
    bold_driver_start as bold_driver_start,
    bold_driver_step as bold_driver_step,
    norm,
)
from ._checks import positive_integer
from ._composing import morph as morph, scale_paths as scale_paths, swap_spins as swap_spins
from ._filterbank import FilterBank
from ._jtfs import jtfs


class Resynthesis(eqx.Module):
    """Metamers, and how they came about.

    Attributes:
        error: Relative error of each after each step; row 0 is the noise at the start.
        learning_rate: Factor µ for the step after.
        accepted: Whether the step was kept; a failed one leaves the metamer as it was.
        state: The last state.
    """

    error: Float[np.ndarray, "step count"]
    learning_rate: Float[np.ndarray, "step count"]
    accepted: Bool[np.ndarray, "step count"]
    state: BoldDriverState

    @property
    def y(self) -> Float[Array, "count time"]:
        """The metamers."""
        return self.state.y


def resynthesize(
    bank: FilterBank,
    x: Float[Array | np.ndarray, " time"],
    *,
    transform: Transform = jtfs,
    n_steps: int = 100,
    count: int = 1,
    seed: int = 0,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    accelerate: float = 1.1,
    brake: float = 0.5,
    callback: Callable[[BoldDriverState], object] | None = None,
) -> Resynthesis:
    """Metamers of `x`: different sounds whose coefficients approach those of `x`.

    From noise (`colored_noise`) each follows the gradient of

        E(y) = ‖Sx − Sy‖ / ‖Sx‖     norms over all coefficients of all orders

    by `n_steps` steps of `bold_driver_step`. The first has the norm `learning_rate · ‖y‖`, whatever
    the loudness and the duration of `x` (`bold_driver_start`). A step at which no metamer becomes
    better costs no gradient.

    Args:
        bank: Filters from `filterbank`.
        x: The target, real and not silent.
        transform: `jtfs`, `time_scattering`, or any function of a filterbank and a batch of sounds
            that returns a pytree of arrays with leading batch axis, whose `S1` is as theirs.
        n_steps: Number of steps, failed ones included.
        count: Number of metamers, computed as one batch. Each is the same for any `count`.
        seed: Integer that determines the noise, at least 0.
        learning_rate: Norm of the first step relative to that of the sound.
        momentum: Share of the last step in the next one, in [0, 1).
        accelerate: Factor of the learning rate after a success, at least 1.
        brake: Factor of the learning rate after a failure, in (0, 1).
        callback: Called with each state, the one at the start included. If it returns something
            true, this step is the last one.

    Returns:
        Metamers, errors, learning rates and successes.

    Raises:
        ValueError: If `x` is not one sound of `bank.n_samples` samples, or silent, or an option is
            out of range.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> x = jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> result = resynthesize(bank, x, n_steps=10)
        >>> result.y.shape, bool(result.error[-1, 0] < result.error[0, 0])
        ((1, 1024), True)

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3.

    See Also:
        colored_noise: the sounds at the start.
    """
    positive_integer("n_steps", n_steps)
    _check_range("learning_rate", learning_rate, "positive", learning_rate > 0)
    _check_range("momentum", momentum, "in [0, 1)", 0 <= momentum < 1)
    _check_range("accelerate", accelerate, "at least 1", accelerate >= 1)
    _check_range("brake", brake, "in (0, 1)", 0 < brake < 1)
    x = jnp.asarray(x)
    if x.ndim != 1:
        raise ValueError(
            f"x must have one axis, time, but its shape is {x.shape}; resynthesize one sound at a "
            f"time, and use count for several metamers of it."
        )
    # As a batch, which is all that a transform of the user's needs to know.
    target = jax.tree.map(lambda leaf: leaf[0], transform(bank, x[None]))
    length = float(norm(target))
    if not np.isfinite(length) or length == 0:
        raise ValueError(
            f"x must be finite and not silent, but the norm of its coefficients is {length}; "
            f"take another sound, or scale it to a peak of 1."
        )
    y = colored_noise(bank, target.S1, count=count, seed=seed)
    state = bold_driver_start(bank, target, y, transform=transform, learning_rate=learning_rate)
    if not np.isfinite(state.learning_rate).all():
        raise ValueError("transform must have a finite gradient at noise, and it has not.")
    rows = [_row(state)]
    while not (callback and callback(state)) and len(rows) <= n_steps:
        state = bold_driver_step(
            bank,
            target,
            state,
            transform=transform,
            momentum=momentum,
            accelerate=accelerate,
            brake=brake,
        )
        rows.append(_row(state))
    errors, learning_rates, successes = map(np.stack, zip(*rows, strict=True))
    return Resynthesis(errors, learning_rates, successes, state)


def colored_noise(
    bank: FilterBank,
    s1: Float[Array, "n1 frame"],
    *,
    count: int = 1,
    seed: int = 0,
) -> Float[Array, "count time"]:
    """Stationary Gaussian noise that has, on average, the first-order coefficients `s1`.

    Gaussian noise n of spectral density P around the wavelet ψ, of bandwidth σ and peak gain 1, has

        E|n ⋆ ψ| = √(π/4 · P · ∫|ψ̂|²)     with ∫|ψ̂|² = √π σ

    which gives √P at the wavelets' center frequencies; in between it is interpolated. The mean of
    the noise is 0.

    Args:
        bank: Filters from `filterbank`.
        s1: First-order coefficients, in every frame or their average alone.
        count: Number of sounds. Each is the same for any `count`.
        seed: Integer that determines the noise, at least 0.

    Returns:
        The sounds.

    Raises:
        ValueError: If `count` or `seed` is out of range.
    """
    positive_integer("count", count)
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer between 0 and 2**32 − 1, got {seed!r}.")
    return _colored_noise(bank, jnp.asarray(s1), jax.random.key(int(seed)), count)


@partial(jax.jit, static_argnames="count")
def _colored_noise(bank, s1, key, count):
    xi, sigma = np.array([(w.xi, w.sigma) for w in bank.wavelets1]).T
    # By E|n ⋆ ψ| above, √P is the mean of |n ⋆ ψ| times this:
    gain = jnp.asarray(np.sqrt(4 / np.pi / (np.sqrt(np.pi) * sigma)), s1.dtype)
    amplitude = jnp.interp(
        jnp.asarray(np.fft.rfftfreq(bank.n_samples), s1.dtype),
        jnp.asarray(xi[::-1], s1.dtype),
        (gain * s1.mean(axis=-1))[::-1],
    )
    amplitude = amplitude.at[0].set(0)

    def sound(index):
        white = jax.random.normal(jax.random.fold_in(key, index), (bank.n_samples,), s1.dtype)
        white_hat = jnp.fft.rfft(white)
        colored_hat = jax.lax.complex(amplitude * white_hat.real, amplitude * white_hat.imag)
        return jnp.fft.irfft(colored_hat, bank.n_samples)

    return jax.vmap(sound)(jnp.arange(count))


def _row(state: BoldDriverState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.asarray(state.error), np.asarray(state.learning_rate), np.asarray(state.accepted)


def _check_range(name: str, value: float, rule: str, holds: bool) -> None:  # noqa: FBT001
    if not holds:
        raise ValueError(f"{name} must be {rule}, got {value!r}.")
