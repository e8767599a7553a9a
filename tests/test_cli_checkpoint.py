"""States on disk are restored exactly, or refused."""

import jax
import numpy as np
import pytest

from jtfs_jax._cli import _checkpoint

ABOUT = {"seed": 3, "F": "global", "audio": "\udcff.wav"}
STATE = {"z": np.ones((2, 5), np.float32), "n": np.int32(7)}
ROWS = np.array([[0.5, 0.4], [0.3, 0.4]], np.float32)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "run.state.npz"
    _checkpoint.write(path, ABOUT, {"rows": ROWS, **_checkpoint.leaves("state", STATE)})
    return path


def test_what_is_written_is_read(file):
    about, arrays = _checkpoint.read(file)
    state = _checkpoint.restore(file, arrays, "state", jax.eval_shape(lambda: STATE))
    assert about == ABOUT
    jax.tree.map(np.testing.assert_array_equal, (arrays["rows"], state), (ROWS, STATE))
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
        _checkpoint.read(file)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize("like", [{"z": np.ones((2, 6), np.float32)}, {"n": np.float32(7)}])
def test_states_of_another_form_are_refused(file, like):
    _, arrays = _checkpoint.read(file)
    with pytest.raises(ValueError, match="another version"):
        _checkpoint.restore(file, arrays, "state", STATE | like)


def test_a_write_that_fails_leaves_the_state_before(file, monkeypatch):
    def half(stream, **arrays):
        stream.write(b"PK")
        raise KeyboardInterrupt

    before = file.read_bytes()
    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(KeyboardInterrupt):
        _checkpoint.write(file, ABOUT, {})
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
