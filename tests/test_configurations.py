"""Settings from publications against the reported shapes."""

import inspect

import numpy as np
import pytest

import jtfs_jax
from jtfs_jax import analysis, configurations
from jtfs_jax.configurations import Configuration

ALL = {name: c for name, c in vars(configurations).items() if isinstance(c, Configuration)}


@pytest.mark.parametrize("name", ALL)
def test_filters_can_be_made(name):
    configuration = ALL[name]
    bank = jtfs_jax.filterbank(**configuration.filterbank)
    assert len(jtfs_jax.path_table(bank)) > 90
    assert name in (configurations.__doc__ or "")


def test_scrapl_has_the_published_number_of_paths():
    table = jtfs_jax.path_table(jtfs_jax.filterbank(**configurations.SCRAPL.filterbank))
    assert np.sum(table.n2 >= 0) == 315


def test_classification_has_the_published_shape():
    bank = jtfs_jax.filterbank(**configurations.CLASSIFICATION.filterbank)
    assert len(jtfs_jax.band_frequencies(bank)) == 44
    assert len(jtfs_jax.frame_times(bank)) == 32


@pytest.mark.parametrize("name", ALL)
def test_compression_is_an_argument_of_what_compresses(name):
    functions = {"level": analysis.log_compress, "epsilon": analysis.mu_log}
    for argument in ALL[name].compression:
        assert argument in inspect.signature(functions[argument]).parameters


@pytest.mark.parametrize("name", [name for name in ALL if "f_m" in ALL[name].ranges])
def test_chirps_are_within_reach(name):
    """Carriers are within reach of the first order, modulations within reach of the second."""
    configuration = ALL[name]
    bank = jtfs_jax.filterbank(**configuration.filterbank)
    sample_rate = configuration.sample_rate
    assert bank.n_samples / sample_rate == 4
    frequencies = jtfs_jax.wavelet_frequencies(bank, sample_rate=sample_rate)
    low, high = configuration.ranges["f_c"]
    assert frequencies.min() < low / 2 < 2 * high < frequencies.max()  # over two octaves
    rates = jtfs_jax.path_table(bank, sample_rate=sample_rate).rate
    # Envelopes beat twice per period of the modulation.
    low, high = configuration.ranges["f_m"]
    assert rates.min() < 2 * low < 2 * high < rates.max()
