"""The examples of the README and of the guides run, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDES = ROOT / "notebooks" / "guides"
PAGES = [ROOT / "README.md", *sorted(GUIDES.glob("*.md"))]

pytestmark = pytest.mark.usefixtures("standard_promotion", "quick_compile")


def examples(page):
    """Python blocks that need no recording, and no libraries that the tests do not use."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [block for block in blocks if not block.startswith(("# with", "# a store"))]


def run(page, names=None):
    names = {} if names is None else names
    for example in examples(page):
        exec(example, names)
    return names


def test_the_readme_is_one_page():
    assert (ROOT / "README.md").stat().st_size <= 9000


def test_the_example_of_the_readme(capsys):
    names = run(ROOT / "README.md")
    *shape, spin, rate, scale = map(float, re.findall(r"[\d.]+", capsys.readouterr().out))
    assert shape == [95, 11, 16]
    assert (spin, rate, scale) == (1, pytest.approx(965, abs=1), pytest.approx(2.8))
    assert names["gradient"].shape == names["x"].shape


def test_any_length(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = run(GUIDES / "any_length.md")
    printed = re.findall(r"\((\d+), (\d+), (\d+)\)", capsys.readouterr().out)
    assert sum(int(n_frames) for *_, n_frames in printed) == len(names["times"])
    assert abs(names["note"].frequency - 440) < 20
    assert names["note"].sizes["time"] == 5  # of 2048 samples, in half a second
    assert set(names["rising"].spin.values) == {1}
    assert names["rising"].sizes["path"] < names["ds"].sizes["path"] / 2
    assert (tmp_path / "sounds.zarr").is_dir()


def test_jax_and_scikit_learn():
    names = run(GUIDES / "jax_and_others.md")
    assert names["f"](names["bank"], names["x"]).S2.shape == names["S"].S2.shape
    assert [name for name, _ in names["model"].steps][:2] == ["jtfs", "mulog"]


def test_no_guide_has_an_example_that_is_not_run():
    with_examples = {page.stem for page in PAGES if examples(page)}
    assert with_examples == {"README", "any_length", "jax_and_others"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    for link in links:
        assert (page.parent / link).exists(), link
