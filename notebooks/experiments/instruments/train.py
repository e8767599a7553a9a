"""Training of a network: AdamW with restarts, choice of the best epoch, checkpoints to resume."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int
from tqdm import tqdm

from experiments.storage import load_checkpoint, save_checkpoint

from .coefficients import take
from .metrics import class_weights, confusion, macro_accuracy, weighted_cross_entropy
from .network import AXIS, Network


class Training(NamedTuple):
    """Training settings; the defaults are those of the paper.

    The code of the paper has `lowest_rate` 1e-8. The paper selects the best epoch by validation
    accuracy; here it is averaged over classes, like the accuracies that the paper reports.
    """

    n_epochs: int = 30
    epoch_size: int = 8192  # sounds
    batch: int = 32
    rate: float = 1e-3
    lowest_rate: float = 1e-11
    n_warmup: int = 3  # epochs
    weight_decay: float = 0.1
    largest_norm: float = 3.0  # of gradients
    n_candidates: int = 10  # last epochs, from which the best is chosen

    @property
    def epoch_steps(self) -> int:
        """Number of steps per epoch."""
        return self.epoch_size // self.batch


class Examples(NamedTuple):
    """Coefficients of sounds, on disk or in memory, and their classes."""

    rows: np.ndarray  # structured, one row per sound
    label: Int[np.ndarray, " sound"]


class Run(eqx.Module):
    """Everything that changes during training."""

    network: Network
    norms: eqx.nn.State  # of batch norm
    optimizer: optax.OptState
    best: tuple[Network, eqx.nn.State]
    best_accuracy: Float[Array, ""]


class Trained(NamedTuple):
    """The network of the best epoch, and the history of all epochs."""

    network: Network
    norms: eqx.nn.State
    loss: list[float]
    accuracy: list[float]  # of validation, averaged over classes
    seconds: list[float]


def learning_rate(settings: Training, step: Any) -> Float[Array, ""]:
    """Learning rate: a cosine from the highest to the lowest rate that restarts at each epoch.

    The warm-up is one such cosine, reversed in time.
    """
    warmup = settings.n_warmup * settings.epoch_steps
    within = step % settings.epoch_steps / settings.epoch_steps
    position = jnp.where(step < warmup, 1 - (step + 1) / max(warmup, 1), within)
    half = (settings.rate - settings.lowest_rate) / 2
    return settings.lowest_rate + half * (1 + jnp.cos(jnp.pi * position))


@cache  # so that runs share a compiled step
def optimizer(settings: Training) -> optax.GradientTransformation:
    """AdamW after gradient clipping."""
    return optax.chain(
        optax.clip_by_global_norm(settings.largest_norm),
        optax.adamw(partial(learning_rate, settings), weight_decay=settings.weight_decay),
    )


def train(
    make: Callable[[Array], tuple[Network, eqx.nn.State]],
    features: Callable[[Any], Any],
    examples: dict[str, Examples],
    settings: Training,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    resume: bool = False,
    identity: dict[str, Any] | None = None,
) -> Trained:
    """Train a network.

    Args:
        make: Function from a key to a network and the state of its batch norms.
        features: Function from coefficients of some sounds to the network's input; a pytree.
        examples: Examples for "training" and "validation".
        settings: Training settings.
        seed: Seed of weights, order of sounds, and dropout.
        checkpoint: File for the state after each epoch. None: do not save.
        resume: Whether to resume from `checkpoint`; the result is the same as without interruption.
        identity: Values that a checkpoint must agree with, besides `settings` and `seed`.

    Raises:
        ValueError: If the file to resume from is not a checkpoint, or has other settings.
    """
    run = _start(make, settings, seed)
    history: dict[str, list] = {"loss": [], "accuracy": [], "seconds": []}
    identity = {"seed": seed, **settings._asdict(), **(identity or {})}
    if checkpoint is not None and resume:
        run, history = load_checkpoint(checkpoint, run, settings=identity)
    n_classes = int(run.network.classes.out_features)
    weights = jnp.asarray(class_weights(examples["training"].label, n_classes))
    done = len(history["loss"])
    with tqdm(total=settings.n_epochs, initial=done, unit="epoch") as bar:
        for epoch in range(done, settings.n_epochs):
            start = time.perf_counter()
            run, loss = _epoch(run, features, examples["training"], weights, settings, seed, epoch)
            found = classify(run.network, run.norms, features, examples["validation"])
            accuracy = macro_accuracy(confusion(examples["validation"].label, found, n_classes))
            is_candidate = epoch >= settings.n_epochs - settings.n_candidates
            if is_candidate and accuracy > run.best_accuracy:
                best = (run.network, run.norms)
                run = replace(run, best=best, best_accuracy=jnp.float32(accuracy))
            seconds = time.perf_counter() - start
            for name, value in {"loss": loss, "accuracy": accuracy, "seconds": seconds}.items():
                history[name].append(float(value))
            if checkpoint is not None:
                save_checkpoint(checkpoint, run, settings=identity, history=history)
            bar.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.3f}")
            bar.update()
    return Trained(*run.best, **history)


def classify(
    network: Network,
    norms: eqx.nn.State,
    features: Callable[[Any], Any],
    examples: Examples,
    *,
    batch: int = 64,
) -> Int[np.ndarray, " sound"]:
    """Return the most likely class of each sound."""
    n = len(examples.label)
    found = [
        _logits(network, norms, features, take(examples.rows, _padded(first, batch, n)))
        for first in range(0, n, batch)
    ]
    return np.concatenate(found)[:n].argmax(1)


def _start(make: Callable, settings: Training, seed: int) -> Run:
    network, norms = make(jax.random.key(seed))
    state = optimizer(settings).init(eqx.filter(network, eqx.is_inexact_array))
    return Run(network, norms, state, (network, norms), jnp.float32(-1))


def _epoch(
    run: Run,
    features: Callable,
    examples: Examples,
    weights: Array,
    settings: Training,
    seed: int,
    epoch: int,
) -> tuple[Run, float]:
    """Train for one epoch, with randomness that depends only on the seed and the epoch."""
    random = np.random.default_rng([seed, epoch])
    rounds = -(-settings.epoch_size // len(examples.label))
    order = np.concatenate([random.permutation(len(examples.label)) for _ in range(rounds)])
    losses = []
    for n in range(settings.epoch_steps):
        index = np.sort(order[n * settings.batch : (n + 1) * settings.batch])
        key = jax.random.fold_in(jax.random.key(seed), epoch * settings.epoch_steps + n)
        batch = take(examples.rows, index), jnp.asarray(examples.label[index])
        run, loss = _step(run, features, batch, weights, key, optimizer(settings))
        losses.append(loss)
    return run, float(np.mean(losses))


@eqx.filter_jit
def _step(run: Run, features, batch, weights, key, optimizer) -> tuple[Run, Float[Array, ""]]:
    """Take one step of the optimizer."""
    found, label = features(batch[0]), batch[1]
    keys = jax.random.split(key, len(label))

    def loss(network):
        of_batch = jax.vmap(network, (0, None, 0), (0, None), axis_name=AXIS)
        logits, norms = of_batch(found, run.norms, keys)
        return weighted_cross_entropy(logits, label, weights), norms

    (value, norms), gradient = eqx.filter_value_and_grad(loss, has_aux=True)(run.network)
    learned = eqx.filter(run.network, eqx.is_inexact_array)
    updates, state = optimizer.update(gradient, run.optimizer, learned)
    network = eqx.apply_updates(run.network, updates)
    return replace(run, network=network, norms=norms, optimizer=state), value


@eqx.filter_jit
def _logits(network, norms, features, coefficients) -> Float[Array, "sound class"]:
    inference = eqx.nn.inference_mode(network)
    of_batch = jax.vmap(inference, (0, None, None), (0, None), axis_name=AXIS)
    return of_batch(features(coefficients), norms, None)[0]


def _padded(first: int, batch: int, n: int) -> Int[np.ndarray, " sound"]:
    """Return `batch` indices, repeating the last one, so that nothing is compiled twice."""
    return np.minimum(np.arange(first, first + batch), n - 1)
