"""Guarantees of all baselines: purity, batching, derivatives, precision, helpful errors."""

import functools
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, noise

from jtfs_jax import baselines

N, FS = 300, 2000.0
ROWS, FRAMES = 9, 24
pytestmark = pytest.mark.usefixtures("quick_compile")


def make_ear(dtype: Any = jnp.float32, **options: Any):
    options = {"f_min": 400.0, "saturation": 0.1, "dtype": dtype} | options
    return baselines.auditory_filterbank(N, sample_rate=FS, **options)


def make_mel(dtype=jnp.float32):
    return baselines.mel_filterbank(N, sample_rate=FS, n_bands=5, f_max=900.0, dtype=dtype)


def make_cortex(dtype=jnp.float32, **options):
    options = {"rates": (4.0, 9.0), "scales": (0.5, 2.0, 5.0)} | options
    return baselines.cortical_filterbank(ROWS, FRAMES, frame_rate=100.0, **options, dtype=dtype)


def make_gabor(dtype=jnp.float32):
    return baselines.gabor_filterbank(ROWS, dtype=dtype)


# name → (constructor of the filters, function, input shape)
CASES = {
    "auditory": (make_ear, baselines.auditory_spectrogram, (N,)),
    "mel": (make_mel, baselines.log_mel_spectrogram, (N,)),
    "cortical": (make_cortex, baselines.cortical, (ROWS, FRAMES)),
    "cortical, mean": (
        functools.partial(make_cortex, open_ends=True),
        functools.partial(baselines.cortical, output="mean"),
        (ROWS, FRAMES),
    ),
    "cortical, complex": (
        make_cortex,
        functools.partial(baselines.cortical, output="complex"),
        (ROWS, FRAMES),
    ),
    "modulation power": (
        lambda dtype=jnp.float32: jnp.zeros((), dtype),
        lambda _, y: baselines.modulation_power_spectrum(y),
        (ROWS, FRAMES),
    ),
    "gabor": (make_gabor, baselines.gabor_features, (ROWS, FRAMES)),
}


@functools.cache
def cached(name):
    return CASES[name][0]()


@pytest.fixture(params=CASES)
def case(request):
    _, function, shape = CASES[request.param]
    return cached(request.param), function, shape


def test_batches_are_stacks_and_jit_changes_nothing(case):
    filters, function, shape = case
    x = noise(2, *shape)
    found = function(filters, x)
    one = function(filters, x[1])
    assert found.shape == (2, *one.shape)
    assert_close(found[1], one)
    assert_close(jax.jit(jax.vmap(function, (None, 0)))(filters, x), found)
    assert jax.eval_shape(function, filters, x[:, None]).shape == (2, 1, *one.shape)
    assert function(filters, x[:0]).shape == (0, *one.shape)


def test_nan_is_of_its_own_row_of_the_batch(case):
    filters, function, shape = case
    x = noise(2, *shape)
    expected = function(filters, x)
    x[0, ..., shape[-1] // 2] = np.nan
    found = np.asarray(function(filters, x))
    assert np.isnan(found[0]).any()
    assert_close(found[1], np.asarray(expected[1]))


def test_silence_has_finite_derivatives(case):
    filters, function, shape = case
    silence, direction = jnp.zeros(shape), jnp.asarray(noise(*shape))
    assert not np.any(function(filters, silence))

    def total(x):
        return jnp.abs(function(filters, x).real).sum()

    derivatives = jax.jit(lambda x: jax.jvp(jax.grad(total), (x,), (direction,)))
    gradient, product = derivatives(silence)
    assert np.isfinite(gradient).all()
    assert np.isfinite(product).all()


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_right_and_of_the_precision_of_the_filters(name, x64):
    make, function, shape = CASES[name]
    filters, x = make(dtype=jnp.float64), noise(*shape, dtype=np.float64)
    found = function(filters, x)
    assert found.real.dtype == jnp.float64
    assert_close(function(cached(name), x.astype(np.float32)), found, 2e-5)
    weights = noise(2, *found.shape, dtype=np.float64)
    direction = noise(*shape, seed=1, dtype=np.float64)

    def loss(x):
        y = function(filters, x)
        return jnp.sum(weights[0] * y.real + weights[1] * y.imag)

    @jax.jit
    def slopes(x):
        forward = jax.jvp(loss, (x,), (direction,))
        return *forward, jnp.vdot(jax.grad(loss)(x), direction)

    step = 1e-6
    (below, *_), (above, *_) = (slopes(x + sign * step * direction) for sign in (-1, 1))
    np.testing.assert_allclose(slopes(x)[1:], (above - below) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in CASES if name != "modulation power"])
def test_float64_signals_are_cast(name, x64):
    found = CASES[name][1](cached(name), noise(*CASES[name][2], dtype=np.float64))
    assert found.real.dtype == jnp.float32


def test_filters_are_pytrees_of_arrays_traced_once(case):
    filters, function, shape = case
    leaves, structure = jax.tree.flatten(filters)
    assert all(isinstance(leaf, jax.Array) and leaf.dtype == jnp.float32 for leaf in leaves)
    assert isinstance(hash(structure), int)
    traces = []

    @jax.jit
    def counted(filters, x):
        traces.append(1)
        return function(filters, x)

    for k in range(2):
        counted(jax.tree.map(lambda leaf: leaf + 0, filters), noise(*shape, seed=k))
    assert len(traces) == 1


def test_programs_may_be_saved(case):
    pytest.importorskip("flatbuffers", reason="jax.export needs it to save programs")
    filters, function, shape = case
    x = noise(*shape)
    exported = jax.export.export(jax.jit(function))(filters, x)
    again = jax.export.deserialize(exported.serialize())
    assert_close(again.call(filters, x), function(filters, x))


EAR = {"n_samples": N, "sample_rate": FS}
CORTEX = {"n_channels": ROWS, "n_frames": FRAMES, "frame_rate": 100.0}
MEL = {"n_samples": N, "sample_rate": FS, "f_max": 900.0}
ERRORS = {
    "f_min": (
        baselines.auditory_filterbank,
        EAR | {"f_min": 950.0},
        "f_min must leave two .*lower",
    ),
    "quality": (baselines.auditory_filterbank, EAR | {"quality": 0.0}, "quality must be a pos"),
    "wide": (baselines.auditory_filterbank, EAR | {"quality": 0.9}, "quality must be from 1 to"),
    "long": (baselines.auditory_filterbank, EAR | {"f_min": 0.1}, "f_min must be .*; raise f_min"),
    "short": (baselines.auditory_filterbank, EAR | {"n_samples": 1}, "n_samples must be at least"),
    "saturation": (baselines.auditory_filterbank, EAR | {"saturation": -1}, "saturation must be"),
    "inhibition": (
        baselines.auditory_filterbank,
        EAR | {"lateral_inhibition": 1},
        "lateral_inhibition must be True or False",
    ),
    "one frame": (baselines.cortical_filterbank, CORTEX | {"n_frames": 1}, "n_frames must be at"),
    "rates": (baselines.cortical_filterbank, CORTEX | {"rates": (4, 50.0)}, "rates must be below"),
    "order": (baselines.cortical_filterbank, CORTEX | {"scales": (2, 1)}, "scales must run from"),
    "no scales": (baselines.cortical_filterbank, CORTEX | {"scales": ()}, "scales must be one or"),
    "scales": (baselines.cortical_filterbank, CORTEX | {"scales": (12,)}, "scales must be below"),
    "a rate": (baselines.cortical_filterbank, CORTEX | {"rates": 4.0}, "rates must be one or more"),
    "negative": (baselines.cortical_filterbank, CORTEX | {"rates": (-1,)}, r"rates\[0\] must be"),
    "Nyquist": (baselines.mel_filterbank, MEL | {"f_max": 1001.0}, "f_max must be above f_min"),
    "narrow": (baselines.mel_filterbank, MEL | {"n_bands": 200}, "n_bands must leave .* lower"),
    "level": (baselines.mel_filterbank, MEL | {"level": 0.0}, "level must be a positive"),
    "no bands": (baselines.gabor_filterbank, {"n_bands": 0}, "n_bands must be an integer"),
    "dtype": (baselines.gabor_filterbank, {"dtype": "float16"}, "dtype must be float32 or"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_options(name):
    make, options, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        make(**options)


INPUTS = {
    "auditory": (noise(N + 1), "301 samples .* for 300"),
    "mel": (noise(N) * 1j, "must have real numbers"),
    "cortical": (noise(ROWS, FRAMES + 1), "y has 9 rows and 25 frames but the filters are for 9"),
    "gabor": (noise(ROWS + 1, FRAMES), "y has 10 rows and 24 frames .* build filters"),
    "modulation power": (noise(ROWS), "y must have rows and frames on its last two axes"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_errors_of_inputs(name):
    x, message = INPUTS[name]
    with pytest.raises(ValueError, match=message):
        CASES[name][1](cached(name), x)


def test_output_of_the_cortical_model_is_one_of_three():
    with pytest.raises(
        ValueError, match="output must be 'modulus' or 'complex' or 'mean', got 'po"
    ):
        baselines.cortical(cached("cortical"), noise(ROWS, FRAMES), output="power")  # pyright: ignore[reportArgumentType]
