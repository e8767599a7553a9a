"""Instrument classification from files to results, on a fabricated Medley-solos-DB."""

import csv
import json

import numpy as np
import pytest
import soundfile

from experiments.instruments import (
    coefficients,
    experiment,
    medley,
    network,
    phrases,
    standin,
    train,
)


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
        (remove_sound, "1 of the 6 files .* are missing, such as .*_test-0_.*wav"),
        (rename_column, "instrument_id is not among"),
        (spoil_subset, "line 2: subset must be training or validation or test.* got 'train' and 0"),
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
    """A frontend that is fast to compute."""

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


@pytest.mark.usefixtures("quick_compile", "standard_promotion")
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
    again = experiment.run(task, 0, output, resume=True)  # all its epochs are done
    assert (again["loss"], again["confusion"]) == (result["loss"], result["confusion"])
    assert "| Medley-solos-DB | clarinet |" in str(experiment.table({"time": [result, again]}))
