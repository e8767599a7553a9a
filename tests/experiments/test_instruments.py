"""Instrument classification: features, the network and its training, on a small scale."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jtfs_jax
from experiments.instruments import coefficients, frontends, metrics, network, train

SMALL_BANK = {"n_samples": 2**10, "J": 6, "Q": 4, "T": 2**7, "J_fr": 2, "F": 2}


@pytest.fixture
def sounds():
    """Noises of several levels."""
    random = np.random.default_rng(0)
    return random.standard_normal((5, SMALL_BANK["n_samples"])) * np.geomspace(0.1, 1, 5)[:, None]


def structured(found):
    """Coefficients in their stored form."""
    kinds = [(name, np.float32, array.shape[1:]) for name, array in found.items()]
    rows = np.empty(len(next(iter(found.values()))), kinds)
    for name, array in found.items():
        rows[name] = array
    return rows


@pytest.mark.usefixtures("quick_compile")
def test_features_of_jtfs(sounds, monkeypatch):
    """Constants computed chunk by chunk equal constants computed from all sounds at once."""
    monkeypatch.setattr(coefficients, "CHUNK", 3)
    frontend = frontends.JTFS(SMALL_BANK)
    found = frontend.transform(sounds)
    features = frontend.features(frontend.fit(structured(found)), found)

    s2 = np.asarray(found["S2"], float)
    table = jtfs_jax.path_table(frontend.bank)
    assert len(set(table.n_rows)) > 1
    for path, n_rows in enumerate(table.n_rows):
        live = s2[:, path, :n_rows]
        compressed = np.log1p(live / (0.1 * live.mean()))
        expected = (compressed - compressed.mean()) / compressed.std()
        np.testing.assert_allclose(features.maps[:, path, :n_rows], expected, atol=2e-4)
    assert features.rows is not None
    np.testing.assert_allclose(features.rows.mean((0, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(features.rows.std((0, 2)), 1, rtol=1e-4)


@pytest.mark.usefixtures("quick_compile")
def test_features_of_time_scattering(sounds):
    frontend = frontends.TimeScattering(SMALL_BANK)
    found = frontend.transform(sounds)
    features = frontend.features(frontend.fit(structured(found)), found)
    assert features.rows is None
    n_paths = found["S1"].shape[1] + found["S2"].shape[1]
    assert features.maps.shape == (5, n_paths, found["S1"].shape[2])
    np.testing.assert_allclose(features.maps.mean((0, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(features.maps.std((0, 2)), 1, rtol=1e-4)


def test_features_of_cqt(monkeypatch):
    """Features computed from levels; computing levels would require librosa."""
    monkeypatch.setattr(coefficients, "CHUNK", 3)
    level = np.random.default_rng(0).uniform(-80, 0, (5, 96, 256)).astype(np.float32)
    constants = frontends.CQT().fit(structured({"level": level}))
    maps = frontends.CQT.features(constants, {"level": jnp.asarray(level)}).maps
    assert maps.shape == (5, 1, 32, 32)
    bins = level[:, 3:6]
    standardized = (bins - bins.mean((0, 2), keepdims=True)) / bins.std((0, 2), keepdims=True)
    expected = standardized[:, :, 16:24].mean((1, 2))
    np.testing.assert_allclose(maps[:, 0, 1, 2], expected, atol=1e-4)


def test_schedule():
    """Compare with the definition, step by step."""
    settings = train.Training(epoch_size=320, batch=32, n_warmup=3)
    n, low, high = 10, 1e-11, 1e-3
    for step in range(60):
        position = 1 - (step + 1) / (3 * n) if step < 3 * n else (step - 3 * n) % n / n
        expected = low + (high - low) * (1 + np.cos(np.pi * position)) / 2
        np.testing.assert_allclose(
            train.learning_rate(settings, jnp.asarray(step)), expected, rtol=1e-4, atol=1e-10
        )


def test_weighted_cross_entropy():
    random = np.random.default_rng(0)
    logits, label = random.normal(size=(7, 3)), np.array([0, 0, 0, 0, 1, 1, 2])
    weights = metrics.class_weights(label, 3)
    np.testing.assert_allclose(weights, [1, 2, 4])
    terms = []
    for z, y in zip(logits, label, strict=True):
        terms.append(weights[y] * -np.log(np.exp(z[y]) / np.exp(z).sum()))
    found = metrics.weighted_cross_entropy(
        jnp.asarray(logits, jnp.float32), jnp.asarray(label), jnp.asarray(weights)
    )
    np.testing.assert_allclose(found, sum(terms) / 12, rtol=1e-5)


def test_accuracies():
    label, predicted = np.array([0, 0, 0, 0, 1, 1, 3]), np.array([0, 0, 0, 1, 1, 0, 3])
    matrix = metrics.confusion(label, predicted, 4)
    expected = [[3, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(matrix, expected)
    np.testing.assert_array_equal(metrics.accuracies(matrix), [0.75, 0.5, np.nan, 1])
    assert metrics.macro_accuracy(matrix) == 0.75


def test_rows_are_aligned_with_bands():
    """With equal kernel weights, a band is a mean of the rows around it."""
    branch = network.RowsToBands(4, 8, 6, key=jax.random.key(0))
    weights = (jnp.full((network.N_LEARNED, 1, 8, 1), 1 / 8), jnp.zeros((network.N_LEARNED, 1, 1)))
    branch = eqx.tree_at(lambda b: (b.convolution.weight, b.convolution.bias), branch, weights)
    ramp = jnp.arange(23.0)[:, None]
    np.testing.assert_allclose(branch(ramp)[0, 2:5, 0], [8, 12, 16], rtol=1e-6)


@pytest.mark.usefixtures("quick_compile")
def test_network():
    """Table 1 in two dimensions; the training test runs a one-dimensional network."""
    random = np.random.default_rng(0)
    maps = jnp.asarray(random.normal(size=(3, 5, 6, 8)), jnp.float32)
    rows = jnp.asarray(random.normal(size=(3, 23, 8)), jnp.float32)
    features = frontends.Features(maps, rows)
    make = eqx.filter_jit(partial(network.network, octave=8, stride_fr=4))
    made, norms = make(features, 4, network.Shape(), key=jax.random.key(0))
    convolutions = [block.convolution for block in made.blocks]
    assert [each.out_channels for each in convolutions] == [9, 18, 36]
    assert [each.kernel_size for each in convolutions] == [(7, 7), (5, 5), (3, 3)]

    @eqx.filter_jit
    def of_batch(made, keys):
        forward = jax.vmap(made, (0, None, 0), (0, None), axis_name=network.AXIS)
        return forward(features, norms, keys)

    logits, after = of_batch(made, jax.random.split(jax.random.key(1), 3))
    assert logits.shape == (3, 4)
    assert np.isfinite(logits).all()
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), norms, after)
    assert any(jax.tree.leaves(moved))


def test_squeeze_excite_scales_channels():
    squeeze = network.SqueezeExcite(4, key=jax.random.key(0))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3, 5)), jnp.float32)
    inner = jnp.maximum(squeeze.down(x.mean((1, 2))), 0)
    weights = 1 / (1 + jnp.exp(-squeeze.up(inner)))
    np.testing.assert_allclose(squeeze(x), x * weights[:, None, None], rtol=1e-5)


SETTINGS = train.Training(
    n_epochs=4, epoch_size=160, batch=8, rate=1e-2, n_warmup=1, n_candidates=2
)


def maps_of(found):
    return frontends.Features(found["maps"])


@eqx.filter_jit  # one compilation instead of many
def make_tiny(key):
    maps = jnp.zeros((1, 3, 8))
    shape = network.Shape((4, 4, 4))
    return network.network(frontends.Features(maps), 2, shape, key=key)


@pytest.fixture
def separable():
    """Two classes, one of them rare, that differ in the mean of one channel."""
    random, found = np.random.default_rng(0), {}
    for subset, n in {"training": 40, "validation": 24}.items():
        label = (np.arange(n) % 4 == 0).astype(int)
        maps = random.normal(size=(n, 3, 8))
        maps[:, 1] += 3 * label[:, None]
        found[subset] = train.Examples(structured({"maps": maps}), label)
    return found


@pytest.mark.usefixtures("quick_compile", "standard_promotion")
def test_training_and_resuming(separable, tmp_path, monkeypatch):
    """The network learns, and an interruption does not change the result."""
    fit = partial(train.train, make_tiny, maps_of, separable, SETTINGS, seed=3)
    trained = fit(checkpoint=tmp_path / "whole.eqx")
    predicted = train.classify(trained.network, trained.norms, maps_of, separable["validation"])
    matrix = metrics.confusion(separable["validation"].label, predicted, 2)
    assert metrics.macro_accuracy(matrix) == max(trained.accuracy[-2:]) > 0.9
    assert trained.loss[-1] < 0.7 * trained.loss[0]

    save, n_written = train.save_checkpoint, 0

    def interrupted_save(*arguments, **options):
        nonlocal n_written
        save(*arguments, **options)
        n_written += 1
        if n_written == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "save_checkpoint", interrupted_save)
    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=tmp_path / "broken.eqx")
    resumed = fit(checkpoint=tmp_path / "broken.eqx", resume=True)
    assert n_written == 4
    assert (resumed.loss, resumed.accuracy) == (trained.loss, trained.accuracy)
    for a, b in zip(jax.tree.leaves(resumed[:2]), jax.tree.leaves(trained[:2]), strict=True):
        np.testing.assert_array_equal(a, b)

    other = SETTINGS._replace(batch=4)
    with pytest.raises(ValueError, match="batch was 8, not 4"):
        train.train(
            make_tiny, maps_of, separable, other,
            seed=3, checkpoint=tmp_path / "broken.eqx", resume=True,
        )  # fmt: skip


@pytest.mark.usefixtures("standard_promotion")
def test_optimizer_decays_weights():
    """The first step of AdamW, from its definition."""
    settings = train.Training(n_warmup=0)
    weights = jnp.array([1.0, -2.0])
    steps = train.optimizer(settings)
    update = jax.jit(steps.update)
    updates, _ = update(jnp.array([300.0, 400.0]), steps.init(weights), weights)
    expected = -1e-3 * (np.ones(2) + 0.1 * np.array([1.0, -2.0]))
    np.testing.assert_allclose(np.asarray(updates), expected, rtol=1e-5)
