"""The example of instrument classification, on a fabricated Medley-solos-DB and small networks."""

import csv
import json
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from instruments import (
    coefficients,
    experiment,
    frontends,
    medley,
    metrics,
    network,
    phrases,
    standin,
    train,
)

import jtfs_jax

SMALL_BANK = {"n_samples": 2**10, "J": 6, "Q": 4, "T": 2**7, "J_fr": 2, "F": 2}


@pytest.fixture
def database(tmp_path):
    """A folder in the layout of Medley-solos-DB, with two clips in each subset."""
    random = np.random.default_rng(0)
    clips = [
        medley.Clip(subset, medley.INSTRUMENTS[label], label, song, f"{song}{label}")
        for song, subset in enumerate(medley.SUBSETS)
        for label in (0, 7)
    ]
    for clip in clips:
        x = 0.1 * random.standard_normal(medley.N_SAMPLES)
        soundfile.write(tmp_path / clip.name, x, medley.SAMPLE_RATE)
    write_table(tmp_path, medley.COLUMNS, clips)
    return tmp_path


def write_table(folder, columns, rows):
    with (folder / medley.METADATA).open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def test_database_is_read(database):
    found = medley.load(database)
    assert list(found) == ["training", "validation", "test"]
    for song, subset in enumerate(medley.SUBSETS):
        np.testing.assert_array_equal(found[subset].label, [0, 7])
        np.testing.assert_array_equal(found[subset].song, [song, song])
        np.testing.assert_array_equal(medley.counts(found[subset]), [1, 0, 0, 0, 0, 0, 0, 1])
        for path in found[subset].paths:
            expected, _ = soundfile.read(path, dtype="float32")
            np.testing.assert_array_equal(medley.read(path), expected)


@pytest.mark.parametrize("places", [("Medley-solos-DB", "."), ("audio", "annotation")])
def test_database_may_be_in_folders(database, places):
    sounds, table = (database / place for place in places)
    for folder in (sounds, table):
        folder.mkdir(exist_ok=True)
    for path in list(database.glob("*.wav")):
        path.rename(sounds / path.name)
    (database / medley.METADATA).rename(table / medley.METADATA)
    assert all(path.parent == sounds for path in medley.load(database)["test"].paths)


def remove_table(folder):
    (folder / medley.METADATA).unlink()


def remove_sound(folder):
    next(folder.glob("*_test-*")).unlink()


def rename_column(folder):
    write_table(folder, ("subset", "instrument", "id", "song_id", "uuid4"), [])


def spoil_subset(folder):
    write_table(folder, medley.COLUMNS, [("train", "clarinet", 0, 0, "x")])


def spoil_label(folder):
    write_table(folder, medley.COLUMNS, [("test", "clarinet", "first", 0, "x")])


def empty_table(folder):
    write_table(folder, medley.COLUMNS, [])


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (remove_table, f"no {medley.METADATA} in it; get Medley-solos-DB from Zenodo"),
        (remove_sound, "1 of the 6 files .* are not there, the first of which is .*_test-0_.*wav"),
        (rename_column, "instrument_id is not among"),
        (spoil_subset, "line 2: subset must be training, validation, test .* got 'train' and 0"),
        (spoil_label, "line 2: instrument_id and song_id must be integers"),
        (empty_table, "no clips for training"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_database_errors(database, spoil, match):
    spoil(database)
    with pytest.raises(ValueError, match=match):
        medley.load(database)


def test_missing_database(tmp_path):
    with pytest.raises(ValueError, match=r"no such folder; get Medley-solos-DB .*zenodo\.3464194"):
        medley.load(tmp_path / "nowhere")


def cut_short(path):
    soundfile.write(path, np.ones(1000), medley.SAMPLE_RATE)


def change_rate(path):
    soundfile.write(path, np.ones(medley.N_SAMPLES), 44_100)


def corrupt(path):
    path.write_bytes(b"RIFF" + bytes(100))


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (cut_short, "65536 samples at 22050 Hz, but this file has 1000 at 22050 Hz"),
        (change_rate, "this file has 65536 at 44100 Hz"),
        (corrupt, "cannot be read as audio"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_clip_errors(database, spoil, match):
    path = medley.load(database)["test"].paths[1]
    spoil(path)
    with pytest.raises(ValueError, match=match) as caught:
        medley.read(path)
    assert str(path) in str(caught.value)


class Levels:
    """A frontend that is quickly computed."""

    def __init__(self, **settings):
        self.settings = {"frontend": "levels", **settings}
        self.n_calls = 0

    def transform(self, x):
        self.n_calls += 1
        return {"std": x.std(1), "samples": x[:, :3]}


def test_coefficients_are_kept(database, tmp_path, monkeypatch):
    monkeypatch.setattr(coefficients, "BATCH", 4)
    subset, folder, frontend = medley.load(database)["test"], tmp_path / "kept", Levels()
    rows = coefficients.extract(frontend, subset, folder)
    expected = np.stack([medley.read(path) for path in subset.paths])
    expected /= expected.std(1, keepdims=True)
    found = coefficients.take(rows, [1, 0])
    np.testing.assert_allclose(found["samples"], expected[[1, 0], :3], rtol=1e-5)
    np.testing.assert_allclose(found["std"], 1, rtol=1e-5)

    again = coefficients.extract(frontend, subset, folder)
    np.testing.assert_array_equal(again, rows)
    assert frontend.n_calls == 1
    coefficients.extract(Levels(hop=2), subset, folder)
    assert len(list(folder.iterdir())) == 2


def test_interrupted_coefficients_are_not_kept(database, tmp_path, monkeypatch):
    monkeypatch.setattr(coefficients, "BATCH", 1)
    subset, folder = medley.load(database)["test"], tmp_path / "kept"
    corrupt(subset.paths[1])
    with pytest.raises(ValueError, match="cannot be read"):
        coefficients.extract(Levels(), subset, folder)
    assert list(folder.iterdir()) == []


@pytest.fixture
def sounds():
    """Noises of several levels."""
    random = np.random.default_rng(0)
    return random.standard_normal((5, SMALL_BANK["n_samples"])) * np.geomspace(0.1, 1, 5)[:, None]


def structured(found):
    """Coefficients as they are kept."""
    kinds = [(name, np.float32, array.shape[1:]) for name, array in found.items()]
    rows = np.empty(len(next(iter(found.values()))), kinds)
    for name, array in found.items():
        rows[name] = array
    return rows


@pytest.mark.usefixtures("quick_compile")
def test_features_of_jtfs(sounds, monkeypatch):
    """Chunk by chunk, constants are those of all sounds at once."""
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
    """From levels on; these take librosa."""
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
    """Against its definition, step by step."""
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
    """With equal weights in the kernel, a band is a mean of rows around its own."""
    branch = network.RowsToBands(4, 8, 6, key=jax.random.key(0))
    weights = (jnp.full((network.N_LEARNED, 1, 8, 1), 1 / 8), jnp.zeros((network.N_LEARNED, 1, 1)))
    branch = eqx.tree_at(lambda b: (b.convolution.weight, b.convolution.bias), branch, weights)
    ramp = jnp.arange(23.0)[:, None]
    np.testing.assert_allclose(branch(ramp)[0, 2:5, 0], [8, 12, 16], rtol=1e-6)


@pytest.mark.usefixtures("quick_compile")
def test_network():
    """Table 1 in two dimensions; the test of training runs one in a single dimension."""
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


@pytest.fixture
def promotion():
    """What optax's Adam needs."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.usefixtures("quick_compile", "promotion")
def test_training_and_resuming(separable, tmp_path, monkeypatch):
    """It learns; and after an interruption, it ends as if there had been none."""
    fit = partial(train.train, make_tiny, maps_of, separable, SETTINGS, seed=3)
    trained = fit(checkpoint=tmp_path / "whole.npz")
    predicted = train.classify(trained.network, trained.norms, maps_of, separable["validation"])
    matrix = metrics.confusion(separable["validation"].label, predicted, 2)
    assert metrics.macro_accuracy(matrix) == max(trained.accuracy[-2:]) > 0.9
    assert trained.loss[-1] < 0.7 * trained.loss[0]

    write, n_written = train._checkpoint.write, 0

    def interrupted_write(*arguments):
        nonlocal n_written
        write(*arguments)
        n_written += 1
        if n_written == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(train._checkpoint, "write", interrupted_write)
    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=tmp_path / "broken.npz")
    resumed = fit(checkpoint=tmp_path / "broken.npz", resume=True)
    assert n_written == 4
    assert (resumed.loss, resumed.accuracy) == (trained.loss, trained.accuracy)
    for a, b in zip(jax.tree.leaves(resumed[:2]), jax.tree.leaves(trained[:2]), strict=True):
        np.testing.assert_array_equal(a, b)

    other = SETTINGS._replace(batch=4)
    with pytest.raises(ValueError, match="batch was 8, not 4"):
        train.train(
            make_tiny, maps_of, separable, other,
            seed=3, checkpoint=tmp_path / "broken.npz", resume=True,
        )  # fmt: skip


@pytest.mark.usefixtures("quick_compile", "promotion")
def test_experiment_from_files_to_results(database):
    setting = experiment.Setting(
        filterbank={"n_samples": medley.N_SAMPLES, "J": 4, "Q": 1, "T": 2**13},
        shapes={"time": network.Shape((4, 4, 4))},
        trainings={"time": train.Training(n_epochs=2, epoch_size=4, batch=2, n_warmup=1)},
    )
    output = database / "results"
    task = experiment.prepare(database, "time", setting, output)
    result = experiment.run(task, 0, output)
    assert result["data"] == "Medley-solos-DB"
    assert np.array(result["confusion"]).sum(1).tolist() == [1, 0, 0, 0, 0, 0, 0, 1]
    assert len(result["loss"]) == 2
    assert np.isfinite(result["loss"]).all()
    assert json.loads((output / "time-0.json").read_text())["loss"] == result["loss"]
    again = experiment.run(task, 0, output, resume=True)  # all of its epochs are done
    assert (again["loss"], again["confusion"]) == (result["loss"], result["confusion"])
    assert "| Medley-solos-DB | clarinet |" in experiment.table({"time": [result, again]})


@pytest.mark.usefixtures("promotion")
def test_optimizer_decays_weights():
    """The first step of AdamW, from its definition."""
    settings = train.Training(n_warmup=0)
    weights = jnp.array([1.0, -2.0])
    steps = train.optimizer(settings)
    update = jax.jit(steps.update)
    updates, _ = update(jnp.array([300.0, 400.0]), steps.init(weights), weights)
    expected = -1e-3 * (np.ones(2) + 0.1 * np.array([1.0, -2.0]))
    np.testing.assert_allclose(np.asarray(updates), expected, rtol=1e-5)


def test_standin_is_as_imbalanced():
    counts = standin.training_counts(5841)
    np.testing.assert_array_equal(counts, standin.TRAINING_COUNTS)
    assert standin.training_counts(704).min() > 10
    assert abs(standin.training_counts(704).sum() - 704) < 8


@pytest.mark.parametrize("instrument", range(8))
def test_phrases_stay_within_their_instrument(instrument):
    voice = phrases.VOICES[instrument]
    for seed in range(20):
        how = phrases.style(np.random.default_rng(seed), voice)
        made = phrases.phrase(np.random.default_rng(seed), voice, how, 1.5)
        again = phrases.phrase(np.random.default_rng(seed), voice, how, 1.5)
        assert made == again
        assert min(note.onset for note in made.notes) == phrases.START
        assert all(note.onset < note.offset for note in made.notes)
        assert all(voice.lowest <= note.pitch <= voice.highest + 2 for note in made.notes)
        assert voice.bends or made.bend == ()


def test_missing_soundfonts(tmp_path):
    with pytest.raises(ValueError, match=r"no FluidR3Mono_GM\.sf3 in it"):
        standin.make(tmp_path / "made", tmp_path)
    assert not (tmp_path / "made").exists()
