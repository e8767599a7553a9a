"""Retrieval of chirps on a small scale: 64 chirps of 4,096 samples."""

import numpy as np
import pytest

import jtfs_jax
from experiments import retrieval

SETTING = retrieval.Setting(f_m=(4.0, 16.0), J=9, T="global", mean="geometric", n_samples=2**12)
N_VALUES = 4


@pytest.fixture(scope="module")
def theta():
    return retrieval.grid(SETTING, N_VALUES)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Features under four representations, and the folder that stores them."""
    cache = tmp_path_factory.mktemp("cache")
    names = ("modulation spectrum", "Gabor features", "time scattering, Q=1", "JTFS, Q=8")
    return cache, {name: retrieval.extract(SETTING, name, N_VALUES, cache) for name in names}


def test_grid_has_equal_ratios_between_the_bounds(theta):
    assert len(np.unique(theta.round(9), axis=0)) == N_VALUES**3
    for column, low, high in zip(theta.T, (512, 4, 0.5), (1024, 16, 4), strict=True):
        values = np.unique(column.round(9))
        np.testing.assert_allclose(values[1:] / values[:-1], (high / low) ** (1 / 3))
        assert (values[0], values[-1]) == pytest.approx((low, high))


def test_chirps_have_unit_norm(theta):
    x = np.asarray(retrieval.chirps(theta[:5].astype(np.float32), SETTING.n_samples))
    np.testing.assert_allclose(np.sum(x**2, axis=1), 1, rtol=1e-5)


def test_features_are_finite_and_one_row_a_sound(features):
    for found in features[1].values():
        assert len(found.values) == N_VALUES**3
        assert np.isfinite(found.values).all()
        assert found.seconds > 0


def test_modulation_spectrum_is_its_definition(theta):
    x = retrieval.chirps(theta[:2].astype(np.float32), SETTING.n_samples)
    bank = jtfs_jax.filterbank(SETTING.n_samples, J=9, Q=8, T=8)
    found = np.asarray(retrieval.modulation_spectrum(bank, x))
    n_rates = 64 * SETTING.n_samples // 8192  # up to 64 Hz
    for values, u in zip(found, np.asarray(jtfs_jax.time_scattering(bank, x).S1), strict=True):
        spectrum = np.fft.fft2(np.log1p(100 * u / u.max())) / np.sqrt(len(u))
        average = np.log1p(100 * u / u.max()).sum(axis=1)
        expected = np.concatenate([average, np.abs(spectrum[:, 1:n_rates]).ravel()])
        np.testing.assert_allclose(values, expected, atol=1e-4 * expected.max())


def test_the_cortical_model_is_that_of_each_sound(theta):
    x = retrieval.chirps(theta[:5].astype(np.float32), SETTING.n_samples)
    found = np.asarray(retrieval.representation(SETTING, "cortical model")(x))
    ear, cortex = retrieval.cortical_filters(SETTING)
    assert (len(cortex.rates), len(cortex.scales)) == (11, 8)
    assert found.shape == (5, 2 * 88 * ear.n_channels)
    y = jtfs_jax.baselines.auditory_spectrogram(ear, x[4])
    r = np.abs(jtfs_jax.baselines.cortical(cortex, y)).mean(axis=-1)
    np.testing.assert_allclose(found[4], r.ravel(), atol=1e-5 * r.max())

    filters = {
        name: retrieval.cortical_filters(SETTING, **options)
        for name, options in retrieval.VARIANTS.items()
    }
    assert filters["cortical model, rates up to 8 Hz"][1].rates[-1] == 8
    assert filters["cortical model, rates up to 16 Hz"][1].rates[-1] == 16
    assert filters["cortical model, rates from 4 Hz"][1].rates[0] == 4


def test_an_average_spectrum_tells_less_of_modulations_than_joint_scattering(features):
    """Steps along f_m and γ in the grid of chirps, relative to steps along f_c."""

    def steps(values):
        cube = values.reshape(N_VALUES, N_VALUES, N_VALUES, -1)
        of_f_c, *others = (np.linalg.norm(np.diff(cube, axis=k), axis=-1).mean() for k in range(3))
        return np.array(others) / of_f_c

    values = features[1]["JTFS, Q=8"].values
    n_bands = len(jtfs_jax.filterbank(SETTING.n_samples, J=SETTING.J, Q=8).wavelets1)
    assert (steps(values[:, 1 + n_bands :]) > 1.5 * steps(values[:, 1 : 1 + n_bands])).all()


def test_what_was_extracted_is_read_from_files(features, monkeypatch):
    cache, found = features
    monkeypatch.setattr(retrieval, "representation", None)  # nothing is computed
    again = retrieval.extract(SETTING, "JTFS, Q=8", N_VALUES, cache)
    np.testing.assert_array_equal(again.values, found["JTFS, Q=8"].values)
    assert again.seconds == found["JTFS, Q=8"].seconds


def test_a_run_that_was_stopped_goes_on(features, monkeypatch):
    cache, found = features
    name, represent = "time scattering, Q=1", retrieval.representation
    files = sorted(retrieval.folder(cache, SETTING, name, N_VALUES).iterdir())
    assert len(files) == N_VALUES
    files[2].unlink()
    n_sounds = []

    def count(setting, name):
        return lambda x: n_sounds.append(len(x)) or represent(setting, name)(x)

    monkeypatch.setattr(retrieval, "representation", count)
    again = retrieval.extract(SETTING, name, N_VALUES, cache)
    np.testing.assert_array_equal(again.values, found[name].values)
    assert sum(n_sounds) == N_VALUES**2


def test_other_settings_have_other_files(features):
    cache, _ = features
    other = retrieval.Setting(**{**vars(SETTING), "J": 8})
    assert not retrieval.folder(cache, other, "JTFS, Q=8", N_VALUES).exists()


def test_a_name_that_is_none():
    with pytest.raises(ValueError, match=r"name must be one of MFCC, .*'CQT'"):
        retrieval.representation(SETTING, "CQT")


def test_neighbors_are_the_nearest_others_and_the_map_keeps_their_order():
    """Points of a bent strip, which has a flat map."""
    random = np.random.default_rng(0)
    u, v, w = random.uniform(0, 1, (3, 400))
    values = np.stack([np.sin(2 * u), np.cos(2 * u), v, w], axis=1)
    found = retrieval.neighborhoods(values, n_neighbors=12)
    distances = np.linalg.norm(values[:, None] - values, axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :12]
    np.testing.assert_array_equal(np.sort(found.neighbors), np.sort(nearest))
    parameters = np.exp(np.stack([u, v, w], axis=1))
    assert (retrieval.linear_fits(found.coordinates, parameters) > 0.97).all()
    assert retrieval.linear_fits(found.coordinates[::-1], parameters).max() < 0.3


def test_error_ratios_are_means_of_neighbors_divided_by_truth():
    theta = np.array([[1.0, 8.0], [2.0, 4.0], [4.0, 2.0]])
    neighbors = np.array([[1, 2], [0, 2], [0, 1]])
    arithmetic = retrieval.error_ratios(theta, neighbors, "arithmetic")
    np.testing.assert_allclose(arithmetic, [[3, 3 / 8], [2.5 / 2, 5 / 4], [1.5 / 4, 6 / 2]])
    geometric = retrieval.error_ratios(theta, neighbors, "geometric")
    np.testing.assert_allclose(geometric[0], [np.sqrt(8), np.sqrt(8) / 8])
