"""Programs saved by `jax.export`: for any platform and batch size, with derivatives."""

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import TRANSFORMS, assert_close, energy, noise

import jtfs_jax
from jtfs_jax._nodes import ByPath

pytest.importorskip("flatbuffers", reason="jax.export needs it to save programs")

N = 64
pytestmark = pytest.mark.usefixtures("quick_compile")
BANKS = {
    "averaged": {},
    "short": {"T": 8, "stride": 4, "F": 1, "pad_mode_fr": "conj-reflect", "preset": "sharp"},
    "global": {"T": "global", "F": "global"},
    "no average over time": {"T": 0},
    "no average": {"T": 0, "F": 0},
}


@functools.cache
def make_bank(name):
    return jtfs_jax.filterbank(N, 3, 1, J_fr=1, **BANKS[name])


def saved(function, *arguments, vjp_order=0, platforms=("cpu",)):
    exported = jax.export.export(jax.jit(function), platforms=platforms)(*arguments)
    again = jax.export.deserialize(exported.serialize(vjp_order=vjp_order))
    assert (again.in_tree, again.out_tree) == (exported.in_tree, exported.out_tree)
    return again


@pytest.mark.parametrize("name", BANKS)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_saved_programs_compute_the_same(transform, name):
    bank, x, transform = make_bank(name), noise(2, N), TRANSFORMS[transform]
    again = saved(transform, bank, x, platforms=("cpu", "cuda", "tpu"))
    assert_close(again.call(bank, x), transform(bank, x))


@pytest.mark.parametrize(("transform", "shape"), [("time_scattering", "b"), ("jtfs", "b, c")])
def test_any_batch_and_derivatives(transform, shape):
    bank, transform = make_bank("short"), TRANSFORMS[transform]
    batch = jax.export.symbolic_shape(f"{shape}, {N}")
    again = saved(transform, bank, jax.ShapeDtypeStruct(batch, jnp.float32), vjp_order=1)
    x = noise(3, N) if shape == "b" else noise(2, 3, N)
    assert_close(again.call(bank, x), transform(bank, x))
    found = jax.grad(lambda x: energy(again.call, bank, x))(x)
    assert_close(found, jax.grad(lambda x: energy(transform, bank, x))(x))


def test_paths_and_losses():
    bank, x = make_bank("averaged"), jnp.asarray(noise(2, N))
    path = saved(jtfs_jax.jtfs_path, bank, x, np.int32(0))
    assert_close(path.call(bank, x, np.int32(3)), jtfs_jax.jtfs_path(bank, x, 3))

    def loss(x, bank, target, weights):
        return jtfs_jax.losses.distance(jtfs_jax.jtfs(bank, x), target, weights=weights).sum()

    arguments = bank, jtfs_jax.jtfs(bank, x[::-1]), jtfs_jax.losses.path_weights(bank, S0=0.0)
    gradient = jax.value_and_grad(loss)
    assert_close(saved(gradient, x, *arguments).call(x, *arguments), gradient(x, *arguments))


def test_what_surrounds_the_transforms():
    def around(bank, x):
        S = jtfs_jax.jtfs(bank, x)
        levels = jtfs_jax.analysis.fit_levels(bank, S)
        return jtfs_jax.to_kymatio(bank, S), jtfs_jax.analysis.pack(bank, S), levels

    bank, x = make_bank("averaged"), noise(2, N)
    assert_close(saved(around, bank, x).call(bank, x), around(bank, x))


ELSEWHERE = """
import pathlib, sys
import jax, numpy as np, jtfs_jax
folder = pathlib.Path(sys.argv[1])
program = jax.export.deserialize(bytearray((folder / "program").read_bytes()))
bank = jtfs_jax.filterbank(64, 3, 1, J_fr=1, T=0, F=0)
S = program.call(bank, np.load(folder / "x.npy"))
assert isinstance(S, jtfs_jax.JointScattering)
np.savez(folder / "paths.npz", **{f"{n2} {n_fr}": s for (n2, n_fr), s in S.S2.items()})
"""


def test_another_process(tmp_path):
    bank, x = make_bank("no average"), noise(N)
    exported = jax.export.export(jax.jit(jtfs_jax.jtfs), platforms=("cpu",))(bank, x)
    (tmp_path / "program").write_bytes(exported.serialize())
    np.save(tmp_path / "x.npy", x)
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path)]
    subprocess.run(command, env=environment, check=True)
    with np.load(tmp_path / "paths.npz") as found:
        expected = {f"{n2} {n_fr}": s for (n2, n_fr), s in jtfs_jax.jtfs(bank, x).S2.items()}
        assert list(found) == list(expected)
        assert_close(dict(found), expected)


def test_a_program_of_other_fields_is_refused(monkeypatch):
    exported = jax.export.export(jax.jit(jtfs_jax.scalogram))(make_bank("averaged"), noise(N))
    program = exported.serialize().replace(b'"pad_mode_fr"', b'"pad_mode_xx"')
    with pytest.raises(ValueError, match=r"FilterBank has the fields .*pad_mode_xx.*; export"):
        jax.export.deserialize(program)


def test_a_dictionary_by_path_is_a_dictionary():
    bank, x = make_bank("no average"), noise(N)
    S = jtfs_jax.jtfs(bank, x)
    assert isinstance(S.S2, dict)
    paths = jtfs_jax.path_table(bank)
    assert list(S.S2) == list(zip(paths.n2.tolist(), paths.n_fr.tolist(), strict=True))
    plain = jtfs_jax.JointScattering(S.S0, S.S1, dict(reversed(S.S2.items())))
    assert jax.tree.structure(plain) == jax.tree.structure(S)
    leaves = jax.tree_util.tree_leaves_with_path(ByPath({(1, 0): 2.0, (0, 3): 1.0}))
    assert [(jax.tree_util.keystr(key), leaf) for key, leaf in leaves] == [
        ("[(0, 3)]", 1.0),
        ("[(1, 0)]", 2.0),
    ]
