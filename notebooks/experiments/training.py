"""A small network that predicts the parameters of chirps, trained under different losses.

    python -m experiments.training               # in notebooks/

Sounds are chirps `g(ν)`. From their time scattering, the network predicts their normalized
parameters ν. `METHODS` are four ways to compare the prediction ν̂ with the truth:

    parameters  ½ ‖ν̂ − ν‖²
    PNP         ½ (ν̂ − ν)ᵀ M(ν) (ν̂ − ν)       M is computed once per sound
    JTFS        ½ ‖Φ(ν̂) − Φ(ν)‖²              needs synthesis and transform in each step
    SCRAPL      ‖Φₚ(ν̂) − Φₚ(ν)‖               for one path p of Φ, a different one in each step;
                with an optimizer that keeps moments per path, or with Adam like the others
"""

import math
import time
from collections.abc import Callable
from functools import cache, partial
from operator import itemgetter
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

import jtfs_jax
from jtfs_jax import analysis, losses, synth

N_SAMPLES, SAMPLE_RATE = 2**12, 2.0**11
RANGES = synth.ParameterRanges(low=(256, 8, 1), high=(512, 32, 8))  # f_c, f_m, gamma
LEVEL, LEVEL_HEARD = 1e-3, 1e-4  # above which coefficients are compressed
BATCH, LEARNING_RATE = 8, 3e-3


def filterbanks() -> tuple[jtfs_jax.FilterBank, jtfs_jax.FilterBank]:
    """Return the filters of Φ, and the filters for the input of the network."""
    options = {"n_samples": N_SAMPLES, "pad_mode": "zero"}
    joint = jtfs_jax.filterbank(J=10, Q=(8, 1), J_fr=3, F=2, T="global", **options)
    return joint, jtfs_jax.filterbank(J=8, Q=8, T=2**9, **options)


def g(ranges: synth.ParameterRanges, nu: Float[Array, "*batch 3"]) -> Float[Array, "*batch time"]:
    """Synthesize sounds from normalized parameters."""
    f_c, f_m, gamma = jnp.moveaxis(ranges.denormalize(nu), -1, 0)
    return synth.am_chirp(f_c, f_m, gamma, n_samples=N_SAMPLES, sample_rate=SAMPLE_RATE)


def phi(
    joint: jtfs_jax.FilterBank, ranges: synth.ParameterRanges, nu: Float[Array, "*batch 3"]
) -> jtfs_jax.JointScattering:
    """Return Φ, the compressed coefficients, of the sounds with these parameters."""
    return analysis.log_compress(jtfs_jax.jtfs(joint, g(ranges, nu)), LEVEL)


class Examples(eqx.Module):
    """Examples for training or testing, with everything that is computed once per sound."""

    ranges: synth.ParameterRanges
    nu: Float[Array, "sound 3"]
    heard: Float[Array, "sound feature"]  # input of the network
    S: jtfs_jax.JointScattering  # Φ(ν)
    metric: Float[Array, "sound 3 3"]  # M(ν)


@jax.jit
def examples(banks: tuple, ranges: synth.ParameterRanges, nu: Float[Array, "sound 3"]) -> Examples:
    """Return examples with given parameters, computed one at a time to limit memory."""
    joint, time_bank = banks

    def of_one(nu):
        S = analysis.log_compress(jtfs_jax.time_scattering(time_bank, g(ranges, nu)), LEVEL_HEARD)
        return jnp.concatenate([S.S1.ravel(), S.S2.ravel()]), phi(joint, ranges, nu)

    heard, S = jax.lax.map(of_one, nu)
    metric = losses.riemannian_metric(partial(phi, joint, ranges), nu)
    return Examples(ranges, nu, heard, S, metric)


class Encoder(eqx.Module):
    """A perceptron with one hidden layer, from its input features to normalized parameters."""

    mean: Float[Array, " feature"]
    std: Float[Array, " feature"]
    mlp: eqx.nn.MLP

    def __init__(self, heard: Float[Array, "sound feature"], width: int, *, key: Array):
        self.mean, self.std = heard.mean(0), heard.std(0) + 1e-2
        self.mlp = eqx.nn.MLP(heard.shape[1], 3, width, 1, final_activation=jnp.tanh, key=key)

    def __call__(self, heard: Float[Array, " feature"]) -> Float[Array, " 3"]:
        mean, std = jax.lax.stop_gradient((self.mean, self.std))
        return self.mlp((heard - mean) / std)


def parameter_loss(joint, nu_hat, batch: Examples, path) -> Float[Array, " sound"]:
    """Squared errors of parameters."""
    return 0.5 * jnp.sum((nu_hat - batch.nu) ** 2, axis=-1)


def metric_loss(joint, nu_hat, batch: Examples, path) -> Float[Array, " sound"]:
    """Squared errors of parameters, weighted by their effect on Φ."""
    return losses.pnp_loss(nu_hat, batch.nu, batch.metric)


def joint_loss(joint, nu_hat, batch: Examples, path) -> Float[Array, " sound"]:
    """Squared distances between sounds."""
    squares = jax.tree.map(lambda a, b: (a - b) ** 2, phi(joint, batch.ranges, nu_hat), batch.S)
    return 0.5 * sum(leaf.reshape(len(nu_hat), -1).sum(1) for leaf in jax.tree.leaves(squares))


def path_loss(joint, nu_hat, batch: Examples, path: Int[Array, ""]) -> Float[Array, " sound"]:
    """Distances between sounds in one path, which changes from step to step."""
    s = jtfs_jax.jtfs_path(joint, g(batch.ranges, nu_hat), path)
    return losses.path_distance(analysis.log_compress(s, LEVEL), batch.S.S2[:, path])


@cache
def adam(n_paths: int) -> optax.GradientTransformationExtraArgs:
    """Adam, which ignores the path."""
    return optax.with_extra_args_support(optax.scale_by_adam())


@cache
def p_adam(n_paths: int) -> optax.GradientTransformationExtraArgs:
    """Adam with separate moments for each path."""
    return optax.chain(optax.scale(1e8), losses.scale_by_p_adam(n_paths))


METHODS: dict[str, tuple[Callable, Callable]] = {
    "parameters": (parameter_loss, adam),
    "PNP": (metric_loss, adam),
    "JTFS": (joint_loss, adam),
    "SCRAPL": (path_loss, p_adam),
    "SCRAPL, Adam": (path_loss, adam),
}


@eqx.filter_jit
def train_step(loss, optimizer, joint, encoder, state, train_set, rows, path, rate):
    """Take one step of an optimizer on some rows of a set of examples.

    The step is compiled once for all rows, paths and learning rates.
    """
    batch = jax.tree.map(itemgetter(rows), train_set)

    def mean(encoder):
        return loss(joint, jax.vmap(encoder)(batch.heard), batch, path).mean()

    value, gradient = eqx.filter_value_and_grad(mean)(encoder)
    weights = eqx.filter(encoder, eqx.is_inexact_array)
    updates, state = optimizer.update(gradient, state, weights, index=path)
    updates = jax.tree.map(lambda update: -rate * update, updates)
    return eqx.apply_updates(encoder, updates), state, value


@jax.jit
def distances(joint, nu_hat, test: Examples) -> Float[Array, " sound"]:
    """Return ‖Φ(ν̂) − Φ(ν)‖ of each sound, computed one at a time."""

    def of_one(nu_hat, S):
        found = phi(joint, test.ranges, nu_hat)
        squares = jax.tree.map(lambda a, b: jnp.sum((a - b) ** 2), found, S)
        return jnp.sqrt(sum(jax.tree.leaves(squares)))

    return jax.lax.map(lambda pair: of_one(*pair), (nu_hat, test.S))


class Training(NamedTuple):
    """A trained network, and its errors on the test sounds."""

    encoder: Encoder
    step: np.ndarray  # at which errors were measured
    parameter_error: np.ndarray  # root mean square of ν̂ − ν, for each parameter
    joint_error: np.ndarray  # root mean square of ‖Φ(ν̂) − Φ(ν)‖
    step_seconds: float


def train(
    method: str,
    joint: jtfs_jax.FilterBank,
    train_set: Examples,
    test_set: Examples,
    *,
    n_steps: int = 640,
    measure_at: tuple[int, ...] = (0, 40, 80, 160, 320, 640),
    learning_rate: float = LEARNING_RATE,
    width: int = 4,
    first_path: int = 0,
    seed: int = 0,
) -> Training:
    """Train a network by one of the methods; initial weights and batches depend only on the seed.

    The learning rate falls to 0 along half a period of a cosine. SCRAPL draws paths from
    `first_path` on.
    """
    loss, make_optimizer = METHODS[method]
    n_paths = len(jtfs_jax.path_table(joint))
    optimizer = make_optimizer(n_paths)
    encoder = Encoder(train_set.heard, width, key=jax.random.key(seed))
    state = optimizer.init(eqx.filter(encoder, eqx.is_inexact_array))
    random, seconds, history = np.random.default_rng(seed), [], []
    for step in range(n_steps + 1):
        if step in measure_at:
            nu_hat = jax.vmap(encoder)(test_set.heard)
            of_parameters = jnp.sqrt(jnp.mean((nu_hat - test_set.nu) ** 2, axis=0))
            of_sounds = jnp.sqrt(jnp.mean(distances(joint, nu_hat, test_set) ** 2))
            history.append((step, np.asarray(of_parameters), float(of_sounds)))
        rows = random.choice(len(train_set.nu), BATCH, replace=False)
        path = random.integers(first_path, n_paths)
        rate = learning_rate * (1 + math.cos(math.pi * step / n_steps)) / 2
        choices = map(jnp.asarray, (rows, path, rate))
        start = time.perf_counter()
        encoder, state, value = train_step(
            loss, optimizer, joint, encoder, state, train_set, *choices
        )
        jax.block_until_ready(value)
        seconds.append(time.perf_counter() - start)
    columns = map(np.array, zip(*history, strict=True))
    return Training(encoder, *columns, step_seconds=float(np.median(seconds)))


def data(
    ranges: synth.ParameterRanges = RANGES, n_train: int = 512, n_test: int = 64
) -> tuple[jtfs_jax.FilterBank, Examples, Examples]:
    """Return the filters of Φ, the training examples and the test examples."""
    banks = filterbanks()
    nu = jax.random.uniform(jax.random.key(0), (n_train + n_test, 3), minval=-1.0)
    found = examples(banks, ranges, nu)
    split = (itemgetter(slice(n_train)), itemgetter(slice(n_train, None)))
    return banks[0], *(jax.tree.map(part, found) for part in split)


def main() -> None:
    """Train a network by each method, and print errors and times."""
    joint, train_set, test_set = data()
    for method in METHODS:
        found = train(method, joint, train_set, test_set)
        error, seconds = found.joint_error[-1], found.step_seconds
        print(f"{method:>12}: JTFS error {error:.2f}, {1e3 * seconds:.1f} ms per step", flush=True)


if __name__ == "__main__":
    main()
