"""Settings of publications against the shapes that these report."""

import numpy as np
import pytest

import jtfs_jax
from jtfs_jax import configurations
from jtfs_jax.configurations import Configuration

ALL = {name: c for name, c in vars(configurations).items() if isinstance(c, Configuration)}


@pytest.mark.parametrize("name", ALL)
def test_filters_can_be_made(name):
    configuration = ALL[name]
    bank = jtfs_jax.filterbank(**configuration.filterbank)
    assert len(jtfs_jax.path_table(bank)) > 90
    assert name in (configurations.__doc__ or "")
    assert configuration.sample_rate > 0
    assert all(low <= high for low, high in configuration.ranges.values())
    assert set(configuration.compression) <= {"level", "epsilon"}


def test_scrapl_has_the_published_number_of_paths():
    table = jtfs_jax.path_table(jtfs_jax.filterbank(**configurations.SCRAPL.filterbank))
    assert np.sum(table.n2 >= 0) == 315


def test_classification_has_the_published_shape():
    bank = jtfs_jax.filterbank(**configurations.CLASSIFICATION.filterbank)
    assert len(jtfs_jax.band_frequencies(bank)) == 44
    assert len(jtfs_jax.frame_times(bank)) == 32


def test_chirps_are_within_reach():
    bank = jtfs_jax.filterbank(**configurations.MESOSTRUCTURES.filterbank)
    sample_rate = configurations.MESOSTRUCTURES.sample_rate
    assert bank.n_samples / sample_rate == 4
    rates = jtfs_jax.path_table(bank, sample_rate=sample_rate).rate
    # Envelopes beat twice a period of the modulation.
    low, high = configurations.MESOSTRUCTURES.ranges["f_m"]
    assert rates.min() < 2 * low < 2 * high < rates.max()
