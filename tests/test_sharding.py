"""Batches sharded over four devices (CPU threads): results are right, and no signal moves."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import re, sys
import jax, jax.numpy as jnp, numpy as np, jtfs_jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)
assert jax.device_count() == 4
MOVES = "all-gather|all-to-all|collective-permute|collective-broadcast|ragged|send|recv"
rng = np.random.default_rng(0)


def energy(transform):
    return lambda bank, x: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(transform(bank, x)))


def check(name, transform, bank, shape, axes, spec, kind):
    mesh = jax.make_mesh(axes, ("a", "b")[: len(axes)], axis_types=(kind,) * len(axes))
    x = rng.standard_normal((*shape, bank.n_samples)).astype(np.float32)
    spread = jax.device_put(x, NamedSharding(mesh, spec))
    compiled = jax.jit(transform).lower(bank, spread).compile()
    moves = re.findall(f"= .* ({MOVES})[-a-z]*[(]", compiled.as_text())
    assert not moves, (name, moves)
    expected = jax.tree.leaves(transform(bank, x))
    for found, wanted in zip(jax.tree.leaves(compiled(bank, spread)), expected, strict=True):
        assert found.sharding.is_equivalent_to(spread.sharding, found.ndim), (name, found.sharding)
        wanted = np.asarray(wanted)
        np.testing.assert_allclose(found, wanted, atol=2e-5 * np.abs(wanted).max(), err_msg=name)
"""

SHORT = """
bank = jtfs_jax.filterbank(512, 4, 1, J_fr=1)  # Fourier transforms that differ from run to run
for kind in (AxisType.Auto, AxisType.Explicit):
    for name, transform in {
        "jtfs": jtfs_jax.jtfs,
        "time_scattering": jtfs_jax.time_scattering,
        "scalogram": jtfs_jax.scalogram,
        "jtfs_path": lambda bank, x: jtfs_jax.jtfs_path(bank, x, jnp.int32(3)),
        "gradient": jax.grad(energy(jtfs_jax.jtfs), argnums=1),
    }.items():
        check(name, transform, bank, (4,), (4,), P("a"), kind)
"""

OTHERS = """
frames = jtfs_jax.filterbank(2**12, 4, 1, J_fr=1, T=32, stride=16, F=2, stride_fr=1, preset="sharp")
mean = jtfs_jax.filterbank(256, 4, 1, J_fr=1, T="global", F="global", pad_mode_fr="conj-reflect")
none = jtfs_jax.filterbank(256, 4, 1, J_fr=1, T=0, F=0)
gradient = jax.grad(energy(jtfs_jax.jtfs), argnums=1)
auto, explicit = AxisType.Auto, AxisType.Explicit
for kind in (auto, explicit):
    check("two axes", jtfs_jax.jtfs, frames, (2, 4), (2, 2), P("a", "b"), kind)
    check("gradient", gradient, mean, (4,), (2, 2), P("b"), kind)
check("one of two", jtfs_jax.jtfs, mean, (4, 3), (2, 2), P("a"), explicit)
check("the last", jtfs_jax.scalogram, none, (3, 4), (2, 2), P(None, "b"), auto)
check("over both", jtfs_jax.jtfs, none, (4,), (2, 2), P(("a", "b")), explicit)
check("vmap", jax.vmap(jtfs_jax.jtfs, (None, 0)), mean, (4,), (4,), P("a"), auto)
"""

PHASES_IN_TURN = """
from jtfs_jax import _platforms

small = {"transform": 128, "matrix": 32, "merged": 64, "block": 32}
_platforms.LAYOUTS["tpu"] = _platforms.LAYOUTS["tpu"]._replace(**small)
bank = jtfs_jax.filterbank(256, 4, 1, J_fr=1, platform="tpu")
gradient = jax.grad(energy(jtfs_jax.jtfs), argnums=1)
for kind in (AxisType.Auto, AxisType.Explicit):
    check("jtfs", jtfs_jax.jtfs, bank, (4,), (4,), P("a"), kind)
    check("gradient", gradient, bank, (4,), (4,), P("a"), kind)
"""

README = """
mesh = jax.make_mesh((4,), ("batch",))
bank = jtfs_jax.filterbank(256, 4, 1, J_fr=1)
x = rng.standard_normal((8, 256)).astype(np.float32)
expected = jtfs_jax.jtfs(bank, x)
spread = jax.device_put(x, NamedSharding(mesh, P("batch")))
function = jax.shard_map(
    jtfs_jax.jtfs, mesh=mesh, in_specs=(P(), P("batch")), out_specs=P("batch")
)
for name, found in {
    "shard_map": jax.jit(function)(bank, spread),
    "at once": jtfs_jax.jtfs(bank, spread),
    "vmap": jax.vmap(jtfs_jax.jtfs, (None, 0))(bank, spread),
    "along time": jtfs_jax.jtfs(bank, jax.device_put(x, NamedSharding(mesh, P(None, "batch")))),
}.items():
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert len(a.sharding.device_set) == 4, a.sharding
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)
for a in (jax.export.export(jax.jit(jtfs_jax.jtfs))(bank, spread).call(bank, spread),):
    np.testing.assert_allclose(a.S2, expected.S2, rtol=1e-4, atol=1e-6)
"""


@pytest.mark.parametrize(
    "part",
    [SHORT, OTHERS, PHASES_IN_TURN, README],
    ids=["transforms", "meshes", "phases in turn", "as shown"],
)
def test_batches_spread_among_devices(part):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    subprocess.run([sys.executable, "-c", PROGRAM + part], env=environment, check=True)
