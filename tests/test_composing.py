"""Targets composed from coefficients, against sounds with such coefficients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import bursts, relative_error

import jtfs_jax
from jtfs_jax.resynthesis._edit import morph, scale_paths, swap_spins

pytestmark = pytest.mark.usefixtures("quick_compile")

N = 2048
# J is small enough not to reach the silent ends of the sounds.
OPTIONS = {
    "dense": {"T": 2**6},
    "global": {"T": "global"},
    "no averaging in frequency": {"T": 2**6, "F": 0},
    "no averaging in time": {"T": 0},
}


@pytest.fixture(scope="module", params=OPTIONS)
def bank(request):
    return jtfs_jax.filterbank(N, J=6, Q=6, J_fr=2, **OPTIONS[request.param])


@pytest.fixture(scope="module")
def dense():
    return jtfs_jax.filterbank(N, J=6, Q=6, J_fr=2, **OPTIONS["dense"])


def one_by_one(S):
    return [jax.tree.map(lambda leaf, index=index: leaf[index], S) for index in range(2)]


@pytest.fixture(scope="module")
def S(bank):
    return transformed(bank, bursts(N))


@pytest.fixture(scope="module")
def S_dense(dense):
    return transformed(dense, bursts(N))


def transformed(bank, x, transform=jtfs_jax.jtfs):
    """Coefficients in NumPy, which needs no compilation."""
    return jax.tree.map(np.asarray, transform(bank, x))


def chirp():
    t = np.arange(N) / N
    phase = 2 * np.pi * N * 0.02 * (2 ** (3 * t) - 1) / (3 * np.log(2))
    return (np.sin(phase) * np.hanning(N)).astype(np.float32)


def paths(bank, S):
    return list(jtfs_jax.by_path(bank, S).values())


def test_swapped_spins_are_those_of_the_reversed_sound(bank, S):
    # Time 0 stays fixed, and so does the grid of frames.
    backward = transformed(bank, np.roll(bursts(N)[:, ::-1], 1, axis=-1))
    forward = S
    if bank.T != "global":
        forward = jax.tree.map(lambda s: np.roll(s[..., ::-1], 1, axis=-1), S)
    swapped = swap_spins(bank, forward)
    np.testing.assert_allclose(swapped.S1, backward.S1, atol=1e-4 * np.max(backward.S1))
    assert relative_error(swapped.S2, backward.S2) < 1e-4
    assert relative_error(forward.S2, backward.S2) > 1e-2


def test_a_rising_chirp_falls_once_swapped():
    bank = jtfs_jax.filterbank(N, J=8, Q=12, J_fr=4, T="global")
    rising, falling = one_by_one(transformed(bank, np.stack([chirp(), chirp()[::-1]])))
    assert relative_error(swap_spins(bank, rising).S2, falling.S2) < 0.05
    assert relative_error(rising.S2, falling.S2) > 0.5


def test_swapping_twice_changes_nothing(bank, S):
    swapped = swap_spins(bank, S)
    jax.tree.map(np.testing.assert_array_equal, swap_spins(bank, swapped), S)
    stays = jtfs_jax.path_table(bank).spin == 0
    for before, after, same in zip(paths(bank, S), paths(bank, swapped), stays, strict=True):
        assert np.array_equal(before, after) == same
    np.testing.assert_array_equal(swapped.S0, S.S0)
    np.testing.assert_array_equal(swapped.S1, S.S1)


def test_swapping_is_its_own_transpose(bank, S):
    first, w = one_by_one(S)
    _, transpose = jax.vjp(lambda S: swap_spins(bank, S), first)
    jax.tree.map(
        np.testing.assert_array_equal,
        transpose(jax.tree.map(jnp.asarray, w))[0],
        swap_spins(bank, w),
    )


def test_batches(bank, S):
    gain = jnp.arange(len(jtfs_jax.path_table(bank)))
    for function in (swap_spins, lambda bank, S: scale_paths(bank, S, gain)):
        mapped = jax.vmap(function, in_axes=(None, 0))(bank, S)
        jax.tree.map(np.testing.assert_array_equal, mapped, function(bank, S))


def test_gains_reach_their_paths_alone(bank, S):
    table = jtfs_jax.path_table(bank)
    gain = np.where(table.rate < 0.02, 1.0, 0.25)
    assert 0.25 in gain
    assert 1.0 in gain
    scaled = scale_paths(bank, S, gain)
    for before, after, factor in zip(paths(bank, S), paths(bank, scaled), gain, strict=True):
        np.testing.assert_array_equal(after, before * np.float32(factor))
    np.testing.assert_array_equal(scaled.S0, S.S0)
    np.testing.assert_array_equal(scaled.S1, S.S1)


def test_masks(bank, S):
    table = jtfs_jax.path_table(bank)
    masked = scale_paths(bank, S, table.spin >= 0)
    for path, spin in zip(paths(bank, masked), table.spin, strict=True):
        assert np.any(np.asarray(path)) == (spin >= 0)


def test_gradient_of_gains_is_what_they_scale(bank, S):

    def total(gain):
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(scale_paths(bank, S, gain).S2))

    gradient = jax.grad(total)(jnp.zeros(len(jtfs_jax.path_table(bank))))
    np.testing.assert_allclose(gradient, [np.sum(path) for path in paths(bank, S)], rtol=1e-5)


@pytest.mark.parametrize("transform", [jtfs_jax.jtfs, jtfs_jax.time_scattering])
def test_halfway_lies_the_sound_that_is_one_and_then_the_other(transform):
    bank = jtfs_jax.filterbank(N, J=6, Q=6, J_fr=2, T="global")
    a, b = np.roll(bursts(N)[0], -N // 4), np.zeros(N, np.float32)
    b[5 * N // 8 : 7 * N // 8] = chirp()[::4]
    S_a, S_b = one_by_one(transformed(bank, np.stack([a, b]), transform))
    both, _ = one_by_one(transformed(bank, np.stack([a + b, b]), transform))
    twice = jax.tree.map(lambda leaf: 2 * leaf, morph(S_a, S_b, 0.5))
    np.testing.assert_allclose(twice.S1, both.S1, atol=1e-3 * np.max(both.S1))
    additive = np.ones(len(both.S2), bool)
    if transform is jtfs_jax.jtfs:
        # Interference along log-frequency, in the only frame that both sounds share.
        additive = jtfs_jax.path_table(bank).kind != "phi_t*psi_f"
        assert np.all(twice.S2 >= (1 - 1e-3) * both.S2)
    np.testing.assert_allclose(
        twice.S2[additive], both.S2[additive], atol=2e-3 * np.max(both.S2[additive])
    )


def test_morph_ends_at_its_sounds(bank, S):
    S_a, S_b = one_by_one(S)
    jax.tree.map(np.testing.assert_array_equal, morph(S_a, S_b, 0), S_a)
    jax.tree.map(np.testing.assert_array_equal, morph(S_a, S_b, 1.0), S_b)


def test_morph_in_the_course_of_time(S_dense):
    S_a, S_b = one_by_one(S_dense)
    amount = np.linspace(0, 1, N // 2**6)
    morphed = morph(S_a, S_b, amount)
    for frame in (0, 16, 31):
        still = morph(S_a, S_b, amount[frame])
        for x, y in zip(jax.tree.leaves(morphed), jax.tree.leaves(still), strict=True):
            np.testing.assert_allclose(x[..., frame], y[..., frame], rtol=1e-6)


def test_several_amounts_at_once(S_dense):
    S_a, S_b = one_by_one(S_dense)
    stages = jax.vmap(morph, in_axes=(None, None, 0))(S_a, S_b, jnp.array([0.0, 0.5, 1.0]))
    assert stages.S2.shape == (3, *S_a.S2.shape)
    np.testing.assert_allclose(stages.S2[1], (S_a.S2 + S_b.S2) / 2, rtol=1e-6)


def test_gradients_are_finite_at_silence(dense, S_dense):
    silence = jax.tree.map(jnp.zeros_like, S_dense)

    def total(S, amount):
        target = morph(swap_spins(dense, S), S, amount)
        return jnp.sum(scale_paths(dense, target, jnp.ones(S.S2.shape[-3])).S2)

    gradient = jax.grad(total, argnums=(0, 1))(silence, 0.5)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_errors(dense, S_dense):
    S = S_dense
    n_paths = S.S2.shape[-3]
    gain = np.ones(n_paths)
    other = jtfs_jax.filterbank(N, J=6, Q=6, J_fr=3, T=2**6)
    of_time = jtfs_jax.TimeScattering(S.S0, S.S1, S.S2[:, 0])
    paths = jtfs_jax.JointScattering(S.S0, S.S1, {(-1, 0): S.S2[:, 0], (0, 0): S.S2[:, 0, :, :7]})
    first, _ = one_by_one(S)
    cases = [
        (lambda: swap_spins(other, S), "S must have the .* paths of bank"),
        (lambda: swap_spins(other, paths), "a dictionary of 2 paths"),
        (lambda: swap_spins(dense, of_time), "got a TimeScattering"),
        (lambda: swap_spins(jtfs_jax.filterbank(N, J=6, Q=6), S), "J_fr=None"),
        (lambda: scale_paths(other, S, gain), "S must have the .* paths of bank"),
        (lambda: scale_paths(dense, S, gain[1:]), rf"\({n_paths},\), .* got shape"),
        (lambda: scale_paths(dense, S, 2.0), r"gain must be an array .* got shape \(\)"),
        (lambda: scale_paths(dense, S, list(gain)), "got list"),
        (lambda: scale_paths(dense, S, 1j * gain), "gain must have real numbers"),
        (lambda: morph(S, of_time, 0.5), "got a TimeScattering"),
        (lambda: morph(S, first, 0.5), "S_b must have the shapes of S_a"),
        (lambda: morph(S, S, np.ones(3)), r"amount must be .* got shape \(3,\)"),
        (lambda: morph(paths, paths, np.ones(N // 2**6)), "amount must be .* T=0"),
    ]
    for call, match in cases:
        with pytest.raises(ValueError, match=match):
            call()
