"""Examples in the README run."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.usefixtures("standard_promotion", "quick_compile")
def test_the_examples_in_python(capsys, monkeypatch, tmp_path):
    first, spread, segments, of_store, labeled, of_torch, of_sklearn = re.findall(
        r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    names = {}
    exec(first, names)
    *shape, spin, rate, scale = map(float, re.findall(r"[\d.]+", capsys.readouterr().out))
    assert shape == [95, 11, 16]
    assert (spin, rate, scale) == (1, pytest.approx(965, abs=1), pytest.approx(2.8))
    assert names["gradient"].shape == names["x"].shape
    shape = names["S"].S2.shape
    exec(spread, names)
    assert names["S"].S2.shape[1:] == names["f"](names["bank"], names["x"]).S2.shape[1:] == shape
    of_signal = dict(names)
    exec(segments, of_signal)
    assert of_signal["S"].S1.shape[-1] == len(of_signal["times"])
    printed = re.findall(r"\((\d+), (\d+), (\d+)\)", capsys.readouterr().out)
    assert sum(int(n_frames) for *_, n_frames in printed) == len(of_signal["times"])
    assert "first_frame" in of_store  # covered by tests/test_store.py
    monkeypatch.chdir(tmp_path)
    exec(labeled, names)
    assert abs(names["note"].frequency - 440) < 20
    assert names["note"].sizes["time"] == 5  # with 2048 samples, in half a second
    assert set(names["rising"].spin.values) == {1}
    assert names["rising"].sizes["path"] < shape[0] / 2
    assert (tmp_path / "sounds.zarr").is_dir()
    assert "jtfs_jax.torch" in of_torch  # covered by tests/test_torch.py
    exec(of_sklearn, names)
    assert [name for name, _ in names["model"].steps][:2] == ["jtfs", "mulog"]
