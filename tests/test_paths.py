"""Tables and coordinates against responses to signals with known modulations."""

import jax
import numpy as np
import pytest
import reference_filters
from helpers import noise, shapes

import jtfs_jax

N, FS = 8192, 8000.0
RATES = (12.0, 50.0, 100.0)

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=10, Q=8, J_fr=3, T=2**10)


def sounds():
    """Noise, tones modulated at `RATES`, and partials an octave apart."""
    t = np.arange(N) / FS
    tones = [(1 + np.cos(2 * np.pi * rate * t)) * np.sin(2 * np.pi * 1500 * t) for rate in RATES]
    partials = [np.sin(2 * np.pi * 3200 / 2**k * t + k) for k in range(6)]
    sounds = [noise(N, dtype=np.float64), *tones, np.sum(partials, axis=0)]
    return np.stack(sounds).astype(np.float32)


_cache = {}


@pytest.fixture
def S(bank, quick_compile):
    """Coefficients of all these sounds, compiled and computed once."""
    if not _cache:
        _cache["S"] = jax.tree.map(np.asarray, jtfs_jax.jtfs(bank, sounds()))
    return _cache["S"]


def test_one_entry_a_path(bank):
    table = jtfs_jax.path_table(bank)
    S2 = shapes(bank).S2
    assert len(table) == S2.shape[0]
    assert {len(getattr(table, name)) for name in table.__dataclass_fields__} == {len(table)}
    assert all(isinstance(getattr(table, name), np.ndarray) for name in table.__dataclass_fields__)


def test_order_of_paths(bank):
    table = jtfs_jax.path_table(bank)
    n_psi = len(bank.wavelets_fr)
    first = 1 + n_psi
    assert table.kind[:first].tolist() == ["phi_t*phi_f"] + ["phi_t*psi_f"] * n_psi
    assert table.spin[:first].tolist() == [0] * first
    of_n2 = ["psi_t*phi_f"] + ["psi_t*psi_f"] * 2 * n_psi
    assert table.kind[first : first + len(of_n2)].tolist() == of_n2
    assert table.spin[first : first + len(of_n2)].tolist() == [0] + [1] * n_psi + [-1] * n_psi
    assert np.all(np.diff(table.n2) >= 0)


def test_rows_beyond_the_live_ones_are_zero(bank, S):
    table = jtfs_jax.path_table(bank)
    for path, n_rows in zip(S.S2[0], table.n_rows, strict=True):
        assert np.all(path[:n_rows] > 0)
        assert not np.any(path[n_rows:])
    assert len(set(table.n_rows.tolist())) > 3


def test_tables_match_dictionaries():
    bank = jtfs_jax.filterbank(N, J=8, Q=6, J_fr=2, T=0, F=0)
    table = jtfs_jax.path_table(bank, sample_rate=FS)
    S2 = shapes(bank).S2
    assert list(S2) == list(zip(table.n2.tolist(), table.n_fr.tolist(), strict=True))
    for index, values in enumerate(S2.values()):
        n2, n_fr = int(table.n2[index]), int(table.n_fr[index])
        assert values.shape[0] == table.n_rows[index]
        assert values.shape[1] == len(jtfs_jax.frame_times(bank, n2=n2))
        assert values.shape[0] <= len(jtfs_jax.band_frequencies(bank, n_fr=n_fr))


def test_rate_is_that_of_the_modulation(bank, S):
    table = jtfs_jax.path_table(bank, sample_rate=FS)
    for rate, S2 in zip(RATES, S.S2[1:4], strict=True):
        energy = np.where(table.kind == "psi_t*phi_f", np.sum(S2**2, axis=(1, 2)), 0)
        found = table.rate[np.argmax(energy)]
        assert 2**-0.75 < found / rate < 2**0.75


def test_scale_is_that_of_the_ripples(bank, S):
    table = jtfs_jax.path_table(bank, sample_rate=FS)
    # Partials an octave apart: one cycle per octave, on every row of α = 0.
    energy = np.where(table.kind == "phi_t*psi_f", np.sum(S.S2[4] ** 2, axis=(1, 2)), 0)
    assert 0.5 < table.scale[np.argmax(energy)] < 2


def test_columns_are_those_of_the_filters(bank):
    """Compare in Hz and cycles/octave, and in cycles/sample without a sample rate."""
    psi1, psi2, psi_fr = (
        np.array(reference_filters.centers(J, Q)) for J, Q in ((10, 8), (10, 1), (3, 1))
    )
    phi_t, phi_f = ([0, reference_filters.SIGMA0 / 2**J] for J in (10, 3))
    for fs, options in ((1, {}), (FS, {"sample_rate": FS})):
        joint = jtfs_jax.path_table(bank, **options)
        rate = np.where(joint.n2[:, None] < 0, phi_t, psi2[joint.n2])
        n_psi = (joint.n_fr - 1) % len(psi_fr)
        scale = np.where(joint.n_fr[:, None] == 0, phi_f, psi_fr[n_psi])
        np.testing.assert_allclose(np.stack([joint.rate, joint.rate_bandwidth], 1), fs * rate)
        np.testing.assert_allclose(np.stack([joint.scale, joint.scale_bandwidth], 1), 8 * scale)
        time = jtfs_jax.time_path_table(bank, **options)
        first, second = psi1[time.n1], psi2[time.n2]
        np.testing.assert_allclose(np.stack([time.frequency, time.bandwidth], 1), fs * first)
        np.testing.assert_allclose(np.stack([time.rate, time.rate_bandwidth], 1), fs * second)
        assert time.j1.tolist() == [reference_filters.exponent(*psi) for psi in first]
        assert time.j2.tolist() == [reference_filters.exponent(*psi) for psi in second]


def test_coordinates(bank):
    frequencies = jtfs_jax.wavelet_frequencies(bank, sample_rate=FS)
    bands = jtfs_jax.band_frequencies(bank, sample_rate=FS)
    np.testing.assert_allclose(bands, frequencies[:: bank.stride_fr])
    with pytest.raises(ValueError, match="sample_rate must be a positive number"):
        jtfs_jax.path_table(bank, sample_rate=0)
    for n_fr in (-1, 1 + 2 * len(bank.wavelets_fr)):
        with pytest.raises(
            ValueError, match=rf"n_fr must be an integer between 0 and .* got {n_fr}"
        ):
            jtfs_jax.band_frequencies(bank, n_fr=n_fr)
    for n2 in (-2, len(bank.wavelets2)):
        with pytest.raises(ValueError, match=rf"n2 must be an integer between -1 and .* got {n2}"):
            jtfs_jax.frame_times(bank, n2=n2)


@pytest.mark.parametrize("n", [8192, 6001])
@pytest.mark.parametrize("T", [64, 300.0, "global"])
def test_frames_lie_where_they_say(n, T):
    bank = jtfs_jax.filterbank(n, J=7, Q=4, T=T)
    times = jtfs_jax.frame_times(bank, sample_rate=FS)
    assert shapes(bank, transform=jtfs_jax.time_scattering).S0.shape == times.shape
    if T != "global":
        # The smooth response to an impulse is centered on the impulse.
        assert bank.stride is not None
        position = 2000
        impulse = np.eye(1, n, position, np.float32)[0]
        # Only what S0 needs is compiled.
        S0 = np.asarray(jax.jit(lambda x: jtfs_jax.time_scattering(bank, x).S0)(impulse))
        assert abs(np.sum(S0 * times) / np.sum(S0) - position / FS) < 0.05 * bank.stride / FS


def test_time_paths(bank):
    table = jtfs_jax.time_path_table(bank, sample_rate=FS)
    assert len(table) == shapes(bank, transform=jtfs_jax.time_scattering).S2.shape[0]
    assert np.all(table.j2 > table.j1)
    paths = list(zip(table.n1.tolist(), table.n2.tolist(), strict=True))
    assert paths == sorted(set(paths))


def test_path_table_needs_frequential_wavelets():
    with pytest.raises(ValueError, match="J_fr"):
        jtfs_jax.path_table(jtfs_jax.filterbank(N, J=8, Q=4))


def test_tables_do_not_depend_on_values(bank):
    without_values = jax.eval_shape(lambda: bank)
    assert np.array_equal(jtfs_jax.path_table(without_values).rate, jtfs_jax.path_table(bank).rate)


@pytest.mark.parametrize("sample_rate", [FS, None])
def test_words_for_paths_say_what_the_table_says(bank, sample_rate):
    table = jtfs_jax.path_table(bank, sample_rate=sample_rate)
    seen = set()
    for p in range(len(table)):
        words = jtfs_jax.describe_path(bank, p, sample_rate=sample_rate)
        assert words not in seen
        seen.add(words)
        rate, scale, *direction = words.split(", ")
        assert direction == {1: ["rising"], -1: ["falling"], 0: []}[int(table.spin[p])]
        if table.rate[p]:
            number, unit = rate.split(" ")
            assert unit == ("cycles/sample" if sample_rate is None else "Hz")
            assert float(number) == pytest.approx(table.rate[p], rel=0.05)
        else:
            assert rate == "steady"
        if table.scale[p]:
            assert scale.endswith(" cycles/octave")
            assert float(scale.split(" ")[0]) == pytest.approx(table.scale[p], rel=0.05)
        else:
            assert scale == "all bands together"


def test_words_for_no_path(bank):
    with pytest.raises(ValueError, match="index must be an integer between 0 and"):
        jtfs_jax.describe_path(bank, 999)
    with pytest.raises(ValueError, match="J_fr"):
        jtfs_jax.describe_path(jtfs_jax.filterbank(256, J=4, Q=4), 0)
