"""Display in notebooks: tables and sound players."""

import base64
import io
import re

import numpy as np
import soundfile

from experiments.display import Players, Table

RATE = 22050


def test_tables_are_markdown():
    table = Table(["loss", "error"], [["PNP", 1.5], ["JTFS", "–"]])
    assert str(table) == "| loss | error |\n| --- | --- |\n| PNP | 1.5 |\n| JTFS | – |"
    assert table._repr_markdown_() == str(table)


def test_players_play_the_sounds_unless_they_clip():
    t = np.arange(RATE) / RATE
    x = np.sin(2 * np.pi * 440 * t)
    rows = [("guitar", {"soft": 0.25 * x, "loud": 4 * x}), ("choir", {"soft": 0.5 * x})]
    html = Players(rows, RATE)._repr_html_()
    assert re.findall("<td>(guitar|choir)</td>", html) == ["guitar", "choir"]
    assert re.findall("<td>(soft|loud)<br>", html) == ["soft", "loud", "soft"]
    peaks = []
    for data in re.findall('src="data:audio/mpeg;base64,([^"]*)"', html):
        y, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
        assert rate == RATE
        peaks.append(np.abs(y[RATE // 4 : -RATE // 4]).max())
    np.testing.assert_allclose(peaks, [0.25, 1, 0.5], atol=0.02)
