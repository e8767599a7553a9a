"""Purposes of the options of `filterbank`: direction, energy, continuity."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise

import jtfs_jax

pytestmark = pytest.mark.usefixtures("quick_compile")


def exponential_chirp(n, low, high):
    t = np.linspace(0, 1, n)
    octaves = np.log(high / low)
    return np.cos(2 * np.pi * low / octaves * (np.exp(octaves * t) - 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "ratio"),
    [
        ({"preset": "sharp", "pad_mode": "zero"}, 1400),
        ({"preset": "sharp"}, 740),
        ({"preset": "sharp", "normalize": "energy", "pad_mode": "zero"}, 830),
        ({"preset": "sharp", "normalize": "energy"}, 446),
        ({"pad_mode": "zero"}, 109),
        ({}, 16),
    ],
)
def test_rising_is_separated_from_falling_as_the_readme_says(options, ratio):
    """In the setting of Wavespin's own test, its tight frames reach 829 and 336."""
    bank = jtfs_jax.filterbank(2048, J=(8, 6), Q=16, J_fr=4, Q_fr=2, F=4, **options)
    energies = np.sum(jtfs_jax.jtfs(bank, exponential_chirp(2048, 64, 1024)).S2 ** 2, axis=(1, 2))
    spin = jtfs_jax.path_table(bank).spin
    found = energies[spin == 1].sum() / energies[spin == -1].sum()
    assert found == pytest.approx(ratio, rel=0.03)


def tones_in_turn(n, shift):
    """Five tones, the higher ones later by up to `shift` samples."""
    t, duration = np.arange(n) / n, n // 6
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(duration // 4) / (duration // 4))
    window = np.ones(duration)
    window[: len(ramp)], window[-len(ramp) :] = ramp, ramp[::-1]
    x = np.zeros(n)
    for octaves in np.log2(1.4) * np.arange(5):
        start = (n - duration) // 2 + int(shift * octaves / np.log2(5))
        tone = np.zeros(n)
        tone[np.arange(start, start + duration) % n] = window
        x += tone * np.sin(2 * np.pi * (n // 20) * 2**octaves * t)
    return x


def test_delays_that_depend_on_frequency_are_heard_through_noise():
    """Wavespin's tight frames reach a ratio of 3.8."""
    n, rng = 2048, np.random.RandomState(0)  # the noise of that test
    options: dict[str, Any] = {"preset": "sharp", "normalize": "energy"}
    bank = jtfs_jax.filterbank(n, J=8, Q=16, T=n, J_fr=4, Q_fr=2, **options)
    is_joint = jtfs_jax.path_table(bank).spin != 0
    noise = np.sqrt(0.2) * rng.randn(n)
    x = np.stack([tones_in_turn(n, 0) + noise, tones_in_turn(n, n // 6) + noise])
    of_time = jtfs_jax.time_scattering(bank, x)
    flat = [np.asarray(s).reshape(2, -1) for s in (of_time.S0, of_time.S1, of_time.S2)]
    pair = np.concatenate(flat, axis=1), jtfs_jax.jtfs(bank, x).S2[:, is_joint]
    of_time, joint = (np.linalg.norm(a[1] - a[0]) / np.linalg.norm(a[0]) for a in pair)
    assert joint > 3.8 * of_time


def transfer_functions(groups, n):
    """Transfer function of each wavelet, on all bins."""
    hats = []
    for group in groups:
        for psi_hat in group.psi_hat:
            hats.append(np.zeros(n))
            hats[-1][np.arange(group.first_bin, group.stop_bin) % n] = psi_hat
    return np.array(hats)


@pytest.mark.parametrize(("normalize", "largest"), [("l1", 2e-7), ("energy", 0)])
def test_analytic_wavelets_hardly_answer_to_negative_frequencies(normalize, largest):
    bank = jtfs_jax.filterbank(1000, J=7, Q=(3, 1), analytic=True, normalize=normalize)
    n = bank.n_padded
    for groups in (bank.tables.groups1, bank.tables.groups2):
        hats = transfer_functions(groups, n)
        assert not np.any(hats[:, 0])
        negative = (hats[:, n // 2 + 1 :] ** 2).sum(1) / (hats**2).sum(1)
        assert negative.max() <= largest
        if normalize == "l1":
            np.testing.assert_allclose(np.abs(np.fft.ifft(hats)).sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("analytic", [False, True])
@pytest.mark.parametrize("Q", [1, 8, 16])
def test_energy_makes_a_tight_frame(Q, analytic):
    bank = jtfs_jax.filterbank(2**12, J=10, Q=Q, normalize="energy", analytic=analytic)
    n = bank.n_padded
    squares = (transfer_functions(bank.tables.groups1, n) ** 2).sum(0)
    f = np.arange(n // 2 + 1)
    total = (squares[f] + squares[-f]) / 2 + np.exp(-((f / n * 2**10 / 0.1) ** 2))
    assert total.max() < 1.0001
    lowest, highest = (int(bank.wavelets1[index].xi * n) for index in (-1, 0))
    assert total[lowest:highest].min() > 0.94
    assert total[:lowest].min() > 0.56


TIGHT: dict[str, Any] = {"normalize": "energy", "pad_mode_fr": "conj-reflect", "r_psi": 0.9}


def cells(positions, n):
    """Length of the part of [−½, n − ½) that each of these evenly spaced samples represents."""
    edges = (positions[1:] + positions[:-1]) / 2
    return np.diff(np.concatenate([[-0.5], edges, [n - 0.5]]))


def test_energy_is_kept():
    n = 360
    x = noise(n)
    options: dict[str, Any] = {"J": 7, "Q": (8, 3), "J_fr": 3, "Q_fr": 4, "preset": "sharp"} | TIGHT
    averaged = jtfs_jax.filterbank(n, **options | {"J_fr": None, "Q_fr": 1, "pad_mode_fr": None})
    s0 = np.asarray(jtfs_jax.time_scattering(averaged, x).S0)
    energy = s0**2 @ cells(jtfs_jax.frame_times(averaged), n)
    bank = jtfs_jax.filterbank(n, T=0, F=0, **options)
    n_live = dict.fromkeys([-1], len(bank.wavelets1))
    for second in bank.tables.second:
        n_live |= dict.fromkeys(second.group.members, second.n_live)
    for (n2, n_fr), u2 in jtfs_jax.jtfs(bank, x).S2.items():
        j_fr = bank.wavelets_fr[(n_fr - 1) % len(bank.wavelets_fr)].j if n_fr else 3
        rows = cells(np.arange(len(u2)) * 2**j_fr, n_live[n2])
        energy += rows @ np.asarray(u2) ** 2 @ cells(jtfs_jax.frame_times(bank, n2=n2), n)
    assert 0.94 < energy / np.sum(x**2) < 1


def test_distances_contract():
    n = 256
    bank = jtfs_jax.filterbank(n, J=6, Q=(8, 1), J_fr=3, preset="sharp", **TIGHT)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, n)).astype(np.float32)
    # The distances range from small ones to about the norms of the signals.
    y = x * 0.9 + rng.uniform(0, 1, (20, 1)).astype(np.float32) * rng.standard_normal((20, n))
    Sx, Sy = (jtfs_jax.jtfs(bank, jnp.asarray(z, jnp.float32)) for z in (x, y))
    frames = cells(jtfs_jax.frame_times(bank), n)
    distance = ((Sx.S0 - Sy.S0) ** 2) @ frames
    distance += 8 * jnp.sum((Sx.S2 - Sy.S2) ** 2, axis=(1, 2)) @ frames
    assert np.all(distance < np.sum((x - y) ** 2, axis=-1))


def test_averages_over_all_are_the_limit_of_wide_ones():
    n = 512
    x = exponential_chirp(n, 1, n // 2)
    x += noise(n)
    options: dict[str, Any] = {"J": 9, "Q": 4, "J_fr": 5, "Q_fr": 2, "preset": "sharp"}
    energies = []
    widths: list[Any] = [(n, 34), ("global", "global")]
    for T, F in widths:
        bank = jtfs_jax.filterbank(n, T=T, F=F, pad_mode_fr="conj-reflect", **options)
        table = jtfs_jax.path_table(bank)
        S2 = np.asarray(jtfs_jax.jtfs(bank, x).S2)
        means = np.array([np.mean(S[:n] ** 2) for S, n in zip(S2, table.n_rows, strict=True)])
        pairs = np.char.add(table.kind, table.spin.astype(str))
        energies.append([means[pairs == pair].sum() for pair in np.unique(pairs)])
    np.testing.assert_allclose(*energies, rtol=0.03)


def test_reflected_rows_are_not_computed_again():
    """Moduli of conjugate reflections equal the rows' moduli, however far φ_F reaches."""
    options: dict[str, Any] = {"J": 7, "Q": 8, "J_fr": 5, "T": 1, "pad_mode_fr": "conj-reflect"}
    bank = jtfs_jax.filterbank(108, **options, preset="sharp", normalize="energy")
    for second in bank.tables.second:
        assert second.filters_fr is not None
        assert max(second.filters_fr.n_rows) <= second.n_live
