"""Listening pages as files: embedded data, levels, errors, names of any kind."""

import base64
import io
import json
import re
import sys
from html.parser import HTMLParser

import matplotlib.image
import numpy as np
import pytest
import soundfile
from helpers import noise

import jtfs_jax
from jtfs_jax import listening
from jtfs_jax.listening import Comparison, _levels, _page, _pictures

RATE = 8000
HOSTILE = '</script><script>document.title = "gone"</script><!-- "ü\' & ☃ \ud800'
X, Y, Z = 0.1 * noise(3, 2000)


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(None, J=4, Q=4)


def comparison(**changes):
    given = {"title": "noise", "target": X, "metamers": {"seed 0": Y}}
    return Comparison(**given | changes)


class Blocks(HTMLParser):
    """The data blocks of a page by id, and all attributes with an address."""

    def __init__(self, text):
        super().__init__()
        self.blocks, self.addresses, self.ids, self._id = {}, [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.addresses += [attributes[k] for k in ("src", "href", "action") if k in attributes]
        self._id = attributes["id"] if attributes.get("type") == "application/json" else None

    def handle_data(self, data):
        if self._id:
            self.blocks[self._id] = json.loads(data)
            self._id = None


def blocks(path):
    return Blocks(path.read_text(encoding="utf-8")).blocks


def played(sound):
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(sound["flac"])), always_2d=True)
    assert rate == RATE
    return samples.T


def picture(sound):
    encoded = io.BytesIO(base64.b64decode(sound["scalogram"]))
    return matplotlib.image.imread(encoded, format="png")


# ---- What is embedded ----------------------------------------------------------------------------


def test_a_page_has_all_it_needs(tmp_path, bank):
    path = tmp_path / "page.html"
    written = listening.write_page(path, [comparison()], sample_rate=RATE, bank=bank)
    text, found = path.read_text(encoding="utf-8"), Blocks(path.read_text(encoding="utf-8"))
    assert written == path
    assert found.addresses == ["data:,"]
    assert set(re.findall(r"https?://[^\s\"'<]*", text)) == {"http://www.w3.org/2000/svg"}  # a name
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML|\bimport\b", text)
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert len(found.ids) == len(set(found.ids))
    assert jtfs_jax.__version__ in text
    assert not [p for p in tmp_path.iterdir() if p != path]


def test_sounds_are_embedded_to_16_bits(tmp_path, bank):
    stereo = comparison(title="stereo", target=np.stack([X, Z]), metamers={"a": np.stack([Y, X])})
    path = tmp_path / "page.html"
    listening.write_page(path, [comparison(), stereo], sample_rate=RATE, bank=bank)
    found = blocks(path)
    assert found["data"]["titles"] == ["noise", "stereo"]
    assert found["data"]["gain"] == 1
    for index, sounds in enumerate([[X[None], Y[None]], stereo.sounds]):
        data = found[f"data-{index}"]
        assert data["n_samples"] == 2000
        for sound, expected in zip(data["sounds"], sounds, strict=True):
            np.testing.assert_allclose(played(sound), expected, atol=2**-16)


def test_one_gain_keeps_all_sounds_from_clipping(tmp_path, bank):
    loud = comparison(title="loud", metamers={"a": 8 * Y, "b": X})
    path = tmp_path / "page.html"
    listening.write_page(path, [comparison(), loud], sample_rate=RATE, bank=bank)
    found = blocks(path)
    gain = found["data"]["gain"]
    assert gain == pytest.approx(1 / np.abs(8 * Y).max())
    for index, sounds in enumerate([[X, Y], [X, 8 * Y, X]]):
        for sound, expected in zip(found[f"data-{index}"]["sounds"], sounds, strict=True):
            np.testing.assert_allclose(played(sound)[0], gain * expected, atol=2**-15)


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_levels_match_without_clipping(tmp_path, bank, scale):
    peaky = np.where(np.arange(2000) % 100 == 0, 0.09, 0.001)
    path = tmp_path / "page.html"
    given = comparison(metamers={"scaled": scale * Y, "peaky": peaky, "silent": 0 * X})
    listening.write_page(path, [given], sample_rate=RATE, bank=bank)
    sounds = blocks(path)["data-0"]["sounds"]
    gains = np.array([sound["matching_gain"] for sound in sounds])
    heard = gains[:, None] * np.array([played(sound)[0] for sound in sounds])
    levels = np.sqrt(np.mean(heard**2, axis=1))
    np.testing.assert_allclose(levels[1:3], levels[0], rtol=1e-2)
    assert np.abs(heard).max() == pytest.approx(1, rel=1e-2)  # the peak of "peaky"
    assert gains[3] == pytest.approx(gains[0])


def test_a_silent_target_changes_no_level():
    assert _levels.matching_gains(np.stack([0 * X, Y])[:, None]) == [1, 1]


def test_errors_and_settings(tmp_path, bank):
    path = tmp_path / "page.html"
    errors = {"seed 0": np.array([1.0, np.nan, 0.0123456789])}
    given = comparison(errors=errors, settings={"T": 8192, "optimizer": "<b>L-BFGS</b>"})
    listening.write_page(path, [given], sample_rate=RATE, bank=bank)
    data = blocks(path)["data-0"]
    assert [sound["errors"] for sound in data["sounds"]] == [[], [1.0, None, 0.0123457]]
    assert data["settings"] == [["T", "8192"], ["optimizer", "<b>L-BFGS</b>"]]


def test_names_may_be_anything(tmp_path, bank):
    given = comparison(title=HOSTILE, metamers={HOSTILE: Y}, settings={HOSTILE: HOSTILE})
    path = tmp_path / "page.html"
    listening.write_page(path, [given], sample_rate=RATE, bank=bank, title=HOSTILE)
    found = blocks(path)
    assert found["data"]["titles"] == [HOSTILE]
    assert found["data-0"]["sounds"][1]["name"] == HOSTILE
    assert found["data-0"]["settings"] == [[HOSTILE, HOSTILE]]
    assert "<script>document" not in path.read_text(encoding="utf-8")


# ---- Scalograms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [2, 700, 5000])
def test_scalograms_have_a_row_for_each_band_and_few_columns(bank, n_samples):
    found = _pictures.scalograms(noise(2, 1, n_samples), RATE, bank)
    frequencies = jtfs_jax.wavelet_frequencies(bank, sample_rate=RATE)
    pixels = [matplotlib.image.imread(io.BytesIO(png), format="png") for png in found.pngs]
    assert pixels[0].shape == pixels[1].shape
    assert pixels[0].shape[1] <= 1000
    assert found.low < frequencies[-1]
    assert frequencies[0] < found.high <= RATE / 2


def test_a_tone_is_where_the_axes_say(tmp_path):
    frequency, n_samples = 1000, 2 * RATE
    x = 0.5 * np.sin(2 * np.pi * frequency * np.arange(n_samples) / RATE)
    x[: n_samples // 2] = 0
    path = tmp_path / "page.html"
    given = comparison(target=x, metamers={"quiet": 0.01 * x})
    listening.write_page(path, [given], sample_rate=RATE)
    data = blocks(path)["data-0"]
    target, quiet = (picture(sound)[..., :3].sum(-1) for sound in data["sounds"])
    rows, columns = target.shape
    low, high = data["low_hz"], data["high_hz"]
    row = rows * np.log(high / frequency) / np.log(high / low)
    assert abs(target[:, 3 * columns // 4].argmax() + 0.5 - row) <= 2
    assert target[:, : columns // 3].max() < 0.1 < target[:, columns // 2 + 20 :].max()
    assert 0.1 < quiet.max() < target.max() / 2  # on the target's color scale


def test_channels_are_averaged_in_power(bank):
    mono = _pictures.scalograms(np.stack([X, Y])[:, None], RATE, bank)
    opposite = np.stack([np.stack([X, -X]), np.stack([Y, -Y])])
    assert _pictures.scalograms(opposite, RATE, bank) == mono


# ---- What is refused -----------------------------------------------------------------------------

REFUSED = {
    "lengths": ({"metamers": {"a": Y[:-1]}}, r"'a'\] must have the shape of the target, \(2000,\)"),
    "channels": ({"metamers": {"a": np.stack([X, Y])}}, r"got \(2, 2000\)"),
    "not finite": ({"target": np.append(X, np.nan)}, "target must have finite samples, got 1"),
    "empty": ({"target": X[:0]}, r"at least 2 samples, got an array of shape \(0,\)"),
    "integers": ({"target": np.arange(9)}, "floating-point samples.*got dtype int64"),
    "no sound": ({"target": 0.5}, "must be an array"),
    "three axes": ({"target": X[None, None]}, r"\(channel, time\)"),
    "many channels": ({"target": np.zeros((9, 5))}, "1 to 8 channels"),
    "no metamers": ({"metamers": {}}, "metamers must have at least one"),
    "an array": ({"metamers": np.stack([X, Y])}, "mapping from names to sounds, got ndarray"),
    "a list": ({"errors": [1.0, 0.5]}, "errors must be a mapping from names to errors, got list"),
    "pairs": ({"settings": [("T", 9)]}, "settings must be a mapping from names to values"),
    "target twice": ({"metamers": {"target": Y}}, "'target' is the name of the target"),
    "double": ({"metamers": {"a": Y, "a ": Y}}, "names of metamers must differ .* got 'a ' twice"),
    "no name": ({"metamers": {" ": Y}}, "names of metamers must be text that is not empty"),
    "no text": ({"metamers": {1: Y}}, "names of metamers must be text"),
    "no title": ({"title": ""}, "title must be text"),
    "unknown": ({"errors": {"b": [1.0]}}, r"errors must belong to metamers.*\['seed 0'\], got 'b'"),
    "no errors": ({"errors": {"seed 0": []}}, "at least one number"),
    "negative": ({"errors": {"seed 0": [-1.0]}}, "none of them negative"),
    "two axes": ({"errors": {"seed 0": [[1.0]]}}, "must be a sequence"),
    "words": ({"errors": {"seed 0": ["low"]}}, "must be a sequence"),
}


@pytest.mark.parametrize(("changes", "match"), REFUSED.values(), ids=REFUSED)
def test_refused_comparisons(changes, match):
    with pytest.raises(ValueError, match=match):
        comparison(**changes)


REFUSED_PAGES = {
    "none": ({"comparisons": []}, "comparisons must have at least one"),
    "one": ({"comparisons": comparison()}, "must be a list of Comparison, got Comparison"),
    "a page": ({"comparisons": ["a"]}, "comparisons must be of type Comparison, got str"),
    "double": ({"comparisons": [comparison(), comparison()]}, "titles of comparisons must differ"),
    "rate": ({"sample_rate": 8000.5}, "sample_rate must be an integer"),
    "no rate": ({"sample_rate": 0}, "sample_rate must be a positive number"),
    "high": ({"sample_rate": 1e6}, "up to 655350"),
    "odd": ({"sample_rate": 65_537}, "or a multiple of 10"),
    "suffix": ({"path": "page.txt"}, r"must end in \.html or \.htm"),
    "folder": ({"path": "no/page.html"}, "there is no folder"),
    "title": ({"title": ""}, "title must be text"),
}


@pytest.mark.parametrize(("changes", "match"), REFUSED_PAGES.values(), ids=REFUSED_PAGES)
def test_refused_pages(tmp_path, changes, match):
    given = {"comparisons": [comparison()], "sample_rate": RATE} | changes
    with pytest.raises(ValueError, match=match):
        listening.write_page(tmp_path / given.pop("path", "page.html"), **given)
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_only_if_told(tmp_path, bank):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(FileExistsError, match=r"overwrite=True.*page\.html"):
        listening.write_page(path, [comparison()], sample_rate=RATE)
    assert path.read_text() == "old"
    listening.write_page(path, [comparison()], sample_rate=RATE, bank=bank, overwrite=True)
    assert path.read_text().startswith("<!doctype html>")


def test_what_goes_wrong_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(_pictures, "scalograms", fail)
    with pytest.raises(MemoryError):
        listening.write_page(tmp_path / "page.html", [comparison()], sample_rate=RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("module", "extra"), [("soundfile", "audio"), ("matplotlib", "plot")])
def test_missing_extras_are_named(tmp_path, monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"jtfs_jax\[{extra}\]"):
        listening.write_page(tmp_path / "page.html", [comparison()], sample_rate=RATE)


# ---- Colors --------------------------------------------------------------------------------------


def luminance(color):
    values = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colors_are_legible(scheme):
    style = _page._text("page.css")
    parts = dict(zip(["light", "dark"], re.findall(r":root \{(.*?)\}", style, re.S), strict=True))
    colors = dict(re.findall(r"--([\w-]+): (#\w{6});", parts[scheme]))

    def contrast(a, b):
        low, high = sorted(luminance(colors[name]) + 0.05 for name in (a, b))
        return high / low

    for ground in ("page", "surface", "tint"):
        for text in ("text", "quiet", "problem"):
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast("on-accent", "accent") >= 4.5
    for line in ["accent", "edge", *(f"line-{k}" for k in range(6))]:
        assert contrast(line, "page") >= 3, line
        assert contrast(line, "surface") >= 3, line
