"""Sound matching: distances as functions of synthesizer parameters, gradient descent, timings."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from jtfs_jax import baselines
from jtfs_jax.analysis import log_compress

Synthesizer = Callable[[Float[Array, " parameter"]], Float[Array, " time"]]


class Method(eqx.Module):
    """Features of a sound, and a distance between the features of two sounds.

    Attributes:
        features: Function of a sound. Its filters are leaves, which keeps them out of compiled
            programs.
        distance: Function of the features of two sounds.
        mode: How to differentiate the distance with respect to synthesizer parameters.
    """

    features: jax.tree_util.Partial
    distance: Callable[[Any, Any], Array] = eqx.field(static=True)
    mode: Literal["forward", "reverse"] = eqx.field(static=True, default="reverse")


def cortical(
    ear: baselines.AuditoryFilterBank,
    cortex: baselines.CorticalFilterBank,
    x: Float[Array, " time"],
) -> Float[Array, "spin scale rate channel"]:
    """Return the moduli of the cortical model, averaged over time."""
    return baselines.cortical(cortex, baselines.auditory_spectrogram(ear, x), output="mean")


def modulation_power(
    ear: baselines.AuditoryFilterBank, x: Float[Array, " time"]
) -> Float[Array, "scale rate"]:
    """Return the modulation power spectrum of the logarithm of an auditory spectrogram."""
    y = log_compress(baselines.auditory_spectrogram(ear, x), 1e-3)
    return baselines.modulation_power_spectrum(y)


def gabor(
    mel: baselines.MelFilterBank, filters: baselines.GaborFilterBank, x: Float[Array, " time"]
) -> Float[Array, " feature"]:
    """Return the moduli of Gabor features, averaged over time."""
    features = baselines.gabor_features(filters, baselines.log_mel_spectrogram(mel, x))
    return jnp.abs(features).mean(axis=-1)


@partial(jax.jit, static_argnames="synthesize")
def landscape(
    method: Method,
    synthesize: Synthesizer,
    targets: Float[Array, "target time"],
    points: Float[Array, "point parameter"],
) -> Float[Array, "point target"]:
    """Return the distance of the sound at each point to each target."""
    wanted = jax.lax.map(method.features, targets)

    def of_point(z: Float[Array, " parameter"]) -> Float[Array, " target"]:
        found = method.features(synthesize(z))
        return jax.vmap(method.distance, in_axes=(None, 0))(found, wanted)

    return jax.lax.map(of_point, points)


@partial(jax.jit, static_argnames=("synthesize", "mode"))
def value_and_gradient(
    method: Method,
    synthesize: Synthesizer,
    wanted: Any,
    z: Float[Array, " parameter"],
    mode: Literal["forward", "reverse"],
) -> tuple[Float[Array, ""], Float[Array, " parameter"]]:
    """Return the squared distance of the sound at z to features of a target, and its gradient."""

    def loss(z: Float[Array, " parameter"]) -> Float[Array, ""]:
        return method.distance(method.features(synthesize(z)), wanted) ** 2

    if mode == "reverse":
        return jax.value_and_grad(loss)(z)
    values, gradient = jax.vmap(lambda e: jax.jvp(loss, (z,), (e,)))(jnp.eye(z.size))
    return values[0], gradient


@partial(jax.jit, static_argnames="optimizer")
def _step(
    optimizer: optax.GradientTransformation, z: Array, state: Any, value: Array, gradient: Array
) -> tuple[Array, Any]:
    optimizer = optax.with_extra_args_support(optimizer)
    updates, state = optimizer.update(gradient, state, z, value=value)
    return z + updates, state


class Descent(NamedTuple):
    """The best point from each start, and the number of gradients of each descent."""

    best: Float[np.ndarray, "start parameter"]
    n_gradients: Int[np.ndarray, " start"]


def descend(
    method: Method,
    synthesize: Synthesizer,
    target: Float[Array, " time"],
    starts: Float[np.ndarray, "start parameter"],
    optimizer: optax.GradientTransformation,
    *,
    enough: float,
    limit: int = 30,
) -> Descent:
    """Minimize the squared distance to a target from each start.

    A descent ends when the squared distance is below `enough`, or after `limit` gradients.
    """
    differentiate = partial(value_and_gradient, method, synthesize, method.features(target))
    found = []
    for start in jnp.asarray(starts):
        z, best, state = start, start, optimizer.init(start)
        least, n_gradients = np.inf, 0
        while n_gradients < limit and not least < enough:
            value, gradient = differentiate(z, mode=method.mode)
            n_gradients += 1
            if value < least:
                best, least = z, float(value)
            z, state = _step(optimizer, z, state, value, gradient)
        found.append((np.asarray(best), n_gradients))
    return Descent(*map(np.stack, zip(*found, strict=True)))


def median_seconds(functions: Mapping[Any, Callable[[], Any]], n: int = 7) -> dict[Any, float]:
    """Return the median seconds of n calls of each function, in turns, after a warm-up call."""
    seconds = {name: [] for name in functions}
    for _ in range(n + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            jax.block_until_ready(function())
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(values[1:])) for name, values in seconds.items()}
