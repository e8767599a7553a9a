"""Guarantees of every transform for all options: purity, batching, derivatives, precision."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import TRANSFORMS, assert_close, energy, noise
from jax.extend.core import Literal

import jtfs_jax
from jtfs_jax import analysis, losses, resynthesis

N = 128
pytestmark = pytest.mark.usefixtures("quick_compile")
BANKS = {
    "averaged": {"J_fr": 2},
    "short": {"J_fr": 2, "T": 3.0, "F": 1, "stride": 1, "preset": "sharp"},
    "global": {
        "J_fr": 2,
        "T": "global",
        "F": "global",
        "pad_mode": "zero",
        "normalize": "energy",
    },
    "not averaged": {
        "J_fr": 2,
        "T": 0,
        "F": 0,
        "pad_mode": "periodic",
        "pad_mode_fr": "conj-reflect",
    },
    "longer than the signal": {"J": 8, "J_fr": 1},
}


@functools.cache
def make_bank(name, dtype=jnp.float32):
    options = {"J": 4, "Q": 2} | BANKS[name]
    return jtfs_jax.filterbank(N, **options, dtype=dtype)


@pytest.fixture(params=BANKS)
def bank(request):
    return make_bank(request.param)


@pytest.fixture(params=TRANSFORMS)
def transform(request):
    return TRANSFORMS[request.param]


@pytest.mark.parametrize("name", ["averaged", "not averaged"])
def test_jit_changes_nothing(transform, name):
    bank, x = make_bank(name), noise(N)
    with jax.disable_jit():
        eager = transform(bank, x)
    assert_close(jax.jit(transform)(bank, x), eager)


def test_batches_are_stacks(transform, bank):
    x = noise(3, N)
    batch = transform(bank, x)
    assert_close(jax.vmap(transform, (None, 0))(bank, x), batch)
    rows = [transform(bank, row) for row in x]
    assert_close(jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows), batch)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 2), (0,)])
def test_any_leading_axes(transform, shape):
    bank = make_bank("averaged")
    S = transform(bank, noise(*shape, N))
    one = transform(bank, noise(N))
    for leaf, single in zip(jax.tree.leaves(S), jax.tree.leaves(one), strict=True):
        assert leaf.shape == (*shape, *single.shape)


@pytest.mark.parametrize("name", BANKS)
def test_no_sounds(transform, name):
    # With "short", blocks are shorter than φ_T, and their parts overlap.
    bank = make_bank(name)
    S, one = transform(bank, noise(0, N)), transform(bank, noise(N))
    for leaf, single in zip(jax.tree.leaves(S), jax.tree.leaves(one), strict=True):
        assert leaf.shape == (0, *single.shape)


def test_no_sounds_in_what_takes_coefficients():
    bank = make_bank("averaged")
    S = jtfs_jax.jtfs(bank, noise(0, N))
    assert analysis.spin_ratio(bank, S).shape == (0,)
    assert losses.path_distance(S.S2, S.S2).shape == S.S2.shape[:-2]
    assert resynthesis.colored_noise(bank, S.S1, n_sounds=3).shape == (3, 0, N)
    assert resynthesis.loudness(bank, S.S1).shape == (0, N)


@pytest.mark.parametrize("name", ["averaged", "not averaged"])
def test_vmap_and_grad_commute(transform, name):
    bank = make_bank(name)
    x = noise(2, N)
    gradient = jax.grad(lambda x: energy(transform, bank, x))
    batch_first = jax.grad(lambda x: jax.vmap(lambda row: energy(transform, bank, row))(x).sum())
    assert_close(jax.jit(jax.vmap(gradient))(x), jax.jit(batch_first)(x))


@pytest.mark.parametrize("name", ["averaged", "short", "global", "not averaged"])
def test_derivatives_of_order_two(transform, name, x64):
    # Two resolutions of the first order and one of the second cover all code to differentiate.
    bank = jtfs_jax.filterbank(64, 3, 1, **BANKS[name] | {"J_fr": 1}, dtype=jnp.float64)
    assert (len({psi.j for psi in bank.wavelets1}), len(bank.tables.second)) == (2, 1)
    x, direction = noise(2, 64, dtype=np.float64)

    def along(function):
        return lambda x: jax.jvp(function, (x,), (direction,))[1]

    loss = functools.partial(energy, transform, bank)
    gradient = jax.grad(loss)

    @jax.jit
    def derivatives(x):
        slopes = along(loss)(x), jnp.vdot(gradient(x), direction)
        products = {
            "forward over reverse": along(gradient)(x),
            "reverse over forward": jax.grad(along(loss))(x),
            "reverse over reverse": jax.grad(lambda x: jnp.vdot(gradient(x), direction))(x),
        }
        return loss(x), gradient(x), slopes, products, along(along(loss))(x)

    step = 1e-5
    (below, gradient_below, *_), (above, gradient_above, *_) = (
        derivatives(x + sign * step * direction) for sign in (-1, 1)
    )
    _, _, slopes, products, curvature = derivatives(x)
    np.testing.assert_allclose(slopes, (above - below) / (2 * step), rtol=1e-6)
    expected = (gradient_above - gradient_below) / (2 * step)
    for product in products.values():
        np.testing.assert_allclose(product, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(curvature, expected @ direction, rtol=1e-5)


@pytest.mark.parametrize("name", ["averaged", "short", "global", "not averaged"])
def test_silence_has_finite_derivatives(transform, name):
    bank = make_bank(name)
    silence = jnp.zeros(N)
    S = transform(bank, silence)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(S))

    def total(x):
        return jnp.stack([jnp.sum(leaf) for leaf in jax.tree.leaves(transform(bank, x))]).sum()

    direction = jnp.asarray(noise(N))

    @jax.jit
    def derivatives(silence):
        jacobian = jax.jacfwd(lambda a: transform(bank, silence + a * direction))
        return jax.jvp(jax.grad(total), (silence,), (direction,)), jacobian(jnp.float32(0))

    (gradient, product), jacobian = derivatives(silence)
    assert np.isfinite(gradient).all()
    assert np.isfinite(product).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jacobian))
    if name == "averaged" and transform is not jtfs_jax.scalogram:
        # Moduli have the subgradient 0 there; S0 is linear.
        assert not np.any(jacobian.S1)
        assert not np.any(jacobian.S2)
        np.testing.assert_allclose(jacobian.S0, transform(bank, direction).S0, atol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_partial_silence_has_right_derivatives(transform, dtype, x64):
    bank = make_bank("averaged", dtype)
    impulse = jnp.zeros(N, dtype).at[N // 3].set(1)
    gradient = jax.grad(lambda x: energy(transform, bank, x))
    value, product = jax.jit(lambda x: jax.jvp(gradient, (x,), (x,)))(impulse)
    assert np.isfinite(value).all()
    # The energy is homogeneous of degree 2, and its gradient of degree 1. If U1 is rounding
    # noise, its second derivatives are noise, too.
    tolerance = 1e-6 if dtype == jnp.float64 else 2e-2
    np.testing.assert_allclose(product, value, atol=tolerance * np.abs(value).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int16])
def test_results_have_the_precision_of_the_filterbank(transform, dtype):
    S = transform(make_bank("averaged"), (10 * noise(N)).astype(dtype))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(S))


def test_float64(transform, x64):
    bank = jtfs_jax.filterbank(N, 4, 2, J_fr=2, dtype=jnp.float64)
    S = transform(bank, noise(N))
    assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(S))
    assert_close(transform(make_bank("averaged"), noise(N)), S)


def test_float64_signals_are_cast(transform, x64):
    S = transform(make_bank("averaged"), noise(N, dtype=np.float64))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(S))


def test_one_trace_for_filterbanks_alike(transform):
    traces = []

    @jax.jit
    def counted(bank, x):
        traces.append(1)
        return transform(bank, x)

    for _ in range(2):
        counted(jtfs_jax.filterbank(N, 4, 2, J_fr=2), noise(N))
    assert len(traces) == 1


def test_filterbank_is_a_pytree_of_arrays(bank):
    leaves, structure = jax.tree.flatten(bank)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    assert isinstance(hash(structure), int)
    rebuilt = jax.tree.unflatten(structure, leaves)
    assert rebuilt.n_samples == N


def constant_sizes(function, *arguments):
    """Sizes of all constant arrays in a program and its subprograms."""

    def within(jaxpr):
        for equation in jaxpr.eqns:
            yield from (np.size(x.val) for x in equation.invars if isinstance(x, Literal))
            for inner in jax.tree.leaves(equation.params, is_leaf=is_program):
                if is_program(inner):
                    yield from map(np.size, getattr(inner, "consts", ()))
                    yield from within(getattr(inner, "jaxpr", inner))

    def is_program(parameter):
        return hasattr(parameter, "eqns")

    closed = jax.make_jaxpr(function)(*arguments)
    return [*map(np.size, closed.consts), *within(closed.jaxpr)]


def with_rule(function):
    ruled = jax.custom_jvp(function)
    ruled.defjvp(lambda primals, tangents: jax.jvp(function, primals, tangents))
    return ruled


ENCLOSING = {
    "plain": lambda function: function,
    "jit": jax.jit,
    "checkpoint": jax.checkpoint,
    "vmap": lambda function: lambda x: jax.vmap(function)(x[None]),
    "map": lambda function: lambda x: jax.lax.map(function, x[None]),
    "cond": lambda function: lambda x: jax.lax.cond(x[0] > 0, function, function, x),
    "custom rule": with_rule,
}


@pytest.mark.parametrize("name", ENCLOSING)
def test_constants_of_programs_are_found(name):
    """A function that closes over a filterbank has the constants that the next test looks for."""
    bank = make_bank("averaged")
    closing = ENCLOSING[name](lambda x: jtfs_jax.scalogram(bank, x))
    largest = max(leaf.size for leaf in jax.tree.leaves(bank.tables.groups1))
    assert max(constant_sizes(closing, noise(N))) >= largest > 100


def test_filterbank_is_an_argument_not_a_constant(transform, bank):
    """The program contains no constant array: all come with the filterbank."""
    # Except the order in which paths of time scattering are returned.
    is_ordered = transform is jtfs_jax.time_scattering
    largest = len(jtfs_jax.time_path_table(bank)) if is_ordered else 1
    assert max(constant_sizes(transform, bank, noise(N))) <= largest


ERRORS = {
    "length": (lambda: np.zeros(N + 1, np.float32), r"129 samples .* for 128"),
    "complex": (lambda: np.zeros(N, np.complex64), "must have real numbers"),
    "boolean": (lambda: np.zeros(N, bool), "must have real numbers"),
    "scalar": (lambda: np.float32(0), "last axis"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_signals_are_named(transform, name):
    make, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        transform(make_bank("averaged"), jnp.asarray(make()))


def test_jtfs_needs_frequential_wavelets():
    with pytest.raises(ValueError, match="J_fr"):
        jtfs_jax.jtfs(jtfs_jax.filterbank(N, 4, 2), noise(N))
