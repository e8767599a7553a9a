"""The optimizer study: errors are counted by gradients, and tables show their medians."""

import numpy as np

from experiments import optimizers as study

SOUNDS = ("crow", "guitar", "tabla", "choir")


def record(method, seed, sound, error):
    key = {"J_fr": 3, "method": method, "seed": seed, "sound": sound}
    synchrony = {"synchrony": 0.1 * seed, "synchrony_near": -0.1 * seed}
    return key | {"error": error, "n_forward": 9, "seconds": 0.5} | synchrony


def test_tables():
    runs = []
    for sound in SOUNDS:
        for seed, error in enumerate([[0.4] * 19 + [0.2] * 80 + [0.04], [0.3], [0.1, 0.02]]):
            runs.append(record(study.DEFAULT, seed, sound, error))
            runs.append(record(study.TIME_SCATTERING, 2 * seed, sound, error))
    runs.append(record("Adam", 0, "tabla", [0.5]))
    results = {
        "runs": runs,
        "synchrony": dict.fromkeys(SOUNDS, 0.3),
        "synchrony_near": dict.fromkeys(SOUNDS, -0.2),
        "seconds": {"3": {study.DEFAULT: 0.456}},
    }
    assert study.errors(results, 3, study.DEFAULT, "crow").shape == (3, 100)
    rows = str(study.table(results)).splitlines()
    assert rows[2] == "| 3 | L-BFGS | 3 |" + " 20 % |" * 4 + " 4 % |" * 4 + " 0.46 |"
    assert rows[4] == "| 3 | Adam | 0 to 1 |  |  | 50 % |  |  |  | 50 % |  |  |"
    rows = str(study.short_table(results)).splitlines()[2:]
    assert rows[0] == "| 3 | L-BFGS | 3 | 20 to 20 % | 4 to 4 % |"
    rows = str(study.synchrony_table(results)).splitlines()[2:]
    assert rows[0] == "| all | crow | 0.30 | 0.10 (0.00 to 0.20) | 0.20 (0.00 to 0.40) |"
    assert rows[5] == (
        "| within 0.5 octave | guitar | -0.20 | -0.10 (-0.20 to -0.00) | -0.20 (-0.40 to -0.00) |"
    )


def test_tables_of_what_was_measured_have_no_gaps():
    results = study.read(study.RESULTS)
    for table in (study.table, study.short_table, study.synchrony_table):
        text = str(table(results))
        assert len(text.splitlines()) > 4
        assert "|  |" not in text


def test_errors_are_counted_by_gradients(monkeypatch):
    """The best error within this many gradients, with or without failed trials in between."""
    trials = np.array([0.5, 0.5, 0.3, 0.4, 0.2]), np.array([1, 1, 2, 4, 5]), np.arange(1, 6)

    def descend(*_):
        return None, *trials, np.arange(5.0)

    monkeypatch.setattr(study, "by_trials", descend)
    _, found = study.run(None, None, study.METHODS[study.DEFAULT], seed=0, n_gradients=4)
    assert found == {"error": [0.5, 0.3, 0.3, 0.3], "n_forward": 5, "seconds": 1.0}


def test_every_job_is_planned_once():
    keys = [tuple(job.values()) for job in study.jobs()]
    assert len(set(keys)) == len(keys)
    assert keys[0] == (3, study.DEFAULT, 0, "crow")
    assert {method for _, method, *_ in keys} == set(study.METHODS)
