"""Signals as users have them: NumPy arrays of any kind give the same numbers, or an error."""

import multiprocessing
import pickle
from functools import lru_cache, partial

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.core import Tracer
from jax.sharding import PartitionSpec as P

import jtfs_jax

N = 128
pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, 4, 2, J_fr=2)


TRANSFORMS = helpers.TRANSFORMS | {"jtfs_path": lambda bank, x: jtfs_jax.jtfs_path(bank, x, 3)}


@pytest.fixture(params=TRANSFORMS)
def transform(request):
    return TRANSFORMS[request.param]


def integers():
    return np.random.default_rng(0).integers(0, 100, N)


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x):
    return np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1)


def memory_mapped(x, folder):
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


KINDS = {
    "swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "swapped float16": lambda x: x.astype(np.dtype(np.float16).newbyteorder()),
    "swapped float64": lambda x: x.astype(np.dtype(np.float64).newbyteorder()),
    "swapped int16": lambda x: x.astype(np.dtype(np.int16).newbyteorder()),
    "uint8": lambda x: x.astype(np.uint8),
    "bfloat16": lambda x: x.astype(jnp.bfloat16),
    "longdouble": lambda x: x.astype(np.longdouble),
    "read-only": read_only,
    "reversed twice": lambda x: x[::-1].copy()[::-1],
    "every other": lambda x: np.repeat(x, 2)[::2],
    "column": lambda x: np.stack([x, 0 * x], axis=1)[:, 0],
    "unaligned": unaligned,
    "nothing masked": lambda x: np.ma.array(x),
}


def test_same_numbers_for_arrays_of_any_kind(transform, bank, tmp_path):
    x = integers().astype(np.float32)
    expected = jax.tree.leaves(transform(bank, x))  # compiled for this machine's float32
    for make in [*KINDS.values(), lambda x: memory_mapped(x, tmp_path)]:
        for _ in range(2):
            found = jax.tree.leaves(transform(bank, make(x)))
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)


class Tensor:
    """An array-like object, such as tensors and data frames of other libraries."""

    def __array__(self, dtype=None, copy=None):
        return np.ones(N, np.float32)


ERRORS = {
    "list": ([1.0] * N, "x must be an array"),
    "tensor": (Tensor(), "x must be a JAX or NumPy array, got Tensor"),
    "masked": (np.ma.array(np.ones(N), mask=np.arange(N) == 3), "x must not have masked"),
    "objects": (np.array([1.0] * N, object), "x must have numbers, got dtype object"),
    "fields": (np.zeros(N, [("left", "f4")]), "x must have numbers"),
    "complex": (np.zeros(N, ">c8"), "x must have real numbers"),
    "boolean": (np.zeros(N, bool), "x must have real numbers"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_other_arrays_are_named(transform, bank, name):
    x, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        transform(bank, x)


def test_filters_come_first(transform, bank):
    x = integers().astype(np.float32)
    with pytest.raises(ValueError, match=r"bank must be of type FilterBank, got ndarray; .* first"):
        transform(x, bank)
    with pytest.raises(ValueError, match=r"x must be an array, got FilterBank; .* first"):
        transform(bank, bank)


def test_filters_come_first_elsewhere(bank):
    coefficients = jtfs_jax.jtfs(bank, integers().astype(np.float32))
    for function in (jtfs_jax.path_table, jtfs_jax.band_frequencies):
        with pytest.raises(ValueError, match="bank must be of type FilterBank, got JointScatt"):
            function(coefficients)


def test_order_of_bytes_of_coefficients(bank):
    S = jtfs_jax.jtfs(bank, integers().astype(np.float32))
    S = jax.tree.map(np.asarray, S)
    swapped = jax.tree.map(lambda s: s.astype(s.dtype.newbyteorder()), S)
    functions = {
        "distance": lambda S: jtfs_jax.losses.distance(S, jax.tree.map(np.zeros_like, S)),
        "pair_energies": lambda S: jtfs_jax.analysis.pair_energies(bank, S),
        "pack": lambda S: jtfs_jax.analysis.pack(bank, S),
        "log_compress": lambda S: jtfs_jax.analysis.log_compress(S, 1e-3),
    }
    for function in functions.values():
        expected = jax.tree.leaves(function(S))
        for a, b in zip(jax.tree.leaves(function(swapped)), expected, strict=True):
            np.testing.assert_array_equal(a, b)


def first_use(name, make, x):
    """A filterbank created for the first time within a function traced by JAX."""
    if name == "jit":
        return jax.jit(lambda x: jtfs_jax.scalogram(make(), x))(x)
    if name == "vmap":
        return jax.vmap(lambda x: jtfs_jax.scalogram(make(), x))(x[None])[0]
    if name == "grad":
        return jax.grad(lambda x: jtfs_jax.scalogram(make(), x).sum())(x)
    if name == "scan":
        return jax.lax.map(lambda x: jtfs_jax.scalogram(make(), x), x[None])[0]
    mesh = jax.make_mesh((1,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    spread = jax.shard_map(
        lambda x: jtfs_jax.scalogram(make(), x),
        mesh=mesh,
        in_specs=P("batch"),
        out_specs=P("batch"),
    )
    return spread(x[None])[0]


@pytest.mark.parametrize("name", ["jit", "vmap", "grad", "scan", "shard_map"])
def test_filterbanks_are_arrays_wherever_they_are_made(name):
    make = lru_cache(lambda: jtfs_jax.filterbank(N, 4, 2, J_fr=2))
    x = jnp.asarray(integers(), jnp.float32)
    first_use(name, make, x)
    assert all(not isinstance(leaf, Tracer) for leaf in jax.tree.leaves(make()))
    expected = jtfs_jax.scalogram(jtfs_jax.filterbank(N, 4, 2, J_fr=2), x)
    np.testing.assert_array_equal(jtfs_jax.scalogram(make(), x), expected)
    np.testing.assert_array_equal(jax.jit(jtfs_jax.scalogram)(make(), x), expected)


def test_weights_made_under_a_trace_may_be_kept(bank):
    make = lru_cache(lambda: jtfs_jax.losses.path_weights(bank, S1=2.0, S2={"phi_t*phi_f": 0}))
    x = jnp.asarray(integers(), jnp.float32)

    def loss(x):
        S = jtfs_jax.jtfs(bank, x)
        return jtfs_jax.losses.distance(S, jax.tree.map(jnp.zeros_like, S), weights=make())

    np.testing.assert_allclose(jax.jit(loss)(x), loss(x), rtol=1e-5)


def features(bank, x):
    """A function at module level, so that spawned processes find it."""
    return np.asarray(jtfs_jax.jtfs(bank, x).S1)


def test_transforms_and_filterbanks_may_be_pickled(bank):
    x = integers().astype(np.float32)
    for function in (partial(features, bank), partial(jtfs_jax.scalogram, bank)):
        again = pickle.loads(pickle.dumps(function))
        np.testing.assert_array_equal(again(x), function(x))


def test_processes_that_are_spawned(bank):
    x = integers().astype(np.float32)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (found,) = pool.map(partial(features, bank), [x])
    np.testing.assert_allclose(found, features(bank, x), rtol=1e-5)
