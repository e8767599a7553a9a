"""Metamers of one target moved apart: bound, distances, channels, lengths and errors."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise, relative_error

import jtfs_jax
from jtfs_jax.resynthesis import interchannel, mutual_distances, spread

N, BOUND = 512, 0.1
pytestmark = pytest.mark.usefixtures("quick_compile")


@functools.cache
def make_bank(n_samples=N, T=None):
    return jtfs_jax.filterbank(n_samples, J=4, Q=2, J_fr=1, T=T)


@pytest.fixture(scope="module")
def bank():
    return make_bank()


@pytest.fixture(scope="module")
def fine():
    return make_bank(T=4)


@functools.cache
def metamers(*shape, transform=jtfs_jax.jtfs, n_sounds=3, n_samples=N):
    """A target of chirps, and sounds close enough to it to count as metamers."""
    t = np.arange(shape[-1]) / N
    x = np.asarray(np.sin(300 * t + 400 * t**2) + 0.3 * noise(*shape), np.float32)
    return transform(make_bank(n_samples), x), x + 0.1 * noise(n_sounds, *shape, seed=1)


def errors_of(transform, bank, target, y):
    found = transform(bank, y)
    each = [jax.tree.map(lambda s, index=index: s[index], found) for index in range(len(y))]
    return np.array([relative_error(s, target) for s in each])


def mean_distance(distances):
    return np.sqrt(np.square(distances).sum() / (len(distances) * (len(distances) - 1)))


def literal_distance(a, b):
    return np.linalg.norm(a - b) / np.sqrt((np.sum(a**2) + np.sum(b**2)) / 2)


@pytest.mark.parametrize("scale", [1.0, 1e-25])
def test_distances_are_their_definition(fine, scale):
    y = noise(3, N) * np.float32(scale)
    s1 = np.asarray(jtfs_jax.time_scattering(fine, y).S1, np.float64) / scale
    wanted = [[literal_distance(a, b) for b in s1] for a in s1]
    np.testing.assert_allclose(mutual_distances(fine, y), wanted, atol=1e-5)


def test_distances_of_extremes(fine):
    """Distances of copies, of unrelated sounds, and of silence."""
    x = noise(N)
    tones = np.sin(np.outer([0.1, 2.0], np.arange(N))).astype(np.float32)
    np.testing.assert_allclose(mutual_distances(fine, np.stack([x, x])), 0, atol=1e-3)
    assert mutual_distances(fine, tones)[0, 1] == pytest.approx(np.sqrt(2), abs=0.02)
    found = mutual_distances(fine, np.stack([0 * x, x, 0 * x]))
    np.testing.assert_allclose(found[0], [0, np.sqrt(2), 0], rtol=1e-5)


def test_distances_of_batches_and_channels(fine):
    y = noise(3, 2, N)
    each = [mutual_distances(fine, y[:, index]) for index in range(2)]
    np.testing.assert_allclose(mutual_distances(fine, y), np.stack(each), atol=1e-6)
    s1 = np.asarray(jtfs_jax.time_scattering(fine, y).S1)
    together = mutual_distances(fine, y, interchannel=True)
    assert together.shape == (3, 3)
    assert together[0, 1] == pytest.approx(literal_distance(s1[0], s1[1]), rel=1e-4)


def test_distances_in_segments_are_those_of_one_call(fine):
    y = noise(2, 8 * N)
    whole = jtfs_jax.filterbank(8 * N, J=4, Q=2, T=4)
    found = mutual_distances(jtfs_jax.filterbank(None, J=4, Q=2, T=4), y)
    np.testing.assert_allclose(found, mutual_distances(whole, y), atol=1e-4)


def test_metamers_move_apart_within_the_bound(bank, fine):
    target, y = metamers(N)
    found = spread(bank, target, y, fine, max_error=BOUND, n_steps=20)
    assert found.y.shape == y.shape
    np.testing.assert_allclose(found.start_distances, mutual_distances(fine, y), atol=1e-4)
    np.testing.assert_allclose(found.distances, mutual_distances(fine, found.y), atol=1e-4)
    assert mean_distance(found.distances) > 1.2 * mean_distance(found.start_distances)
    assert (found.error < BOUND).all()
    wanted = errors_of(jtfs_jax.jtfs, bank, target, found.y)
    np.testing.assert_allclose(found.error, wanted, rtol=1e-3)


@pytest.mark.parametrize("n_steps", [1, 2, 3, 7])
def test_no_step_leaves_the_bound_or_comes_nearer(bank, fine, n_steps):
    """No step leaves the bound, however little room there is at the start."""
    target, y = metamers(N)
    largest = errors_of(jtfs_jax.jtfs, bank, target, y).max()
    found = spread(bank, target, y, fine, max_error=1.001 * largest, n_steps=n_steps)
    assert (found.error < 1.001 * largest).all()
    again = spread(bank, target, found.y, fine, max_error=1.001 * largest, n_steps=n_steps)
    assert (again.error < 1.001 * largest).all()


def test_two_runs_are_one(bank, fine):
    target, y = metamers(N)
    options: Any = {"max_error": BOUND}
    states = []
    whole = spread(bank, target, y, fine, n_steps=7, callback=states.append, **options)
    assert len(states) == 8
    np.testing.assert_array_equal(states[-1].y[0], whole.y)
    stop = lambda _: True  # noqa: E731
    start = spread(bank, target, y, fine, n_steps=7, callback=stop, **options)
    np.testing.assert_allclose(start.y, y, atol=1e-6)
    first = spread(bank, target, y, fine, n_steps=3, state=start.state, **options)
    rest = spread(bank, target, y, fine, n_steps=4, state=first.state, **options)
    assert jax.tree.structure(rest) == jax.tree.structure(whole)
    for a, b in zip(jax.tree.leaves(rest), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"state must have sounds .* continue with the same"):
        spread(bank, target, y[:2], fine, n_steps=1, state=whole.state, **options)


def test_it_is_deterministic_and_free_of_scale(bank, fine):
    target, y = metamers(N)
    one, two = (spread(bank, target, y, fine, max_error=BOUND, n_steps=3) for _ in range(2))
    np.testing.assert_array_equal(one.y, two.y)
    quiet = jax.tree.map(lambda s: s * np.float32(2**-30), target)
    found = spread(bank, quiet, y * np.float32(2**-30), fine, max_error=BOUND, n_steps=3)
    np.testing.assert_allclose(found.y * 2**30, one.y, atol=1e-3)


def test_targets_of_a_batch_are_separate(bank, fine):
    """In another order, targets are moved in the same way."""
    transform = jtfs_jax.time_scattering
    target, y = metamers(2, N, transform=transform, n_sounds=2)
    options: Any = {"transform": transform, "max_error": BOUND, "n_steps": 3}
    found = spread(bank, target, y, fine, **options)
    reversed_target = jax.tree.map(lambda s: s[::-1], target)
    again = spread(bank, reversed_target, y[:, ::-1], fine, **options)
    assert found.error.shape == (2, 2)
    assert found.distances.shape == (2, 2, 2)
    np.testing.assert_allclose(again.error[:, ::-1], found.error, rtol=1e-2)
    np.testing.assert_allclose(again.distances[::-1], found.distances, atol=1e-3)


def test_sounds_of_several_channels_and_of_any_length():
    transform = interchannel(jtfs_jax.segmented(jtfs_jax.time_scattering))
    bank, fine = make_bank(None), make_bank(None, T=4)
    target, y = metamers(2, 1501, transform=transform, n_sounds=2, n_samples=None)
    found = spread(bank, target, y, fine, transform=transform, max_error=BOUND, n_steps=5)
    assert found.y.shape == y.shape
    assert (found.error < BOUND).all()
    wanted = errors_of(transform, bank, target, found.y)
    np.testing.assert_allclose(found.error, wanted, rtol=1e-3)
    distances = mutual_distances(fine, found.y, interchannel=True)
    np.testing.assert_allclose(found.distances, distances, atol=1e-4)
    assert found.distances[0, 1] > 1.1 * found.start_distances[0, 1]


def test_weights_are_those_of_the_error(bank, fine):
    target, y = metamers(N)
    joint: Any = jtfs_jax.JointScattering  # of weights instead of coefficients
    weights = joint(S0=0.0, S1=1.0, S2=0.0)
    found = spread(bank, target, y, fine, weights=weights, max_error=BOUND, n_steps=2)
    s1 = np.asarray(jtfs_jax.jtfs(bank, found.y).S1)
    wanted = [relative_error(one, target.S1) for one in s1]
    np.testing.assert_allclose(found.error, wanted, rtol=1e-3)


ERRORS = {
    "one sound": ({"y": 1}, "y must be at least two sounds"),
    "another target": ({"y": np.ones((2, 2, N), np.float32)}, r"y must be at least two .* 512\)"),
    "length": ({"y": np.ones((2, 999), np.float32)}, "999 samples"),
    "scalar": ({"y": np.float32(1)}, "y must have time"),
    "not metamers": ({"y": noise(2, N)}, "y must have errors less than max_error = 0.1, got .*;"),
    "NaN": ({"y": np.full((2, N), np.nan)}, "y must have errors less than"),
    "bound": ({"max_error": 0.0}, "max_error must be a positive number, got 0.0"),
    "steps": ({"n_steps": 0}, "n_steps must be an integer of at least 1"),
    "target": ({"target": np.ones(3)}, "target must have the structure that transform returns"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_invalid_arguments(bank, fine, case):
    changed, match = ERRORS[case]
    target, y = metamers(N)
    options = {"target": target, "y": y, "max_error": BOUND} | changed
    if case == "one sound":
        options["y"] = y[:1]
    with pytest.raises(ValueError, match=match):
        spread(bank, fine=fine, **options)


@pytest.mark.parametrize("y", [noise(N), np.ones((0, N), np.float32)], ids=["one axis", "none"])
def test_distances_need_sounds(fine, y):
    with pytest.raises(ValueError, match=r"y must have the axes \(sound"):
        mutual_distances(fine, y)
    with pytest.raises(ValueError, match="channel, time"):
        mutual_distances(fine, jnp.ones((2, N)), interchannel=True)
