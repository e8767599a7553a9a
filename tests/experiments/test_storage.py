"""Files of experiments: replaced as a whole or not at all; checkpoints fit or say why not."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import storage

SETTINGS = {"seed": 3, "shape": (1, 2)}
HISTORY = {"loss": [0.5, 0.25]}


def network(width=4):
    return eqx.nn.MLP(2, 1, width, 1, key=jax.random.key(width))


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "run.eqx"
    storage.save_checkpoint(path, network(), settings=SETTINGS, history=HISTORY)
    return path


def test_a_file_stays_as_it_was_if_writing_fails(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")

    def write():
        with storage.replacing(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_arrays_are_read_by_numpy(tmp_path):
    path = tmp_path / "arrays.npz"
    storage.save_arrays(path, {"a": np.arange(3), "b": jnp.ones(2)})
    with np.load(path) as arrays:
        assert (arrays["a"].tolist(), arrays["b"].tolist()) == ([0, 1, 2], [1, 1])


def test_checkpoints_are_read_as_they_were_written(checkpoint):
    like = jax.tree.map(
        lambda leaf: jnp.zeros_like(leaf) if eqx.is_array(leaf) else leaf, network()
    )
    found, history = storage.load_checkpoint(checkpoint, like, settings=SETTINGS)
    assert eqx.tree_equal(found, network())
    assert history == HISTORY


@pytest.mark.parametrize("content", [b"", b"RIFF\n", b"[]\n", b"{}\n", b"\xff\xfe\n"])
def test_files_that_are_no_checkpoints(checkpoint, content):
    checkpoint.write_bytes(content)
    with pytest.raises(ValueError, match="this is not a checkpoint") as caught:
        storage.load_checkpoint(checkpoint, network(), settings=SETTINGS)
    assert str(checkpoint) in str(caught.value)


def test_checkpoints_of_other_settings(checkpoint):
    with pytest.raises(ValueError, match="seed was 3, not 4; resume with these"):
        storage.load_checkpoint(checkpoint, network(), settings=SETTINGS | {"seed": 4})


def test_checkpoints_of_other_arrays(checkpoint):
    with pytest.raises(ValueError, match="its arrays do not fit"):
        storage.load_checkpoint(checkpoint, network(5), settings=SETTINGS)


def test_checkpoints_that_were_cut_short(checkpoint):
    checkpoint.write_bytes(checkpoint.read_bytes()[:-20])
    with pytest.raises(ValueError, match="its arrays do not fit"):
        storage.load_checkpoint(checkpoint, network(), settings=SETTINGS)


def test_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="there is no such file to resume from"):
        storage.load_checkpoint(tmp_path / "none.eqx", network(), settings=SETTINGS)
