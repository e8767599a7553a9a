"""Metamers of recordings: target, noise and envelope from the sound itself."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from jtfs_jax._checks import positive_integer, signal
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs

from ._descent import ResynthesisState
from ._noise import checked_key, colored_noise, first_order, loudness
from ._objective import Transform
from ._resynthesize import Resynthesis, has_s1, resynthesize


def metamer(
    bank: FilterBank,
    x: Float[Array | np.ndarray, "*batch time"],
    *,
    transform: Transform[FilterBank] = jtfs,
    n_sounds: int = 1,
    key: Array | np.ndarray | None = None,
    weights: PyTree[Array | float] = 1.0,
    optimizer: optax.GradientTransformation | None = None,
    n_steps: int = 100,
    state: ResynthesisState | None = None,
    callback: Callable[[ResynthesisState], object] | None = None,
) -> Resynthesis:
    """Metamers: sounds different from x, whose coefficients approach those of x.

    With s1 the first-order coefficients of x,

        y0 = colored_noise(bank, s1, n_sounds=n_sounds, key=key)
        resynthesize(bank, transform(bank, x), y0=y0, envelope=loudness(bank, s1), …)

    Args:
        bank: Filters from `filterbank`.
        x: The targets, real and not silent; leading axes are for several at once.
        transform: As for `resynthesize`. `s1` is that of `bank`, whatever this returns.
        n_sounds: Number of metamers for each target. Each is the same for any `n_sounds`.
        key: Key of `jax.random` for the noise at the start. None: `jax.random.key(0)`.
        weights: As for `resynthesize`.
        optimizer: As for `resynthesize`.
        n_steps: As for `resynthesize`.
        state: As for `resynthesize`; `n_sounds` and `key` are then ignored.
        callback: As for `resynthesize`.

    Returns:
        Metamers `(n_sounds, *batch, time)` and their history.

    Raises:
        ValueError: If a target is silent or not finite, or an argument is out of range or does
            not match the others.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> x = jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> result = metamer(bank, x, n_steps=10)
        >>> result.y.shape, bool(result.error[-1, 0] < result.error[0, 0])
        ((1, 1024), True)
        >>> more = metamer(bank, x, n_steps=10, state=result.state)

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3.

    See Also:
        resynthesize: other targets, starts and envelopes.
    """
    positive_integer("n_steps", n_steps)
    positive_integer("n_sounds", n_sounds)
    key = checked_key(key)
    x, batch = signal(jnp.asarray(x), bank.n_samples, bank.dtype)
    if x.size == 0:
        raise ValueError(f"x must have at least one sound, got batch axes of shape {batch}.")

    def unflatten(s: Array) -> Array:
        return s.reshape(*batch, *s.shape[1:])

    flat = transform(bank, x)
    target = jax.tree.map(unflatten, flat)
    y0 = envelope = None
    if state is None:
        s1 = unflatten(flat.S1 if has_s1(transform) else first_order(bank, x))
        y0 = colored_noise(bank, s1, n_sounds=n_sounds, key=key)
        envelope = loudness(bank, s1)
    return resynthesize(
        bank,
        target,
        transform=transform,
        y0=y0,
        envelope=envelope,
        weights=weights,
        optimizer=optimizer,
        n_steps=n_steps,
        state=state,
        callback=callback,
    )
