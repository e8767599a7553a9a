"""The search for metamers: arguments, the start, and the history of the steps."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from jtfs_jax._checks import is_traced, positive_integer, random_key, signal
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._nodes import exportable

from ._descent import CHUNK, ResynthesisState, Row, begin, run
from ._lbfgs import lbfgs
from ._start import checked_envelope, checked_start, known_s1, loudness_of, noise
from ._target import Transform, flattened, target_of

_DEFAULT_OPTIMIZER = lbfgs()


@exportable
class Resynthesis(eqx.Module):
    """Metamers, and how they came about.

    Rows of the history stand for steps: row 0 for the noise at the start, unless the run resumes
    another one; then for the first step after it. So both histories together are that of one run.

    Attributes:
        error: Relative error of each metamer after each step; it never rises.
        learning_rate: Factor of the direction in the step after; None if the optimizer is neither
            `bold_driver` nor `lbfgs`.
        accepted: Whether the step was kept; a failed one leaves the metamer as it was.
        n_forward: Evaluations of the transform so far, each of the whole batch.
        n_gradient: Evaluations of its gradient so far.
        seconds: Time since the call, compilation included. None without `callback`, when no step
            is waited for.
        state: From which another call goes on.
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
        """The metamers."""
        return self.state.y


def resynthesize(
    bank: FilterBank | Any,
    x: Float[Array | np.ndarray, "*batch time"] | None = None,
    *,
    coefficients: PyTree[Array] | None = None,
    transform: Transform = jtfs,
    weights: PyTree[Array | float] = 1.0,
    n_steps: int = 100,
    n_sounds: int = 1,
    key: Array | None = None,
    start: Literal["colored", "white"] | Float[Array | np.ndarray, "..."] = "colored",
    optimizer: optax.GradientTransformation | None = None,
    envelope: Float[Array | np.ndarray, "..."] | float | None = None,
    state: ResynthesisState | None = None,
    callback: Callable[[ResynthesisState], object] | None = None,
) -> Resynthesis:
    """Metamers: sounds y different from x, whose coefficients Sy approach Sx.

    From noise, the optimizer minimizes half of the square of

        E(y) = ‖w (Sx − Sy)‖ / ‖w Sx‖     norms over all coefficients of all orders

    for each metamer by itself. It acts on z, where y = r √e z: e is the loudness of the target over
    time relative to its maximum (at least 0.01), which gives quiet moments the same attention as
    loud ones; r is such that z has a mean square of 1 at the start. So neither the level nor
    the length of x matters to the steps.

    A step is one trial. Where the optimizer is `lbfgs` or `bold_driver`, a trial that makes no
    metamer better costs no gradient. The loop is compiled once, for any number of steps. It depends
    on `transform`, `optimizer` and the shapes: pass the same objects to use it again.

    Args:
        bank: Filters from `filterbank`, or whatever else `transform` takes.
        x: The targets, real and not silent; leading axes are for several at once.
        coefficients: Instead of x, what `transform` returns for it: all that is needed of it.
        transform: `jtfs`, `time_scattering`, or any function of `bank` and a batch of sounds
            `(sound, time)` that returns a pytree of arrays with the leading axis of the batch.
        weights: w ≥ 0, a number, or a pytree like that of the coefficients, or the upper part of
            it, whose leaves broadcast to the coefficients; see `losses.path_weights`.
        n_steps: Number of steps, failed ones included; on the noise at the start comes one
            evaluation more.
        n_sounds: Number of metamers for each target. Each is the same for any `n_sounds`.
        key: Key of `jax.random` for the noise at the start. None: `jax.random.key(0)`.
        start: "colored" for `colored_noise`, "white" for white noise of the same power, or samples
            that broadcast to `(n_sounds, *batch, time)`. "colored" takes the S1 of x from `bank`,
            or from coefficients alone, which then must have it uncompressed.
        optimizer: Any of optax that needs no line search, with the loss as `value` if it asks for
            it. None: `lbfgs()`.
        envelope: e instead of the loudness of the target: positive numbers that broadcast to
            `(*batch, time)`. Without S1, see `start`, None means 1.
        state: Of another `Resynthesis`, from which to go on: two runs of 50 steps give the same
            bits as one of 100. `n_sounds`, `key`, `start` and `envelope` are then ignored.
        callback: Called with each state, the one at the start included. If it returns something
            true, this step is the last one.

    Returns:
        Metamers `(n_sounds, *batch, time)` and their history.

    Raises:
        ValueError: If a target is silent or not finite, or an argument is out of range or does
            not go with the others.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> x = jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> result = resynthesize(bank, x, n_steps=10)
        >>> result.y.shape, bool(result.error[-1, 0] < result.error[0, 0])
        ((1, 1024), True)
        >>> more = resynthesize(bank, x, n_steps=10, state=result.state)

    References:
        Lostanlen & Han, Musical metamerism with time–frequency scattering, 2024, section 2.3.

    See Also:
        colored_noise: the sounds at the start.
        lbfgs, bold_driver: how steps are chosen.
        losses.distance: E for a loop of your own.
    """
    begun = time.monotonic()
    positive_integer("n_steps", n_steps)
    positive_integer("n_sounds", n_sounds)
    key = random_key("key", jax.random.key(0) if key is None else key)
    if (x is None) == (coefficients is None):
        raise ValueError(
            "x or coefficients must be given, got "
            + ("neither; pass one of them." if x is None else "both; leave out one of them.")
        )
    optimizer = optimizer or _DEFAULT_OPTIMIZER
    if x is not None:
        x = jnp.asarray(x)
    length = _n_samples(bank, x, start)
    dtype = bank.dtype if isinstance(bank, FilterBank) else _real_dtype(x, coefficients)
    if x is not None:
        x, targets = signal(x, length, dtype)
        if x.size == 0:
            raise ValueError(f"x must have at least one sound, got shape {(*targets, length)}.")
    else:
        one_sound = jax.ShapeDtypeStruct((1, length), dtype)
        of_one = jax.eval_shape(transform, bank, one_sound)
        coefficients, targets = flattened(coefficients, of_one)
    shape = (n_sounds, *targets, length)
    y: Any = None
    e: Any = None
    if state is None:
        has_s1 = isinstance(bank, FilterBank) and (x is not None or hasattr(coefficients, "S1"))
        y = checked_start(start, shape, dtype, has_s1=has_s1)
        e = checked_envelope(envelope, shape[1:], dtype)
    else:
        _check_state(state, targets, length, optimizer)

    if x is not None:
        coefficients = transform(bank, x)
    target = target_of(coefficients, weights, "coefficients" if x is None else "x")
    if state is None:
        s1 = known_s1(bank, x, coefficients, transform)
        if isinstance(y, str):
            y = noise(bank, x, s1, y, key, shape, dtype)
        if e is None:
            e = loudness_of(bank, s1, shape[1:], dtype)
        now = begin(y, e, optimizer)
    else:
        now = state

    advance = partial(run, bank, target, transform=transform, optimizer=optimizer)
    within_jit = any(map(is_traced, jax.tree.leaves((bank, target, now))))
    rows, seconds = [], []
    n_left = n_steps + 1 if state is None else n_steps
    while n_left:
        is_start = state is None and not rows
        # A start that leads nowhere shall be known before the steps.
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


def _n_samples(bank, x, start) -> int:
    if isinstance(bank, FilterBank):
        return bank.n_samples
    if x is not None:
        return x.shape[-1] if x.ndim else 1  # a scalar is refused along with all else that is no x
    if isinstance(start, str) or np.ndim(start) == 0:
        raise ValueError(
            f"start must be samples where neither x nor a FilterBank tells the duration, got "
            f"{start!r}; pass an array."
        )
    return np.shape(start)[-1]


def _real_dtype(x, coefficients) -> np.dtype:
    """That of x, or of the coefficients; float32 where these are integers."""
    dtype = jax.tree.leaves((x, coefficients))[0].dtype
    is_inexact = jnp.issubdtype(dtype, jnp.inexact)
    return np.dtype(jnp.finfo(dtype).dtype if is_inexact else jnp.float32)


def _check_state(state, targets, n_samples, optimizer) -> None:
    if state.batch[1:] != targets or state.best.shape[-1] != n_samples:
        raise ValueError(
            f"state must be of targets {(*targets, n_samples)} as they are given, but is of "
            f"{(*state.batch[1:], state.best.shape[-1])}; resume with the same targets."
        )
    expected = jax.eval_shape(jax.vmap(optimizer.init), state.best)
    if jax.tree.structure(expected) != jax.tree.structure(state.optimizer) or [
        leaf.shape for leaf in jax.tree.leaves(expected)
    ] != [leaf.shape for leaf in jax.tree.leaves(state.optimizer)]:
        raise ValueError("state must come from the same optimizer, and does not; pass that one.")


def _check_start(state) -> None:
    if not is_traced(state.value) and not np.isfinite(state.value).all():
        raise ValueError(
            "transform must be finite at the start, with a finite gradient, and is not; "
            "choose another start."
        )
