"""All products have full precision; on a GPU or TPU, the default would be three digits."""

import functools
import re
from typing import Any

import helpers
import jax
import jax.numpy as jnp
import pytest

import jtfs_jax
from jtfs_jax import analysis, baselines, losses, resynthesis

N = 512
OPTIONS = {
    "local": {},
    "global": {"T": "global", "F": "global"},
    "none": {"T": 0, "F": 0},
    "reflections": {"preset": "sharp", "pad_mode_fr": "conj-reflect"},
}
X = jax.ShapeDtypeStruct((3, N), jnp.float32)


def gradient_of(function):
    def loss(x):
        return sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(function(x)))

    return jax.value_and_grad(loss)


def assert_full_precision(function, platform="tpu", *, needed=True):
    lowered = jax.jit(function).trace(X).lower(lowering_platforms=(platform,))
    operations = [line.split(" loc(")[0] for line in lowered.as_text().splitlines()]
    products = [line for line in operations if re.search(r"stablehlo\.(dot|convolution)", line)]
    assert products or not needed
    for line in products:
        # Products of parts in bfloat16 are exact; the last test compares their sum with float64.
        is_of_parts = line.count("xbf16>") == 2
        assert is_of_parts or line.count("HIGHEST") == 2, line


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["jtfs", "time_scattering"])
def test_of_transforms_and_their_gradients(name, options):
    for platform, lowered_for in {"cpu": "tpu", "gpu": "cuda", "tpu": "tpu"}.items():
        settings: dict[str, Any] = {**OPTIONS[options], "platform": platform}
        bank = jtfs_jax.filterbank(N, J=5, Q=4, J_fr=2, **settings)
        gradient = gradient_of(lambda x, bank=bank: helpers.TRANSFORMS[name](bank, x))
        # On a GPU, only averages and frequential filters are products.
        needed = (name, options, platform) != ("time_scattering", "none", "gpu")
        assert_full_precision(gradient, lowered_for, needed=needed)


def test_of_a_path_and_of_segments():
    bank = jtfs_jax.filterbank(2 * N, J=5, Q=4, J_fr=2)
    short = jtfs_jax.filterbank(N, J=5, Q=4, J_fr=2)
    assert_full_precision(gradient_of(lambda x: jtfs_jax.jtfs_path(short, x, 17)))
    assert_full_precision(gradient_of(lambda x: jtfs_jax.segmented(jtfs_jax.jtfs)(bank, x)))


@functools.cache
def other_functions():
    """Other functions with products: analysis, baselines, losses, resynthesis."""
    bank = jtfs_jax.filterbank(N, J=5, Q=4, J_fr=2)
    cortex = baselines.cortical_filterbank(30, 40, frame_rate=125)
    gabor = baselines.gabor_filterbank()
    mel = baselines.mel_filterbank(N, sample_rate=8000)
    optimizer = resynthesis.lbfgs()
    return {
        "band_synchrony": lambda x: analysis.band_synchrony(bank, x),
        "interchannel_image": lambda x: analysis.interchannel_image(bank, x[:2]),
        "cortical": lambda x: baselines.cortical(cortex, jnp.resize(x, (30, 40))),
        "gabor_features": lambda x: baselines.gabor_features(gabor, jnp.resize(x, (23, 60))),
        "log_mel_spectrogram": lambda x: baselines.log_mel_spectrogram(mel, x),
        "pnp_loss": lambda x: losses.pnp_loss(x[:, :4], x[:, 4:8], jnp.ones((3, 4, 4))),
        "riemannian_metric": lambda x: losses.riemannian_metric(jnp.sin, x[0, :4]),
        "lbfgs": lambda x: optimizer.update(x, optimizer.init(x), x, value=x.sum())[0],
    }


@pytest.mark.parametrize("name", other_functions())
def test_of_everything_else(name):
    assert_full_precision(other_functions()[name], needed=False)


def test_a_product_of_less_precision_is_seen():
    with pytest.raises(AssertionError):
        assert_full_precision(lambda x: x @ x.T)
