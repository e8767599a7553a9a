"""Signals of any level, silence, and samples that are not numbers."""

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise, relative_error

import jtfs_jax
from jtfs_jax import _first_order, _time_wavelets

N = 512
BANK = jtfs_jax.filterbank(N, J=5, Q=4, J_fr=2)
TRANSFORMS = helpers.TRANSFORMS | {"jtfs_path": lambda bank, x: jtfs_jax.jtfs_path(bank, x, 17)}
OPTIONS = {
    "local": {},
    "global": {"T": "global", "F": "global"},
    "none": {"T": 0, "F": 0},
}
LEVELS = (1e-30, 1e-19, 1e-10, 1e10, 1e20, 1e30)


def waves(leaf):
    """Weights of coefficients, no two alike."""
    return jnp.cos(jnp.arange(leaf.size, dtype=leaf.dtype)).reshape(leaf.shape)


def weighted_sum(S):
    """A linear function of coefficients, whose gradient does not depend on the level."""
    return sum((waves(leaf) * leaf).sum() for leaf in jax.tree.leaves(S))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_homogeneous_over_the_range_of_float32(name, options, quick_compile):
    if options == "none" and name == "jtfs_path":
        pytest.skip("takes averages only")
    bank = jtfs_jax.filterbank(N, J=5, Q=4, J_fr=2, **OPTIONS[options])

    @jax.jit
    def of_each(x):
        """Coefficients, and the gradient of a linear function of each sound's coefficients."""
        S, pullback = jax.vjp(lambda x: TRANSFORMS[name](bank, x), x)
        weights = jax.tree.map(lambda s: jnp.broadcast_to(waves(s[0]), s.shape), S)
        return S, pullback(weights)[0]

    # One batch of very different sounds, because each has its own level.
    levels = np.array([1.0, *LEVELS], np.float32)
    S, gradients = of_each(levels[:, None] * noise(N))
    for index, level in enumerate(levels[1:].astype(float), start=1):
        scaled = [np.asarray(s[index], np.float64) / level for s in jax.tree.leaves(S)]
        assert relative_error(scaled, [s[0] for s in jax.tree.leaves(S)]) < 1e-5
        assert relative_error(gradients[index], gradients[0]) < 1e-5


def test_derivatives_at_any_level_are_those_of_the_transform(x64, quick_compile):
    # Three levels, each slightly above a power of two, so that the factored-out power matters.
    bank = jtfs_jax.filterbank(128, J=4, Q=2, J_fr=2, dtype=jnp.float64)
    direction, x = noise(2, 128, dtype=np.float64)

    def along(t, x):
        return weighted_sum(jtfs_jax.jtfs(bank, x + t * direction))

    first = jax.grad(along)
    derivatives = jax.jit(lambda t, x: (along(t, x), first(t, x), jax.grad(first)(t, x)))
    for c in (0.11, 1.0, 13.0):
        step = 1e-6 * c
        (below, slope_below, _), (above, slope_above, _) = (
            derivatives(t, c * x) for t in (-step, step)
        )
        _, slope, curvature = derivatives(0.0, c * x)
        assert slope == pytest.approx(float(above - below) / (2 * step), rel=1e-5)
        assert curvature == pytest.approx(float(slope_above - slope_below) / (2 * step), rel=1e-5)


def test_derivatives_with_respect_to_the_filters_grow_with_the_level(quick_compile):
    x = noise(N)
    of_filters = jax.grad(lambda bank, x: weighted_sum(jtfs_jax.jtfs(bank, x)))
    once, eightfold = of_filters(BANK, x), of_filters(BANK, 8 * x)
    assert relative_error(eightfold, jax.tree.map(lambda d: 8 * d, once)) < 1e-6
    # Euler's identity: U1 is linear in the filters of the first order.
    of_scalogram = jax.jvp(jtfs_jax.scalogram, (BANK, 8 * x), (BANK, 0 * x))[1]
    assert relative_error(of_scalogram, jtfs_jax.scalogram(BANK, 8 * x)) < 1e-5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_is_not_a_number_is_seen_in_every_coefficient(name, options, bad, quick_compile):
    if options == "none" and name == "jtfs_path":
        pytest.skip("takes averages only")
    bank = jtfs_jax.filterbank(N, J=5, Q=4, J_fr=2, **OPTIONS[options])
    x = noise(2, N)
    x[1, 7] = bad
    S = jax.jit(TRANSFORMS[name])(bank, x)
    good = TRANSFORMS[name](bank, x[:1])
    for together, alone in zip(jax.tree.leaves(S), jax.tree.leaves(good), strict=True):
        assert np.isfinite(together[0]).all()
        np.testing.assert_allclose(together[0], alone[0], rtol=1e-4, atol=1e-6)
    if hasattr(S, "S0"):
        assert not np.isfinite(S.S0[1]).all()  # the mean of an infinite sample is infinite
        S = S.S1, S.S2
    assert all(np.isnan(leaf[1]).all() for leaf in jax.tree.leaves(S))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_gradients_of_what_is_not_a_number_are_not_numbers(name, quick_compile):
    x = noise(2, N)
    x[1, 7] = np.nan
    gradient = jax.grad(lambda x: weighted_sum(TRANSFORMS[name](BANK, x)))(x)
    assert np.isfinite(gradient[0]).all()
    assert np.isnan(gradient[1]).all()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_silence_is_exactly_zero_among_loud_sounds(name, quick_compile):
    x = np.stack([np.zeros(N, np.float32), np.float32(1e30) * noise(N)])
    S = TRANSFORMS[name](BANK, x)
    assert all(np.all(leaf[0] == 0) for leaf in jax.tree.leaves(S))


@pytest.mark.parametrize("is_segmented", [False, True], ids=["one call", "segmented"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_gradient_traces_its_transform_once(name, is_segmented, monkeypatch):
    # Tracing a transform takes about a second, up to a tenth of its compilation.
    if is_segmented and name == "jtfs_path":
        pytest.skip("takes another argument")
    transform = jtfs_jax.segmented(TRANSFORMS[name]) if is_segmented else TRANSFORMS[name]
    # No other test has this filterbank, whose programs JAX would remember.
    bank, traced = jtfs_jax.filterbank(2 * N, J=5, Q=3, J_fr=2), []

    def spy(*arguments, **options):
        traced.append(arguments)
        return _time_wavelets.moduli_of_signals(*arguments, **options)

    monkeypatch.setattr(_first_order, "moduli_of_signals", spy)

    def loss(x):
        return sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(transform(bank, x)))

    def n_traced(function, n_sounds):
        traced.clear()
        jax.jit(function).trace(jax.ShapeDtypeStruct((n_sounds, 2 * N), jnp.float32))
        return len(traced)

    n_of_loss = n_traced(loss, 11)
    assert n_of_loss > 0
    # Batches of another size are retraced; segments, which have one shape, are not even retraced.
    assert n_traced(jax.value_and_grad(loss), 13) == (0 if is_segmented else n_of_loss)
