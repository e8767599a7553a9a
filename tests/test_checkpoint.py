"""States on disk come back as they were, or are refused."""

import jax
import numpy as np
import pytest

from jtfs_jax._cli import _checkpoint

SETTINGS = {"seed": 3, "F": "global"}
HISTORY = {"error": list(np.array([[0.5, 0.4], [0.3, 0.4]], np.float32)), "n_forward": [1, 2]}
STATE = {"z": np.ones((2, 5), np.float32), "n": np.int32(7)}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "run.state.npz"
    _checkpoint.write(path, SETTINGS, HISTORY, STATE)
    return path


def test_what_is_written_is_read(file):
    history, state = _checkpoint.read(file, SETTINGS, jax.eval_shape(lambda: STATE))
    jax.tree.map(np.testing.assert_array_equal, (history, state), (HISTORY, STATE))
    assert jax.tree.map(lambda leaf: leaf.dtype, state) == {"z": np.float32, "n": np.int32}
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def an_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


BROKEN = {
    "missing": (lambda path: path.unlink(), "there is no such file to resume from"),
    "empty": (lambda path: path.write_bytes(b""), "this is not the state of a run"),
    "truncated": (truncate, "this is not the state of a run"),
    "an array": (an_array, "this is not the state of a run"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named(file, name):
    make, message = BROKEN[name]
    make(file)
    with pytest.raises(ValueError, match=message) as raised:
        _checkpoint.read(file, SETTINGS, STATE)
    assert str(file) in str(raised.value)


def test_other_settings_and_states_are_refused(file):
    with pytest.raises(ValueError, match="seed was 3, not 4; resume with these"):
        _checkpoint.read(file, SETTINGS | {"seed": 4}, STATE)
    with pytest.raises(ValueError, match="another version"):
        _checkpoint.read(file, SETTINGS, STATE | {"z": np.ones((2, 6), np.float32)})
