"""The search for sounds with given coefficients: its arguments and the history of its steps."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from jtfs_jax._checks import is_traced, positive_integer
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._nodes import exportable

from ._descent import CHUNK, ResynthesisState, Row, begin, run
from ._lbfgs import lbfgs
from ._noise import colored_noise, loudness
from ._objective import Bank, Transform, flattened, objective
from ._transforms import Known, known, signal_shape

_DEFAULT_OPTIMIZER = lbfgs()


@exportable
class Resynthesis(eqx.Module):
    """Result of `resynthesize` or `metamer`: the sounds and the history of the search.

    Each row of the history is a step. Row 0 is the start; in a run that resumes another one, it is
    the first step after that run, so the two histories can be concatenated.

    Attributes:
        error: Relative error of each sound after each step; it never increases.
        learning_rate: Factor that multiplies the search direction in the next step; None if the
            optimizer is neither `bold_driver` nor `lbfgs`.
        accepted: Whether the step was accepted; a failed step leaves the sound unchanged.
        n_forward: Evaluations of the transform so far, each for the whole batch.
        n_gradient: Evaluations of its gradient so far.
        seconds: Seconds since the call of `resynthesize`, including compilation. None without
            `callback`, because the call then does not wait for each step.
        state: State from which another call can continue.
    """

    error: Float[Array, "step sound *batch"]
    learning_rate: Float[Array, "step sound *batch"] | None
    accepted: Bool[Array, "step sound *batch"]
    n_forward: Int[Array, " step"]
    n_gradient: Int[Array, " step"]
    seconds: Float[np.ndarray, " step"] | None
    state: ResynthesisState

    @property
    def y(self) -> Float[Array, "sound *batch time"]:
        """The sounds."""
        return self.state.y


def resynthesize(
    bank: Bank,
    target: PyTree[Array],
    *,
    transform: Transform[Bank] = jtfs,  # pyright: ignore[reportArgumentType] # of a FilterBank
    y0: Float[Array | np.ndarray, "..."] | None = None,
    envelope: Float[Array | np.ndarray, "..."] | float | None = None,
    weights: PyTree[Array | float] = 1.0,
    optimizer: optax.GradientTransformation | None = None,
    n_steps: int = 100,
    state: ResynthesisState | None = None,
    callback: Callable[[ResynthesisState], object] | None = None,
) -> Resynthesis:
    """Find sounds y with coefficients Sy that match the target R.

    Starting from the sounds y0, the optimizer minimizes half the square of

        E(y) = ‖w (Sy − R)‖ / ‖w R‖     norms over all coefficients of all orders

    for each sound separately. It acts on z, where y = r √e z. The envelope e, by default the
    loudness of the target over time, gives quiet moments the same attention as loud ones; r scales
    z to a mean square of 1 at the start. The steps therefore do not depend on the level or the
    length of the sounds.

    A step is one trial. If the optimizer is `lbfgs` or `bold_driver`, a trial that improves no
    sound costs no gradient. The compiled loop serves any number of steps, but depends on
    `transform`, `optimizer` and the shapes: pass the same objects to avoid compiling it again.

    Args:
        bank: Filters from `filterbank`, or any other first argument of `transform`.
        target: R, the coefficients that `transform` returns for sounds, or combinations of such
            coefficients: finite, and not all 0. Leading axes `*batch`, if any, index several
            targets.
        transform: `jtfs`, `time_scattering`, or any function of `bank` and a batch of sounds
            `(sound, time)` that returns a pytree of arrays with the leading axis of the batch. With
            `segmented(jtfs)`, sounds may have any length, which is the length of `y0`. With
            `interchannel` of any of these, sounds have several channels: `(channel, time)` instead
            of `(time)`, here and below.
        y0: Sounds to start from, `(sound, *batch, time)` or any shape that broadcasts to it. The
            first axis indexes the sounds for each target. None: one sound from
            `colored_noise(bank, target.S1)`, if `transform` is `jtfs` or `time_scattering`.
        envelope: e, positive numbers that broadcast to `(*batch, time)`. None:
            `loudness(bank, target.S1)` if `transform` is `jtfs` or `time_scattering`, segmented or
            not; otherwise 1.
        weights: w ≥ 0, a number, or a pytree with the structure of the coefficients or a prefix of
            it, whose leaves broadcast to the coefficients; see `losses.path_weights`.
        optimizer: Any optax optimizer without a line search. If its `update` accepts `value`, it
            receives the loss. None: `lbfgs()`.
        n_steps: Number of steps, including failed ones. The start costs one more evaluation.
        state: The state of another `Resynthesis`, to continue it: two runs of 50 steps give the
            same result as one run of 100, bit for bit. `y0` and `envelope` are then ignored.
        callback: Called with each state, including the start. A true return value stops the search
            after this step.

    Returns:
        Sounds `(sound, *batch, time)` and their history.

    Raises:
        ValueError: If the target is silent or not finite, or an argument is out of range or does
            not match the others.

    Example:
        Search for sounds halfway between two others, starting from two noises:

        >>> import jax, jax.numpy as jnp, jtfs_jax
        >>> from jtfs_jax.resynthesis import colored_noise, morph
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> t = jnp.linspace(0.0, 300.0, 1024)
        >>> S_a, S_b = jtfs_jax.jtfs(bank, jnp.sin(t)), jtfs_jax.jtfs(bank, jnp.sin(t / 3))
        >>> target = morph(S_a, S_b, 0.5)
        >>> y0 = colored_noise(bank, target.S1, n_sounds=2, key=jax.random.key(1))
        >>> result = resynthesize(bank, target, y0=y0, n_steps=10)
        >>> result.y.shape, bool((result.error[-1] < result.error[0]).all())
        ((2, 1024), True)
        >>> more = resynthesize(bank, target, n_steps=10, state=result.state)

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3.

    See Also:
        metamer: the same search, with a recording as the target.
        colored_noise, white_noise: sounds to start from.
        lbfgs, bold_driver: optimizers.
        losses.distance: E, for use in your own loop.
    """
    begun = time.monotonic()
    positive_integer("n_steps", n_steps)
    optimizer = optimizer or _DEFAULT_OPTIMIZER
    facts = known(transform)
    n_samples = _n_samples(bank, y0, state, facts)
    dtype = bank.dtype if isinstance(bank, FilterBank) else real_dtype(target)
    signal = signal_shape(transform, bank, target, n_samples, dtype)
    like = jax.eval_shape(transform, bank, jax.ShapeDtypeStruct((1, *signal), dtype))
    coefficients, batch = flattened(target, like)
    goal = objective(coefficients, weights)
    if state is None:
        s1 = target.S1 if facts.has_s1 else None
        y0, envelope = _start(bank, s1, y0, envelope, (*batch, *signal), dtype, facts)
        now = begin(y0, envelope, optimizer, facts.n_axes)
    else:
        _check_state(state, batch, signal, optimizer)
        now = state

    advance = partial(run, bank, goal, transform=transform, optimizer=optimizer)
    within_jit = any(map(is_traced, jax.tree.leaves((bank, goal, now))))
    rows, seconds = [], []
    n_left = n_steps + 1 if state is None else n_steps
    while n_left:
        is_start = state is None and not rows
        # Run the start alone, to reject a bad one before the steps.
        alone = callback or (is_start and not within_jit)
        n = 1 if alone else min(n_left, CHUNK)
        now, history = advance(now, n)
        rows.append(jax.tree.map(lambda buffer, n=n: buffer[:n], history))
        n_left -= n
        if is_start:
            _check_start(now)
        if callback:
            seconds.append(time.monotonic() - begun)
            if callback(now):
                break
    history: Row = jax.tree.map(lambda *parts: jnp.concatenate(parts), *rows)
    return Resynthesis(
        **history._asdict(), seconds=np.array(seconds) if callback else None, state=now
    )


def _n_samples(bank: Any, y0: Any, state: ResynthesisState | None, facts: Known) -> int:
    if isinstance(bank, FilterBank) and facts.has_s1 and not facts.is_segmented:
        return bank.n_samples
    if state is not None:
        return state.best.shape[-1]
    if np.ndim(y0) > 0 and (np.shape(y0)[-1] > 1 or not isinstance(bank, FilterBank)):
        return np.shape(y0)[-1]
    if facts.is_segmented:
        raise ValueError(
            f"y0 must be sounds if transform is segmented, because coefficients do not determine "
            f"their length, got {y0!r}; make it with colored_noise(bank, target.S1, n_samples=…)."
        )
    if isinstance(bank, FilterBank):
        return bank.n_samples
    raise ValueError(
        f"y0 must be sounds if bank is not a FilterBank, because their length is then unknown, got "
        f"{y0!r}; pass an array."
    )


def real_dtype(target: PyTree[Array]) -> np.dtype:
    """The precision of the target; float32 for integers."""
    dtype = jnp.asarray(jax.tree.leaves(target)[0]).dtype
    is_inexact = jnp.issubdtype(dtype, jnp.inexact)
    return np.dtype(jnp.finfo(dtype).dtype if is_inexact else jnp.float32)


def _start(
    bank: Any,
    s1: Any,
    y0: Any,
    envelope: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    facts: Known,
) -> tuple[Float[Array, "sound *batch time"], Float[Array, "*batch time"]]:
    """Sounds to start from, and the envelope: as given, or computed from S1 if it is known."""
    options = facts.noise_options(shape[-1])
    if envelope is None:
        envelope = jnp.ones(shape, dtype) if s1 is None else loudness(bank, s1, **options)
    else:
        axes, cure = f"(*batch, {facts.axes})", "give one number for each sample"
        envelope = _broadcast("envelope", envelope, axes, shape, dtype, cure)
        if not is_traced(envelope) and not ((envelope > 0) & jnp.isfinite(envelope)).all():
            raise ValueError("envelope must be positive and finite, which it is not; clip it.")
    if y0 is not None:
        n_sounds = np.shape(y0)[0] if np.ndim(y0) > len(shape) else 1
        if n_sounds == 0:
            raise ValueError(f"y0 must have at least one sound, got the shape {np.shape(y0)}.")
        axes, cure = f"(sound, *batch, {facts.axes})", "give one sound, or one for each target"
        return _broadcast("y0", y0, axes, (n_sounds, *shape), dtype, cure), envelope
    if s1 is None:
        raise ValueError(
            "y0 must be given if transform is neither jtfs nor time_scattering, got None; make it "
            "with colored_noise from S1, or take any noise as loud as the target."
        )
    return colored_noise(bank, s1, **options), envelope


def _broadcast(
    name: str, value: Any, axes: str, shape: tuple[int, ...], dtype: np.dtype, cure: str
) -> Array:
    array = jnp.asarray(value, dtype)
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} must broadcast to {axes} = {shape}, but its shape is {array.shape}; {cure}."
        ) from None


def _check_state(state, batch, signal, optimizer) -> None:
    if state.batch[1:] != batch or state.signal != signal:
        raise ValueError(
            f"state must have sounds of shape {(*batch, *signal)}, like the target, but has "
            f"{(*state.batch[1:], *state.signal)}; resume with the same target."
        )
    expected = jax.eval_shape(jax.vmap(optimizer.init), state.best)
    if jax.tree.structure(expected) != jax.tree.structure(state.optimizer) or [
        leaf.shape for leaf in jax.tree.leaves(expected)
    ] != [leaf.shape for leaf in jax.tree.leaves(state.optimizer)]:
        raise ValueError(
            "state must come from the same optimizer, but does not; pass the optimizer of that run."
        )


def _check_start(state) -> None:
    if not is_traced(state.value) and not np.isfinite(state.value).all():
        raise ValueError(
            "transform must be finite at the start, with a finite gradient, but is not; "
            "choose another y0."
        )
