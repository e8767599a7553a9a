"""Which delays and transpositions of tones the transforms distinguish.

Signals, filters and bounds are taken from Wavespin's tests, except where stated.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jtfs_jax
from jtfs_jax import synth

pytestmark = pytest.mark.usefixtures("quick_compile")

N = 2048  # samples per second


def tones(frequencies, duration, *, delays: Any = 0, first=N // 2, **window):
    """Windowed tones, with the windows' length and the delay of each tone in samples."""
    t_c = (first + np.broadcast_to(delays, np.shape(frequencies))) / N
    grid: dict[str, Any] = {"n_samples": N, "sample_rate": N}
    return synth.windowed_tones(np.asarray(frequencies), t_c, duration / N, **grid, **window)


def relative_distances(bank, pairs):
    """Distances between the sounds of each pair, by time scattering and by JTFS paths with spin."""
    x = jnp.stack([jnp.stack(pair) for pair in pairs])
    S = jtfs_jax.time_scattering(bank, x)
    joint = jtfs_jax.jtfs(bank, x).S2[:, :, jtfs_jax.path_table(bank).spin != 0]

    def distance(*arrays):
        s = np.concatenate([np.reshape(array, (*x.shape[:2], -1)) for array in arrays], axis=-1)
        return np.linalg.norm(s[:, 1] - s[:, 0], axis=-1) / np.linalg.norm(s[:, 0], axis=-1)

    return distance(S.S0, S.S1, S.S2), distance(joint)


@pytest.mark.parametrize("oversampling", [0, 1])
def test_delays_are_told_by_jtfs_and_not_by_time_scattering(oversampling):
    """Time scattering depends on where second-order samples fall, unless all of them move together.

    With silence around the tones, the mean over the signal includes their complete responses.
    """
    silence = N // 2
    options: dict[str, Any] = {"J": 8, "Q": 8, "J_fr": 4, "Q_fr": 4, "F": 4, "pad_mode": "zero"}
    n = N + 2 * silence
    bank = jtfs_jax.filterbank(n, T="global", oversampling=oversampling, **options)
    multiple = 12 * 2 ** max(psi.j for psi in bank.wavelets2)

    def pair(delay, **window):
        both = [tones([170, 850], N // 6, first=614, delays=[0, d], **window) for d in (0, delay)]
        return [np.pad(x, silence) for x in both]

    pairs = [pair(792), pair(multiple), pair(792, taper=1.0)]
    by_time, joint = relative_distances(bank, pairs)
    assert np.all(by_time < [1e-5 if oversampling else 0.0012, 8e-6, 8e-6])
    assert np.all(joint > 0.2056)
    # With the abrupt windows of the first two, each tone reaches into the bands of the other.
    assert np.all(joint / by_time > [5e4 if oversampling else 1e4, 5e4, 6.2e4])


def test_delays_are_told_apart_in_practice():
    """Five tones, close enough to share bands, and T shorter than the signal."""
    bank = jtfs_jax.filterbank(N, J=9, Q=12, T=N // 2, J_fr=4, Q_fr=2, pad_mode="zero")
    partials = 1.4 ** np.arange(5)
    delays = np.floor(N // 6 * np.log2(partials) / np.log2(5))
    pair = [tones(102 * partials, N // 6, delays=d) for d in (0 * delays, delays)]
    by_time, joint = relative_distances(bank, [pair])
    assert joint > 6.5 * by_time


def test_wide_averages_over_frequency_ignore_transposition():
    partials = 1.6 ** np.arange(5)
    x = jnp.stack([tones(f * partials, N // 8) for f in (170, 170 / np.sqrt(2))])
    ratios = []
    distances = []
    for F in (32, 64):
        options: dict[str, Any] = {"normalize": "energy", "pad_mode_fr": "conj-reflect"}
        bank = jtfs_jax.filterbank(N, J=10, Q=16, J_fr=5, F=F, **options)
        table = jtfs_jax.path_table(bank)
        pairs = np.char.add(table.kind, table.spin.astype(str))
        S2 = np.asarray(jtfs_jax.jtfs(bank, x).S2)
        difference = np.linalg.norm(S2[0] - S2[1], axis=(1, 2))
        of_pairs = {}
        for pair in np.unique(pairs):
            norm = np.linalg.norm(S2[:, pairs == pair].reshape(2, -1), axis=1).mean()
            of_pairs[pair] = difference[pairs == pair] / norm
        distances.append(of_pairs)
    for pair, narrow in distances[0].items():
        wide = distances[1][pair]
        loud = (narrow > 1e-3 * narrow.max()) & (wide > 1e-3 * wide.max())
        ratios.append(np.where(loud, narrow / wide, 1))
    assert max(ratio.max() for ratio in ratios) > 2
    assert np.mean([ratio.mean() for ratio in ratios]) > 1.4
