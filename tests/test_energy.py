"""Energies, ratios and distances, against literal sums and known properties of sounds."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import bursts, noise

import jtfs_jax
from jtfs_jax import analysis, synth

N = 512
OPTIONS = {
    "dense": {"T": 2**4, "F": 4, "stride": 8, "stride_fr": 2},
    "global": {"T": "global", "F": "global"},
    "not averaged": {"T": 0, "F": 0},
}
pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture(scope="module", params=OPTIONS)
def bank(request):
    return jtfs_jax.filterbank(N, J=4, Q=4, J_fr=2, **OPTIONS[request.param])


@pytest.fixture(scope="module")
def dense():
    return jtfs_jax.filterbank(N, J=4, Q=4, J_fr=2, **OPTIONS["dense"])


def chirp():
    x = synth.exponential_chirp(0.02, 0.3, n_samples=N, sample_rate=1.0)
    return np.asarray(x) * np.hanning(N).astype(np.float32)


def test_energies_of_all_samples_are_sums_of_squares():
    options: dict[str, Any] = {"T": 16, "F": 4, "stride": 1, "stride_fr": 1}
    bank = jtfs_jax.filterbank(N, J=4, Q=4, J_fr=2, **options)
    S = jtfs_jax.jtfs(bank, noises(N))
    pairs, table = analysis.pair_energies(bank, S), jtfs_jax.path_table(bank)
    squares = np.square(np.asarray(S.S2, float)).sum((-2, -1))
    np.testing.assert_allclose(analysis.path_energies(bank, S), squares, rtol=1e-5)
    assert list(pairs) == ["S0", "S1", *dict.fromkeys(map(str, sorted(set(table.kind))))]
    for kind in set(table.kind):
        np.testing.assert_allclose(pairs[kind], squares[:, table.kind == kind].sum(1), rtol=1e-5)
    np.testing.assert_allclose(pairs["S1"], np.square(S.S1).sum((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(pairs["S0"], np.square(S.S0).sum(1), rtol=1e-5)


def test_energies_of_means_count_for_all_samples_and_rows():
    bank = jtfs_jax.filterbank(N, J=4, Q=4, J_fr=2, T="global", F="global")
    S = jtfs_jax.jtfs(bank, noises(N))
    dense = jtfs_jax.filterbank(N, J=4, Q=4, J_fr=2, F=4, stride_fr=1)
    n_live = jtfs_jax.path_table(dense).n_rows  # each of them is a band
    assert len(set(n_live)) > 2
    expected = np.square(S.S2[..., 0, 0]) * N * n_live
    np.testing.assert_allclose(analysis.path_energies(bank, S), expected, rtol=1e-5)


def test_energies_without_averages():
    bank = jtfs_jax.filterbank(N, J=4, Q=4, T=0)
    S = jtfs_jax.time_scattering(bank, bursts(N))
    table = jtfs_jax.time_path_table(bank)
    squares = np.stack([np.square(s).sum(-1) for s in S.S2.values()], axis=-1)
    np.testing.assert_allclose(analysis.path_energies(bank, S), squares * table.stride, rtol=1e-4)
    np.testing.assert_allclose(analysis.pair_energies(bank, S)["S1"], np.square(S.S1).sum((1, 2)))


def noises(n):
    """Two noises; the second decays, so its beginning matters most."""
    x = noise(2, n, seed=n)
    x[1] *= np.exp(-np.arange(n) / 100, dtype=np.float32)
    return x


SAMPLINGS: dict[str, tuple[int, dict[str, Any]]] = {
    "by reflections": (700, {"T": 128, "F": 8}),
    "by conjugate reflections": (515, {"T": 90.0, "F": 5.5, "preset": "sharp"}),
    "by zeros": (600, {"T": 64, "F": 8, "pad_mode": "zero"}),
    "periodically": (640, {"T": 32, "F": 4, "pad_mode": "periodic"}),
    "wide": (600, {"T": 600, "F": 16}),
    "narrow": (300, {"T": 1.5, "F": 1}),
}


@pytest.mark.parametrize(
    ("name", "pad_mode_fr"),
    [
        *((name, "zero") for name in SAMPLINGS),
        ("by reflections", "conj-reflect"),
        ("wide", "conj-reflect"),
    ],
)
def test_energies_do_not_depend_on_strides(name, pad_mode_fr):
    n, averages = SAMPLINGS[name]
    options: dict[str, Any] = {"J": 6, "Q": 8, "J_fr": 3, "pad_mode_fr": pad_mode_fr, **averages}
    x, totals = noises(n), []
    strided: list[dict[str, Any]] = [{"stride": 1, "stride_fr": 1}, {}, {"stride_fr": 1}]
    for strides in strided:
        bank = jtfs_jax.filterbank(n, **options, **strides)
        totals.append(analysis.pair_energies(bank, jtfs_jax.jtfs(bank, x)))
    dense, *others = [np.stack(list(total.values())) for total in totals]
    for other in others:
        # With zero padding, rows fade at the ends in a way that depends on the sound.
        np.testing.assert_allclose(other, dense, rtol=0.01 if pad_mode_fr != "zero" else 0.02)
        np.testing.assert_allclose(other[2:].sum(0), dense[2:].sum(0), rtol=0.01)


@pytest.mark.parametrize("T", [1024, 100.0, 1, "global"])
def test_constants_have_their_energy_in_the_first_average(T):
    bank = jtfs_jax.filterbank(1500, J=10, Q=8, T=T)
    x = np.full(1500, 0.3, np.float32)
    fractions = analysis.energy_fractions(bank, x, jtfs_jax.time_scattering(bank, x))
    np.testing.assert_allclose(fractions["S0"], 1, rtol=1e-5)
    assert fractions["S1"] < 1e-9
    assert fractions["S2"] < 1e-9


@pytest.mark.parametrize("T", [64, 200.0, "global"])  # at least as wide as 2**J
@pytest.mark.parametrize("preset", ["kymatio", "sharp"])
def test_tight_frames_have_at_most_the_energy_of_the_signal(preset, T):
    n = 500
    tight: dict[str, Any] = {"normalize": "energy", "pad_mode_fr": "conj-reflect"}
    bank = jtfs_jax.filterbank(n, J=6, Q=8, J_fr=3, T=T, preset=preset, **tight)
    x = np.concatenate([noises(n), chirp()[None, :n], np.cumsum(noises(n), axis=-1) / 10])
    fractions = analysis.energy_fractions(bank, x, jtfs_jax.jtfs(bank, x))
    assert np.all(sum(fractions.values()) < 1.001)


def test_scalograms_keep_the_energy_that_the_littlewood_paley_sum_says():
    bank = jtfs_jax.filterbank(N, J=4, Q=4, T=0)
    x = bursts(N)
    S = jtfs_jax.time_scattering(bank, x)
    padded = np.zeros((2, bank.n_padded))
    padded[:, :N] = x
    spectrum = np.abs(np.fft.rfft(padded)) ** 2
    spectrum[:, 1:-1] *= 2
    kept = (spectrum * analysis.littlewood_paley(bank, "first").wavelets).sum(1) / bank.n_padded
    fractions = analysis.energy_fractions(bank, x, S)
    np.testing.assert_allclose(fractions["S1"], kept / (x**2).sum(1), rtol=1e-3)
    np.testing.assert_allclose(fractions["S0"], 1, rtol=1e-5)
    assert fractions["S2"].shape == (2,)


def test_fractions_of_the_joint_transform(dense):
    x = bursts(N)
    S = jtfs_jax.jtfs(dense, x)
    pairs, found = analysis.pair_energies(dense, S), analysis.energy_fractions(dense, x, S)
    expected = (pairs["psi_t*phi_f"] + pairs["psi_t*psi_f"]) / (x**2).sum(1)
    np.testing.assert_allclose(found["S2"], expected, rtol=1e-5)
    louder = analysis.energy_fractions(dense, 3 * x, jtfs_jax.jtfs(dense, 3 * x))
    np.testing.assert_allclose(louder["S1"], found["S1"], rtol=1e-4)
    silent = analysis.energy_fractions(dense, 0 * x, jtfs_jax.jtfs(dense, 0 * x))
    assert all(np.all(np.asarray(fraction) == 0) for fraction in silent.values())


def test_time_reversal_inverts_spin_ratios(bank):
    x = np.stack([chirp(), chirp()[::-1]])
    S = jtfs_jax.jtfs(bank, x)
    rising, falling = analysis.spin_ratio(bank, S)
    assert rising > 5
    ratios = np.asarray(analysis.spin_ratios(bank, S), float)
    table = jtfs_jax.path_table(bank)
    energies = np.asarray(analysis.path_energies(bank, S), float)
    up, down = energies[0, table.spin == 1], energies[0, table.spin == -1]
    np.testing.assert_allclose(ratios[0].ravel(), up / down, rtol=1e-4)
    np.testing.assert_allclose(rising, up.sum() / down.sum(), rtol=1e-4)
    # Means equal the means of the reversed signal; frames are not mirrored onto frames.
    np.testing.assert_allclose(falling, 1 / rising, rtol=0.01 if bank.T == "global" else 0.15)


def test_what_is_symmetric_in_time_neither_rises_nor_falls(dense):
    x = chirp()
    S = jtfs_jax.jtfs(dense, np.stack([x + x[::-1], 0 * x]))
    np.testing.assert_allclose(analysis.spin_ratio(dense, S), 1, rtol=0.02)
    assert np.all(analysis.spin_ratios(dense, S)[1] == 1)


@pytest.mark.parametrize("transform", [jtfs_jax.jtfs, jtfs_jax.time_scattering])
def test_distances_of_pairs(dense, transform):
    S, target = transform(dense, 3 * bursts(N)), transform(dense, bursts(N))
    found = analysis.pair_distances(dense, S, target)
    assert list(found) == list(analysis.pair_energies(dense, target))
    for distance in found.values():
        np.testing.assert_allclose(distance, 2, rtol=1e-4)
    for distance in analysis.pair_distances(dense, target, S).values():
        np.testing.assert_allclose(distance, 2 / 3, rtol=1e-4)
    S = transform(dense, chirp()[None].repeat(2, axis=0))
    error = np.linalg.norm(S.S1 - target.S1, axis=(1, 2))
    expected = error / np.linalg.norm(target.S1, axis=(1, 2))
    found = analysis.pair_distances(dense, S, target)
    np.testing.assert_allclose(found["S1"], expected, rtol=1e-4)


def test_measures_are_differentiable_at_matches_and_silence(dense):
    S = jtfs_jax.jtfs(dense, bursts(N))

    def measures(S):
        distances = analysis.pair_distances(dense, S, S).values()
        return sum(jnp.sum(d) for d in distances) + jnp.sum(analysis.spin_ratio(dense, S))

    for point in (S, jax.tree.map(jnp.zeros_like, S)):
        gradient = jax.grad(measures)(point)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_what_is_not_a_number_stays_so(dense):
    target = jtfs_jax.jtfs(dense, bursts(N))
    x = bursts(N)
    x[1, N // 2] = np.nan
    S = jtfs_jax.jtfs(dense, x)
    ratios = {
        "of paths": analysis.spin_ratios(dense, S),
        "spin": analysis.spin_ratio(dense, S),
        **analysis.energy_fractions(dense, x, S),
        **analysis.pair_distances(dense, S, target),
    }
    for ratio in ratios.values():
        assert np.isfinite(ratio[0]).all()
        assert np.isnan(ratio[1]).all()
    assert all(np.isnan(d[1]) for d in analysis.pair_distances(dense, target, S).values())


def test_batches_are_stacks(dense):
    S = jtfs_jax.jtfs(dense, bursts(N))
    for measure in (analysis.path_energies, analysis.spin_ratio, analysis.spin_ratios):
        found = jax.vmap(measure, (None, 0))(dense, S)
        np.testing.assert_allclose(found, measure(dense, S), rtol=1e-5)


def test_where_no_wavelet_of_the_second_order_acts():
    bank = jtfs_jax.filterbank(64, J=1, Q=1, J_fr=1)
    x = noise(64)
    S = jtfs_jax.jtfs(bank, x)
    energies = analysis.pair_energies(bank, S)
    assert energies["phi_t*phi_f"] > 0
    assert energies["psi_t*phi_f"] == energies["psi_t*psi_f"] == 0
    assert analysis.energy_fractions(bank, x, S)["S2"] == 0
    assert analysis.spin_ratio(bank, S) == 1


def test_errors_of_energies(dense):
    S = jtfs_jax.jtfs(dense, bursts(N))
    other = jtfs_jax.filterbank(N, J=5, Q=4, J_fr=2)
    of_time = jtfs_jax.time_scattering(dense, bursts(N))
    with pytest.raises(ValueError, match="paths of bank"):
        analysis.path_energies(jtfs_jax.filterbank(N, J=6, Q=6, J_fr=2), S)
    with pytest.raises(ValueError, match="paths of bank"):
        analysis.pair_energies(other, of_time)
    with pytest.raises(ValueError, match="result of jtfs or time_scattering"):
        analysis.path_energies(dense, S.S2)
    with pytest.raises(ValueError, match="result of jtfs"):
        analysis.spin_ratio(dense, of_time)
    with pytest.raises(ValueError, match="S must have the shapes of target"):
        analysis.pair_distances(dense, S, jax.tree.map(lambda leaf: leaf[0], S))
    with pytest.raises(ValueError, match="batch axes of x"):
        analysis.energy_fractions(dense, bursts(N)[0], S)
