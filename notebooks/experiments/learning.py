"""Learned filters: a task in which they help on test sounds, and one in which they do not.

    python -m experiments.learning               # in notebooks/

Each sound is a tone in noise with two amplitude modulations, at a target rate and at a distractor
rate. A linear readout predicts the target rate, in octaves, from the energy of the sound in each
second-order wavelet ψ_n2. The center frequencies and bandwidths of these wavelets are either
designed or learned from the sounds by gradient descent. In both cases the readout is optimal, in
closed form (ridge regression). `RATES` contains two ranges of target rates:

    within a fifth of an octave, between two wavelets of the design: narrower wavelets help;
    across five octaves, where the distractor has the same distribution: the error is limited by the
    ambiguity of target and distractor, which no filters can resolve.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

import jtfs_jax

N_SAMPLES = 2**11
N_TRAIN, N_TEST = 64, 256
N_STEPS, LEARNING_RATE = 40, 0.04
RIDGE = 1e-2
RATES = {  # lowest and highest, in cycles/sample
    "a fifth of an octave": (0.0155 * 2**-0.1, 0.0155 * 2**0.1),
    "five octaves": (2**-9, 2**-4),
}


class Sounds(NamedTuple):
    """Sounds and log2 of their target rates, scaled to −1 at the lowest and 1 at the highest."""

    x: Float[Array, "sound time"]
    y: Float[Array, " sound"]


def filterbank() -> jtfs_jax.FilterBank:
    """Return filters with one second-order wavelet per octave, down to one cycle per signal."""
    return jtfs_jax.filterbank(N_SAMPLES, J=(5, 9), Q=(4, 1), T="global")


def sounds(task: str, n: int, seed: int) -> Sounds:
    """Draw random sounds for a task."""
    random = np.random.default_rng(seed)

    def uniform(low: float, high: float) -> np.ndarray:
        return random.uniform(low, high, (n, 1))

    def modulation(rate: np.ndarray) -> np.ndarray:
        return 1 + 0.5 * np.cos(2 * np.pi * (rate * np.arange(N_SAMPLES) + uniform(0, 1)))

    y = uniform(-1, 1)
    low, high = np.log2(RATES[task])
    wanted = modulation(2 ** (low + (high - low) * (y + 1) / 2))
    other = modulation(2 ** uniform(-9, -4))
    tone = np.cos(2 * np.pi * (2 ** uniform(-4, -2) * np.arange(N_SAMPLES) + uniform(0, 1)))
    x = wanted * other * tone + 0.1 * random.standard_normal((n, N_SAMPLES))
    return Sounds(jnp.asarray(x, jnp.float32), jnp.asarray(y[:, 0], jnp.float32))


@jax.jit
def features(bank: jtfs_jax.FilterBank, x: Array) -> Float[Array, "sound feature"]:
    """Return log energies of each sound in each ψ_n2, relative to S1, and a constant feature."""
    S = jtfs_jax.time_scattering(bank, x)
    n2 = jtfs_jax.time_path_table(bank).n2
    is_of = jnp.asarray(n2 == np.unique(n2)[:, None], S.S2.dtype)
    energy = (S.S2[..., 0] ** 2) @ is_of.T / (S.S1[..., 0] ** 2).sum(-1, keepdims=True)
    return jnp.concatenate([jnp.log(energy + 1e-6), jnp.ones_like(energy[:, :1])], axis=1)


def readout(a: Float[Array, "sound feature"], y: Float[Array, " sound"]) -> Array:
    """Return weights of the features by ridge regression."""
    return jnp.linalg.solve(a.T @ a + RIDGE * len(y) * jnp.eye(a.shape[1]), a.T @ y)


def loss(parameters, bank: jtfs_jax.FilterBank, train: Sounds) -> Float[Array, ""]:
    """Mean squared error on each half of the sounds, with the readout from the other half."""
    a, half = features(jtfs_jax.with_parameters(bank, parameters), train.x), len(train.y) // 2
    halves = (slice(half), slice(half, None))
    errors = [
        a[test] @ readout(a[fit], train.y[fit]) - train.y[test]
        for fit, test in (halves, halves[::-1])
    ]
    return jnp.mean(jnp.concatenate(errors) ** 2)


OPTIMIZER = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, N_STEPS))


@jax.jit
def step(parameters, state, bank: jtfs_jax.FilterBank, train: Sounds):
    """Take one step in log center frequencies and log bandwidths, so that changes are relative."""
    logarithms = jax.tree.map(jnp.log, parameters)
    value, gradient = jax.value_and_grad(
        lambda logarithms: loss(jax.tree.map(jnp.exp, logarithms), bank, train)
    )(logarithms)
    updates, state = OPTIMIZER.update(gradient, state)
    moved = jax.tree.map(jnp.exp, optax.apply_updates(logarithms, updates))
    return jtfs_jax.clip_parameters(bank, moved), state, value


def learned(bank: jtfs_jax.FilterBank, train: Sounds) -> jtfs_jax.FilterBank:
    """Return the filters with second-order wavelets learned from sounds."""
    start = jtfs_jax.filter_parameters(bank)
    parameters = jtfs_jax.FilterParameters(xi2=start.xi2, sigma2=start.sigma2)
    state = OPTIMIZER.init(parameters)
    for _ in range(N_STEPS):
        parameters, state, _ = step(parameters, state, bank, train)
    return jtfs_jax.with_parameters(bank, parameters)


def error(bank: jtfs_jax.FilterBank, train: Sounds, test: Sounds, task: str) -> float:
    """RMS error of rates on the test sounds, in octaves."""
    a, of_test = features(bank, train.x), features(bank, test.x)
    low, high = np.log2(RATES[task])
    difference = of_test @ readout(a, train.y) - test.y
    return float(jnp.sqrt(jnp.mean(difference**2)) * (high - low) / 2)


def compare(task: str, seed: int) -> tuple[float, float, jtfs_jax.FilterBank]:
    """Return errors with designed and with learned filters, and the learned filters."""
    bank = filterbank()
    train, test = sounds(task, N_TRAIN, seed), sounds(task, N_TEST, 1000 + seed)
    bank_learned = learned(bank, train)
    return error(bank, train, test, task), error(bank_learned, train, test, task), bank_learned


def main() -> None:
    """Learn filters for each task from three sets of sounds, and print errors."""
    for task in RATES:
        for seed in range(3):
            designed, of_learned, _ = compare(task, seed)
            errors = f"{designed:.3f} octaves as designed, {of_learned:.3f} learned"
            print(f"{task}, seed {seed}: {errors}", flush=True)


if __name__ == "__main__":
    main()
