"""Metamers: sounds whose waveforms differ and whose coefficients agree.

Noise that is as loud as the target, in each frequency and at each time, is optimized until its
coefficients are those of the target. Optimizers are those of optax, and two of ours that undo
failed trials.
"""

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

from ._checks import is_traced, positive_integer
from ._composing import morph as morph, scale_paths as scale_paths, swap_spins as swap_spins
from ._descent import CHUNK, ResynthesisState as ResynthesisState, Row, begin, run
from ._filterbank import FilterBank
from ._jtfs import jtfs
from ._noise import colored_noise as colored_noise, envelope as _envelope, first_order, white_noise
from ._target import Transform, coefficients_of, target_of
from ._trials import TrialState as TrialState, bold_driver as bold_driver, lbfgs as lbfgs

_DEFAULT_OPTIMIZER = lbfgs()


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

    error: Float[Array, "step count *batch"]
    learning_rate: Float[Array, "step count *batch"] | None
    accepted: Bool[Array, "step count *batch"]
    n_forward: Int[Array, " step"]
    n_gradient: Int[Array, " step"]
    seconds: Float[np.ndarray, " step"] | None
    state: ResynthesisState

    @property
    def y(self) -> Float[Array, "count *batch time"]:
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
    count: int = 1,
    seed: int = 0,
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
            it, whose leaves broadcast to the coefficients; for example
            `JointScattering(S0=1.0, S1=1.0, S2=0.0)`.
        n_steps: Number of steps, failed ones included; on the noise at the start comes one
            evaluation more.
        count: Number of metamers for each target. Each is the same for any `count`.
        seed: Integer that determines the noise, from 0 to 2**32 − 1.
        start: "colored" for `colored_noise`, "white" for white noise of the same power, or samples
            that broadcast to `(count, *batch, time)`. "colored" takes S1 from the coefficients, or
            else that of x from `bank`.
        optimizer: Any of optax that needs no line search, with the loss as `value` if it asks for
            it. None: `lbfgs()`.
        envelope: e instead of the loudness of the target: positive numbers that broadcast to
            `(*batch, time)`. Without S1, see `start`, None means 1.
        state: Of another `Resynthesis`, from which to go on: two runs of 50 steps give the same
            bits as one of 100. `count`, `seed`, `start` and `envelope` are then without effect.
        callback: Called with each state, the one at the start included. If it returns something
            true, this step is the last one.

    Returns:
        Metamers `(count, *batch, time)` and their history.

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
    """
    positive_integer("n_steps", n_steps)
    positive_integer("count", count)
    if (x is None) == (coefficients is None):
        raise ValueError(
            "x or coefficients must be given, got "
            + ("neither; pass one of them." if x is None else "both; leave out one of them.")
        )
    optimizer = optimizer or _DEFAULT_OPTIMIZER
    if x is not None:
        x = jnp.asarray(x)
        if x.ndim == 0:
            raise ValueError("x must have time as its last axis, got a scalar.")
        if 0 in x.shape:
            raise ValueError(f"x must have at least one sound, but its shape is {x.shape}.")
    length = _n_samples(bank, x, start)
    dtype = bank.dtype if isinstance(bank, FilterBank) else _real_dtype(x, coefficients)
    coefficients, targets = coefficients_of(bank, x, coefficients, transform, length, dtype)
    target = target_of(coefficients, weights, "coefficients" if x is None else "x")

    if state is None:
        s1 = _s1(bank, x, coefficients)
        y = _start(bank, x, s1, start, seed, (count, *targets, length), dtype)
        e = _given_envelope(bank, s1, envelope, (*targets, length), dtype)
        now = begin(y, e, optimizer)
        n_trials = n_steps + 1
    else:
        _check_state(state, targets, length, optimizer)
        now = state
        n_trials = n_steps

    advance = partial(run, bank, target, transform=transform, optimizer=optimizer)
    chunk = 1 if callback else CHUNK
    rows, seconds = [], []
    begun = time.monotonic()
    for n_done in range(0, n_trials, chunk):
        n = min(chunk, n_trials - n_done)
        now, history = advance(now, n)
        rows.append(jax.tree.map(lambda buffer, n=n: buffer[:n], history))
        if n_done == 0 and state is None:
            _check_start(now)
        if callback:
            seconds.append(time.monotonic() - begun)
            if callback(now):
                break
    history: Row = jax.tree.map(lambda *parts: jnp.concatenate(parts), *rows)
    return Resynthesis(*history, np.array(seconds) if callback else None, now)


def _n_samples(bank, x, start) -> int:
    if isinstance(bank, FilterBank):
        return bank.n_samples
    if x is not None:
        return x.shape[-1]
    if isinstance(start, str):
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


def _s1(bank, x, coefficients) -> Float[Array, "target n1 frame"] | None:
    """First-order coefficients of the targets, if they are known."""
    if not isinstance(bank, FilterBank):
        return None
    s1 = getattr(coefficients, "S1", None)
    if s1 is not None:
        return s1
    return None if x is None else first_order(bank, x.reshape(-1, x.shape[-1]))


def _start(bank, x, s1, start, seed, shape, dtype) -> Float[Array, "count *batch time"]:
    if not isinstance(start, str):
        y = jnp.asarray(start, dtype)
        try:
            return jnp.broadcast_to(y, shape)
        except ValueError:
            raise ValueError(
                f"start must broadcast to (count, *batch, time) = {shape}, but its shape is "
                f"{y.shape}; give one sound, or one for each metamer."
            ) from None
    count, n_samples = shape[0], shape[-1]
    white = white_noise(n_samples, dtype, count, seed)
    if start not in ("colored", "white"):
        raise ValueError(f'start must be "colored", "white" or samples, got {start!r}.')
    if s1 is None and start == "colored":
        raise ValueError(
            'start must be "white" or samples where the coefficients have no S1, got "colored"; '
            "it needs a FilterBank, and S1 or x."
        )
    if s1 is None:
        level = jnp.ones((), dtype) if x is None else jnp.sqrt(jnp.square(x.astype(dtype)).mean(-1))
        level = jnp.broadcast_to(level[None], shape[:-1])
    else:
        colored = colored_noise(bank, s1, count=count, seed=seed)
        if start == "colored":
            return colored.reshape(shape)
        level = jnp.sqrt(jnp.square(colored).mean(axis=-1)).reshape(shape[:-1])
    flat = level.reshape(count, -1, 1) * jnp.expand_dims(white, 1)
    return flat.reshape(shape)


def _given_envelope(bank, s1, envelope, shape, dtype) -> Float[Array, "*batch time"]:
    if envelope is None:
        e = jnp.ones(shape, dtype) if s1 is None else _envelope(bank, s1).reshape(shape)
        return e.astype(dtype)
    e = jnp.asarray(envelope, dtype)
    try:
        e = jnp.broadcast_to(e, shape)
    except ValueError:
        raise ValueError(
            f"envelope must broadcast to (*batch, time) = {shape}, but its shape is {e.shape}; "
            f"give one number a sample."
        ) from None
    if not is_traced(e) and not bool((jnp.isfinite(e) & (e > 0)).all()):
        raise ValueError("envelope must be positive and finite, and is not everywhere; clip it.")
    return e


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
