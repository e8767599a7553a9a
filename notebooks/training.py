"""A network that predicts the parameters of chirps, trained under one loss or another.

    python training.py

Sounds are `g(ν)`, chirps of two seconds at 2,048 Hz whose normalized parameters ν the network predicts from
their time scattering. Three losses compare its prediction with the truth: the parameters themselves
(`parameter_loss`); the joint time–frequency scattering Φ of the two sounds (`joint_loss`); and the
quadratic form that stands for the latter (`metric_loss`). Adding another is adding it to `LOSSES`.
"""

import time
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

import jtfs_jax
from jtfs_jax import analysis, losses, synth

N_SAMPLES, SAMPLE_RATE = 2**12, 2.0**11
RANGES = synth.ParameterRanges(low=(256, 4, 0.5), high=(512, 16, 4))  # f_c, f_m, gamma
LEVEL, LEVEL_HEARD = 1e-3, 1e-4  # from which coefficients are compressed
BATCH = 8


def filterbanks() -> tuple[jtfs_jax.FilterBank, jtfs_jax.FilterBank]:
    """The filters of Φ, and those of what the network hears."""
    joint = jtfs_jax.filterbank(N_SAMPLES, J=10, Q=(8, 1), J_fr=3, F=2, T="global")
    return joint, jtfs_jax.filterbank(N_SAMPLES, J=8, Q=8, T=2**9)


def g(nu: Float[Array, "*batch 3"]) -> Float[Array, "*batch time"]:
    """Sounds of normalized parameters."""
    f_c, f_m, gamma = jnp.moveaxis(RANGES.denormalize(nu), -1, 0)
    return synth.am_chirp(f_c, f_m, gamma, n_samples=N_SAMPLES, sample_rate=SAMPLE_RATE)


def phi(joint: jtfs_jax.FilterBank, nu: Float[Array, "*batch 3"]) -> jtfs_jax.JointScattering:
    """Φ of these sounds: what they are compared by."""
    return analysis.log_compress(jtfs_jax.jtfs(joint, g(nu)), LEVEL)


class Examples(eqx.Module):
    """Sounds to learn from, with all that losses need to know of them, computed once."""

    nu: Float[Array, "sound 3"]
    heard: Float[Array, "sound feature"]
    S: jtfs_jax.JointScattering
    metric: Float[Array, "sound 3 3"]


@jax.jit
def examples(banks: tuple, nu: Float[Array, "sound 3"]) -> Examples:
    """Examples of given parameters, one after another, so that memory does not grow."""
    joint, time_bank = banks

    def of_one(nu):
        heard = jtfs_jax.time_scattering(time_bank, g(nu))
        leaves = jax.tree.leaves(analysis.log_compress(heard, LEVEL_HEARD))
        return jnp.concatenate([leaf.ravel() for leaf in leaves]), phi(joint, nu)

    heard, S = jax.lax.map(of_one, nu)
    return Examples(nu, heard, S, losses.riemannian_metric(partial(phi, joint), nu))


class Encoder(eqx.Module):
    """A perceptron of two hidden layers, from what is heard to normalized parameters."""

    mean: Float[Array, " feature"]
    std: Float[Array, " feature"]
    mlp: eqx.nn.MLP

    def __init__(self, heard: Float[Array, "sound feature"], *, key: Array):
        self.mean, self.std = heard.mean(0), heard.std(0) + 1e-2
        self.mlp = eqx.nn.MLP(heard.shape[1], 3, 64, 2, final_activation=jnp.tanh, key=key)

    def __call__(self, heard: Float[Array, " feature"]) -> Float[Array, " 3"]:
        mean, std = jax.lax.stop_gradient((self.mean, self.std))
        return self.mlp((heard - mean) / std)


def parameter_loss(joint, prediction, batch: Examples, damping) -> Float[Array, " sound"]:
    """Squared errors of parameters."""
    return 0.5 * jnp.sum((prediction - batch.nu) ** 2, axis=-1)


def metric_loss(joint, prediction, batch: Examples, damping) -> Float[Array, " sound"]:
    """Squared errors of parameters, as loud as they are heard."""
    return losses.pnp_loss(prediction, batch.nu, batch.metric, damping=damping)


def joint_loss(joint, prediction, batch: Examples, damping) -> Float[Array, " sound"]:
    """Squared distances of sounds: ½ ‖Φ(ν̂) − Φ(ν)‖²."""
    squares = jax.tree.map(lambda a, b: (a - b) ** 2, phi(joint, prediction), batch.S)
    return 0.5 * sum(leaf.reshape(len(prediction), -1).sum(1) for leaf in jax.tree.leaves(squares))


LOSSES = {"parameters": parameter_loss, "PNP": metric_loss, "JTFS": joint_loss}


@eqx.filter_jit
def train_step(loss, optimizer, joint, encoder, state, batch, damping):
    """One step of an optimizer down a loss."""

    def mean(encoder):
        return loss(joint, jax.vmap(encoder)(batch.heard), batch, damping).mean()

    value, gradient = eqx.filter_value_and_grad(mean)(encoder)
    updates, state = optimizer.update(gradient, state, eqx.filter(encoder, eqx.is_inexact_array))
    return eqx.apply_updates(encoder, updates), state, value


@jax.jit
def distances(joint, nu_hat, test: Examples) -> Float[Array, " sound"]:
    """‖Φ(ν̂) − Φ(ν)‖ of each sound, one after another."""

    def of_one(nu_hat, S):
        squares = jax.tree.map(lambda a, b: jnp.sum((a - b) ** 2), phi(joint, nu_hat), S)
        return jnp.sqrt(sum(jax.tree.leaves(squares)))

    return jax.lax.map(lambda pair: of_one(*pair), (nu_hat, test.S))


class Training(NamedTuple):
    """A trained network, and what was measured after each epoch, the first row before any."""

    encoder: Encoder
    parameter_error: np.ndarray  # root mean square of ν̂ − ν, for each parameter
    joint_error: np.ndarray  # root mean square of ‖Φ(ν̂) − Φ(ν)‖
    damping: np.ndarray
    step_seconds: float


def train(
    loss: Callable,
    joint: jtfs_jax.FilterBank,
    train_set: Examples,
    test_set: Examples,
    *,
    n_epochs: int,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> Training:
    """Train a network under one of the losses; for a seed, start and batches are the same."""
    encoder = Encoder(train_set.heard, key=jax.random.key(seed))
    n_batches = len(train_set.nu) // BATCH
    rates = optax.cosine_decay_schedule(learning_rate, n_epochs * n_batches)
    optimizer = optax.adam(rates)
    state = optimizer.init(eqx.filter(encoder, eqx.is_inexact_array))
    damping = losses.start_damping(losses.eigendecomposition(train_set.metric).values.max())
    order, seconds, history = np.random.default_rng(seed), [], []

    def measure():
        nu_hat = jax.vmap(encoder)(test_set.heard)
        errors = jnp.sqrt(jnp.mean((nu_hat - test_set.nu) ** 2, axis=0))
        distance = distances(joint, nu_hat, test_set).mean()
        history.append((np.asarray(errors), float(distance), float(damping.strength)))
        return losses.pnp_loss(nu_hat, test_set.nu, test_set.metric).mean()

    measure()
    for _ in range(n_epochs):
        for rows in order.permutation(len(train_set.nu)).reshape(n_batches, BATCH):
            batch = jax.tree.map(itemgetter(rows), train_set)
            start = time.perf_counter()
            encoder, state, value = train_step(
                loss, optimizer, joint, encoder, state, batch, damping.strength
            )
            jax.block_until_ready(value)
            seconds.append(time.perf_counter() - start)
        damping = losses.update_damping(damping, measure())
    columns = map(np.array, zip(*history, strict=True))
    return Training(encoder, *columns, step_seconds=float(np.median(seconds)))
