"""Distances between coefficients: definitions, and requirements of training."""

from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import coefficients, flat, noise
from jax.test_util import check_grads

import jtfs_jax
from jtfs_jax import analysis, losses

pytestmark = pytest.mark.usefixtures("quick_compile")

N = 256
CASES = {
    "jtfs": (jtfs_jax.jtfs, {}),
    "time_scattering": (jtfs_jax.time_scattering, {}),
    "by path": (jtfs_jax.jtfs, {"J": 3, "Q": 1, "T": 0, "F": 0}),
}


def distance_1(S, R, **weights):
    return losses.distance(S, R, p=1, **weights)


def relative_distance(S, R, **weights):
    return losses.distance(S, R, relative=True, **weights)


def relative_distance_1(S, R, **weights):
    return losses.distance(S, R, p=1, relative=True, **weights)


# Each with its definition for vectors.
DISTANCES = {
    "p=1": (distance_1, lambda s, r: np.abs(s - r).sum()),
    "p=2": (losses.distance, lambda s, r: np.sqrt(np.sum((s - r) ** 2))),
    "relative": (relative_distance, lambda s, r: np.sqrt(np.sum((s - r) ** 2) / np.sum(r**2))),
    "relative p=1": (relative_distance_1, lambda s, r: np.abs(s - r).sum() / np.abs(r).sum()),
    "cosine": (losses.cosine_distance, lambda s, r: 1 - s @ r / np.sqrt((s @ s) * (r @ r))),
}


@pytest.fixture(params=DISTANCES)
def distance(request):
    return DISTANCES[request.param][0]


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=4, Q=2, J_fr=1)


def scaled(S, *factors) -> Any:
    """Each order times its factor."""
    return type(S)(
        *(
            jax.tree.map(lambda leaf, factor=factor: leaf * np.float32(factor), part)
            for part, factor in zip((S.S0, S.S1, S.S2), factors, strict=True)
        )
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", DISTANCES)
def test_definitions(name, case):
    transform, options = CASES[case]
    bank = jtfs_jax.filterbank(N, **{"J": 4, "Q": 2, "J_fr": 1} | options)
    S = coefficients(bank, 2, 3, transform=transform)
    R = coefficients(bank, seed=1, transform=transform)
    distance, definition = DISTANCES[name]
    factors = (0.5, 2.0, 0.25)
    found = distance(S, R, weights=type(S)(*factors))
    assert found.shape == (2, 3)
    assert found.dtype == jnp.float32
    for index in np.ndindex(2, 3):
        one = jax.tree.map(itemgetter(index), S)
        expected = definition(flat(scaled(one, *factors)), flat(scaled(R, *factors)))
        np.testing.assert_allclose(found[index], expected, rtol=1e-4)


def test_batches_broadcast(distance, bank):
    S, R = coefficients(bank, 3), coefficients(bank, 4, seed=1)
    pairwise = distance(
        jax.tree.map(lambda leaf: leaf[:, None], S), jax.tree.map(lambda leaf: leaf[None], R)
    )
    assert pairwise.shape == (3, 4)
    singles = jax.vmap(lambda s: jax.vmap(lambda r: distance(s, r))(R))(S)
    np.testing.assert_allclose(pairwise, singles, rtol=1e-5)
    to_one = distance(S, jax.tree.map(lambda leaf: leaf[2], R))
    np.testing.assert_allclose(to_one, pairwise[:, 2], rtol=1e-5)


def test_any_pytree_is_one_sound():
    rng = np.random.default_rng(0)
    a, b, c, d = (rng.standard_normal((3, 2)).astype(np.float32) for _ in range(4))
    S, R = {"real": a, "complex": (a + 1j * b,)}, {"real": c, "complex": (c + 1j * d,)}
    parts = np.stack([a - c, a - c, b - d])
    np.testing.assert_allclose(distance_1(S, R), np.abs(parts).sum(), rtol=1e-5)
    np.testing.assert_allclose(losses.distance(S, R), np.linalg.norm(parts), rtol=1e-5)
    np.testing.assert_allclose(losses.distance(a, c), np.linalg.norm(a - c), rtol=1e-5)


@pytest.mark.parametrize("name", ["p=1", "relative", "cosine"])
def test_derivatives(name, x64):
    distance, _ = DISTANCES[name]
    rng = np.random.default_rng(0)
    S, R, direction = ({"a": rng.standard_normal(3), "b": rng.random((2, 2))} for _ in range(3))
    check_grads(distance, (S, R), order=2, modes=("fwd", "rev"))
    zero = jax.tree.map(np.zeros_like, S)

    @jax.jit
    def derivatives(S, R):
        gradient = jax.grad(distance, argnums=(0, 1))
        along = jax.jvp(lambda S: distance(S, R), (S,), (direction,))
        return gradient(S, R), along, jax.jvp(gradient, (S, R), (direction, R))

    for pair in ((S, S), (zero, zero), (zero, R), (S, zero)):
        *first, second = derivatives(*pair)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((first, second)))
        if pair[0] is pair[1]:
            np.testing.assert_allclose(flat(first), 0, atol=1e-15)
            if distance is not losses.cosine_distance or pair[0] is zero:
                np.testing.assert_array_equal(flat(second[1]), 0)


def test_silence(bank):
    S = coefficients(bank, 2)
    zero = scaled(S, 0, 0, 0)
    np.testing.assert_array_equal(relative_distance(zero, zero), 0)
    np.testing.assert_allclose(relative_distance(S, zero), losses.distance(S, zero))
    np.testing.assert_allclose(relative_distance(zero, S), 1, rtol=1e-6)
    np.testing.assert_array_equal(losses.cosine_distance(zero, zero), 0)
    np.testing.assert_array_equal(losses.cosine_distance(S, zero), 1)
    np.testing.assert_array_equal(losses.cosine_distance(zero, S), 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_no_match(distance, bad):
    a, b = np.ones(3, np.float32), np.array([1, bad, 1], np.float32)
    assert not np.isfinite(distance(a, b))
    assert not np.isfinite(distance(b, a))


@pytest.mark.parametrize("exponent", [-100, 100])
def test_levels_change_nothing(distance, bank, exponent):
    """Neither squares nor their inverses underflow or overflow in float32."""
    S, R = coefficients(bank), coefficients(bank, seed=1)
    level = 2.0**exponent
    value, gradient = jax.value_and_grad(distance)(S, R)
    found, found_gradient = jax.value_and_grad(distance)(
        scaled(S, level, level, level), scaled(R, level, level, level)
    )
    degree = 1 if distance in (distance_1, losses.distance) else 0
    np.testing.assert_allclose(found, value * level**degree, rtol=1e-6)
    expected = flat(gradient) * level ** (degree - 1)
    np.testing.assert_allclose(flat(found_gradient), expected, atol=1e-6 * np.abs(expected).max())


def test_cosine_distance_is_exact_near_a_match():
    R = np.ones(1000, np.float32)
    S = R + np.float32(1e-4) * np.tile(np.array([1, -1], np.float32), 500)
    np.testing.assert_allclose(losses.cosine_distance(S, R), 0.5e-8, rtol=1e-3)


@pytest.mark.parametrize("options", [{}, {"T": 0}], ids=["dense", "by path"])
def test_path_weights(options):
    bank = jtfs_jax.filterbank(N, J=4, Q=2, J_fr=1, **options)
    S, R = coefficients(bank), coefficients(bank, seed=1)
    table = jtfs_jax.path_table(bank)
    of_kind = {"psi_t*phi_f": 3.0, "phi_t*phi_f": 0.0}
    cases = [
        (of_kind, [of_kind.get(kind, 1.0) for kind in table.kind]),
        (table.rate, table.rate),
        (table.spin > 0, table.spin > 0),
        (2, np.full(len(table), 2.0)),
    ]
    paths = [list(s.values()) if isinstance(s, dict) else s for s in (S.S2, R.S2)]
    of_paths = [np.sum(np.square(s - r)) for s, r in zip(*paths, strict=True)]
    of_wavelets = np.sum(np.square(S.S1 - R.S1), axis=-1)
    S1 = np.arange(len(of_wavelets))
    for S2, expected in cases:
        weights = losses.path_weights(bank, S0=0, S1=S1, S2=S2)
        square = np.sum(S1**2 * of_wavelets) + np.sum(np.square(expected) * of_paths)
        np.testing.assert_allclose(losses.distance(S, R, weights=weights), square**0.5, rtol=1e-5)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.usefixtures("standard_promotion")
def test_adam_on_a_quiet_sound(bank, relative):
    """Gradients with respect to a parameter survive float32 only if relative."""
    x = noise(N)

    @jax.jit
    @jax.grad
    def gradient(logarithm, bank, target):
        S = jtfs_jax.time_scattering(bank, 1e-12 * jnp.exp(logarithm) * x)
        return losses.distance(S, target, relative=relative)

    target = jtfs_jax.time_scattering(bank, np.float32(1e-12 * np.exp(0.5)) * x)
    logarithm, optimizer = jnp.float32(0), optax.adam(0.05)
    state, update = optimizer.init(logarithm), jax.jit(optimizer.update)
    for _ in range(40):
        step, state = update(gradient(logarithm, bank, target), state)
        logarithm = logarithm + step
    assert (abs(logarithm - 0.5) < 0.1) == relative


def test_compression_composes(bank):
    S, R = (scaled(coefficients(bank, seed=seed), 0, 1, 1) for seed in (0, 1))
    S, R = (jax.tree.map(np.abs, each) for each in (S, R))
    found = losses.distance(analysis.log_compress(S, 0.1), analysis.log_compress(R, 0.1))
    expected = np.linalg.norm(np.log1p(10 * flat(S)) - np.log1p(10 * flat(R)))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_weights_of_orders_go_by_name(bank):
    with pytest.raises(TypeError, match="positional"):
        losses.path_weights(bank, 2.0)  # pyright: ignore[reportCallIssue]


ERRORS = {
    "structure": (lambda bank, S: losses.distance(S, S.S1), "pytree structure of S"),
    "shapes": (
        lambda bank, S: losses.distance(S, jtfs_jax.JointScattering(S.S0, S.S1[:, 1:], S.S2)),
        "must have the shapes of S",
    ),
    "batches": (
        lambda bank, S: losses.cosine_distance(S, jax.tree.map(lambda leaf: leaf[:2], S)),
        r"broadcast to those of S, \(3,\), got \(2,\)",
    ),
    "p": (lambda bank, S: losses.distance(S, S, p=3), "p must be 1 or 2"),
    "weights": (lambda bank, S: losses.distance(S, S, weights={"S1": 1.0}), "weights must be"),
    "kind": (lambda bank, S: losses.path_weights(bank, S2={"S2": 1.0}), "kinds in S2 must be"),
    "paths": (lambda bank, S: losses.path_weights(bank, S2=np.ones(3)), r"S2 must be .* per path"),
    "wavelets": (lambda bank, S: losses.path_weights(bank, S1=np.ones(3)), "S1 must be"),
    "complex": (
        lambda bank, S: losses.path_weights(bank, S2=np.array(1j)),
        "must have real numbers",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, bank):
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        call(bank, coefficients(bank, 3))
