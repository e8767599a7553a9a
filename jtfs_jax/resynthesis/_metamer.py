"""Metamers of recordings: target, noise and envelope are all computed from the recording."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from jtfs_jax._checks import positive_integer, signal_of_any_length
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs

from ._channels import mixtures
from ._descent import ResynthesisState
from ._noise import checked_key, colored_noise, first_order, loudness
from ._objective import Transform
from ._resynthesize import Resynthesis, resynthesize
from ._transforms import known


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
    """Make metamers: sounds that differ from x but have nearly the same coefficients.

    With s1 the first-order coefficients of x, this function computes

        y0 = colored_noise(bank, s1, n_sounds=n_sounds, key=key)
        resynthesize(bank, transform(bank, x), y0=y0, envelope=loudness(bank, s1), …)

    Args:
        bank: Filters from `filterbank`.
        x: The targets, real and not silent; leading axes are batch. They have `bank.n_samples`
            samples, or any number if `transform` is segmented, and the axes
            `(*batch, channel, time)` if it comes from `interchannel`.
        transform: As for `resynthesize`: `segmented(jtfs)` for long recordings,
            `interchannel(jtfs)` for several channels, `interchannel(segmented(jtfs))` for both.
            `s1` is computed with `bank`, whatever the transform returns.
        n_sounds: Number of metamers per target. Each metamer is the same for any `n_sounds`.
        key: Key of `jax.random` for the starting noise. None: `jax.random.key(0)`.
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
        >>> bank = jtfs_jax.filterbank(1024, J=4, Q=2, J_fr=1)
        >>> x = jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> result = metamer(bank, x, n_steps=10)
        >>> result.y.shape, bool(result.error[-1, 0] < result.error[0, 0])
        ((1, 1024), True)
        >>> more = metamer(bank, x, n_steps=10, state=result.state)

        Two channels of any length:

        >>> transform = jtfs_jax.resynthesis.interchannel(jtfs_jax.segmented(jtfs_jax.jtfs))
        >>> bank = jtfs_jax.filterbank(None, J=4, Q=2, J_fr=1)
        >>> stereo = jnp.stack([jnp.sin(jnp.linspace(0.0, f, 5001)) for f in (750.0, 1250.0)])
        >>> metamer(bank, stereo, transform=transform, n_steps=2).y.shape
        (1, 2, 5001)

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3.

    See Also:
        resynthesize: other targets, starting sounds and envelopes.
    """
    positive_integer("n_steps", n_steps)
    positive_integer("n_sounds", n_sounds)
    key = checked_key(key)
    facts = known(transform)
    x = jnp.asarray(signal_of_any_length(x)).astype(bank.dtype)
    is_one_call = x.shape[-1] == bank.n_samples and not facts.is_segmented
    batch, shape = x.shape[: -facts.n_axes], x.shape[-facts.n_axes :]
    if x.ndim < facts.n_axes or x.size == 0:
        raise ValueError(
            f"x must have at least one sound, and the axes (*batch, {facts.axes}), but its shape "
            f"is {x.shape}."
        )
    x = x.reshape(-1, *shape)

    def unflatten(s: Array) -> Array:
        return s.reshape(*batch, *s.shape[1:])

    flat = transform(bank, x)
    target = jax.tree.map(unflatten, flat)
    y0 = envelope = None
    if state is None:
        n_samples = None if is_one_call else x.shape[-1]
        if facts.has_s1:
            s1 = unflatten(flat.S1)
        else:
            s1 = unflatten(first_order(bank, mixtures(x) if facts.has_channels else x, n_samples))
        options = {"n_samples": n_samples, "interchannel": facts.has_channels}
        y0 = colored_noise(bank, s1, n_sounds=n_sounds, key=key, **options)
        envelope = loudness(bank, s1, **options)
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
