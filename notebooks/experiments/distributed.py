"""Train a network to match sounds under a JTFS loss, on all devices of one or many hosts.

    python -m experiments.distributed run             # in notebooks/: one process
    srun python -m experiments.distributed run --cluster
    python -m experiments.distributed run --coordinator host:1234 --processes 2 --process 0

The second line is for SLURM, with one task per GPU; `mpirun` works as well. Elsewhere, give each
process the number of processes and its index, as in the third line. All processes need access to
the folder `run`, which receives checkpoints and `log.jsonl`, with one line of JSON per step. The
same command resumes from the last checkpoint, even with a different number of processes.

The input of the network is the coefficients of a chirp, its output the parameters of a synthesizer.
The loss is the distance between these coefficients and the coefficients of the synthesized sound.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from jaxtyping import Array, Float

import jtfs_jax
from jtfs_jax import analysis, losses, synth

N_SAMPLES, SAMPLE_RATE = 2**11, 2.0**11
RANGES = synth.ParameterRanges(low=(256, 8, 1), high=(512, 32, 8))  # f_c, f_m, gamma
LEVEL = 1e-3  # above which coefficients are compressed
N_SOUNDS, BATCH = 1024, 8  # the batch is split between all processes
OPTIMIZER = optax.adam(5e-3)

Weights = dict[str, Array]


def filterbank() -> jtfs_jax.FilterBank:
    """Return the filters, which are the same in all processes."""
    return jtfs_jax.filterbank(N_SAMPLES, J=8, Q=8, J_fr=3, T="global", F="global")


def play(nu: Float[Array, "sound 3"]) -> Float[Array, "sound time"]:
    """Synthesize chirps from normalized parameters."""
    f_c, f_m, gamma = jnp.moveaxis(RANGES.denormalize(nu), -1, 0)
    return synth.am_chirp(f_c, f_m, gamma, n_samples=N_SAMPLES, sample_rate=SAMPLE_RATE)


def hear(bank: jtfs_jax.FilterBank, x: Float[Array, "*batch time"]) -> jtfs_jax.JointScattering:
    """Return the compressed coefficients of sounds."""
    return analysis.log_compress(jtfs_jax.jtfs(bank, x), LEVEL)


def start(bank: jtfs_jax.FilterBank, seed: int = 0, width: int = 64) -> tuple[Weights, Any]:
    """Return random weights of a network with one hidden layer, and the state of the optimizer."""
    S = jax.eval_shape(hear, bank, jnp.zeros(N_SAMPLES))
    n_inputs = sum(leaf.size for leaf in jax.tree.leaves(S))
    first, second = jax.random.split(jax.random.key(seed))
    weights = {
        "w1": jax.random.normal(first, (n_inputs, width)) / n_inputs**0.5,
        "b1": jnp.zeros(width),
        "w2": 0.1 * jax.random.normal(second, (width, 3)) / width**0.5,
        "b2": jnp.zeros(3),
    }
    return weights, OPTIMIZER.init(weights)


def answer(weights: Weights, S: jtfs_jax.JointScattering) -> Float[Array, " 3"]:
    """Predict the normalized parameters of the sound with these coefficients."""
    inputs = jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(S)])
    hidden = jnp.tanh(inputs @ weights["w1"] + weights["b1"])
    return jnp.tanh(hidden @ weights["w2"] + weights["b2"])


def loss(
    weights: Weights, bank: jtfs_jax.FilterBank, x: Float[Array, "sound time"]
) -> Float[Array, ""]:
    """Mean distance between sounds and the sounds with the predicted parameters."""
    S = hear(bank, x)
    nu = jax.vmap(answer, (None, 0))(weights, S)
    return losses.distance(hear(bank, play(nu)), S).mean()


@partial(jax.jit, static_argnames="mesh")
def train_step(mesh: Mesh, state: tuple[Weights, Any], bank: jtfs_jax.FilterBank, x: Array):
    """Take one step on a batch that is sharded over a mesh; return the new state and the loss.

    Each device has its own sounds; only losses and gradients pass between devices.
    """

    def mean(weights, bank, x):
        return jax.lax.pmean(loss(weights, bank, x), "batch")

    spread = jax.shard_map(mean, mesh=mesh, in_specs=(P(), P(), P("batch")), out_specs=P())
    weights, memory = state
    value, gradient = jax.value_and_grad(spread)(weights, bank, x)
    updates, memory = OPTIMIZER.update(gradient, memory, weights)
    return (optax.apply_updates(weights, updates), memory), value


def sounds(step: int, seed: int = 0) -> np.ndarray:
    """Return this process's part of the batch of a step; replace this to read sounds from files.

    Each epoch has all sounds, in its own order. The step determines the batch, so a checkpoint
    needs no other state of the data.
    """
    epoch, batch = divmod(step, N_SOUNDS // BATCH)
    order = np.random.default_rng((seed, 1, epoch)).permutation(N_SOUNDS)
    rows = order.reshape(-1, jax.process_count(), BATCH // jax.process_count())
    nu = np.random.default_rng((seed, 0)).uniform(-1, 1, (N_SOUNDS, 3))
    return np.asarray(play(nu[rows[batch, jax.process_index()]]))


def train(folder: Path, *, n_steps: int, save_every: int) -> None:
    """Train from the last checkpoint of a folder, or from the start, in all processes together."""
    if BATCH % jax.device_count():
        raise ValueError(
            f"BATCH must be a multiple of the number of devices, {jax.device_count()}, got {BATCH}."
        )
    mesh = jax.make_mesh((jax.device_count(),), ("batch",))
    everywhere, spread = NamedSharding(mesh, P()), NamedSharding(mesh, P("batch"))
    bank = jax.device_put(filterbank(), everywhere)
    state = jax.jit(start, out_shardings=everywhere)(bank)
    options = ocp.CheckpointManagerOptions(
        save_interval_steps=save_every,
        preservation_policy=ocp.checkpoint_managers.LatestN(2),
    )
    with ocp.CheckpointManager(folder.absolute(), options=options) as manager:
        done = manager.latest_step() or 0
        if done:
            state = manager.restore(done, args=ocp.args.StandardRestore(state))
        for step in range(done, n_steps):
            x = jax.make_array_from_process_local_data(spread, sounds(step))
            state, value = train_step(mesh, state, bank, x)
            # All processes wait for the loss: on CPUs a step and a checkpoint may block each other.
            line = json.dumps({"step": step, "loss": float(value)})
            if jax.process_index() == 0:
                with (folder / "log.jsonl").open("a") as log:
                    print(line, file=log)
            last = step + 1 == n_steps
            manager.save(step + 1, args=ocp.args.StandardSave(state), force=last)
            if manager.reached_preemption(step + 1):  # after SIGTERM to any process; all saved
                break


def main() -> None:
    """Connect to the other processes, if there are any, and train."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.distributed", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="checkpoints and log, shared by all processes")
    parser.add_argument("--steps", type=int, default=512, help="total number (default: 512)")
    parser.add_argument("--save-every", type=int, default=32, help="steps (default: 32)")
    parser.add_argument("--cluster", action="store_true", help="settings from SLURM or Open MPI")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="a free port of process 0")
    parser.add_argument("--processes", type=int, help="number of processes")
    parser.add_argument("--process", type=int, help="index of this process, from 0")
    options = parser.parse_args()
    if options.cluster or options.coordinator:
        jax.distributed.initialize(options.coordinator, options.processes, options.process)
    train(options.folder, n_steps=options.steps, save_every=options.save_every)


if __name__ == "__main__":
    main()
