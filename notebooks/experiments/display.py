"""Tables and players of sounds for the notebooks."""

import base64
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile


@dataclass(frozen=True)
class Table:
    """A table that notebooks render and `print` writes as Markdown."""

    header: Sequence[str]
    rows: Collection[Sequence[Any]]

    def __str__(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)

    __repr__ = _repr_markdown_ = __str__


@dataclass(frozen=True)
class Players:
    """Players of sounds: one row per name, one column per version.

    Sounds are `(time)` or `(channel, time)`. Sounds with a peak above 1 are scaled to a peak of 1;
    all others are unchanged.
    """

    rows: Collection[tuple[str, Mapping[str, Any]]]
    sample_rate: int

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td>{name}</td>"
            + "".join(f"<td>{version}<br>{self._player(x)}</td>" for version, x in versions.items())
            + "</tr>"
            for name, versions in self.rows
        )
        return f"<table>{''.join(rows)}</table>"

    def __repr__(self) -> str:
        return f"Players(sample_rate={self.sample_rate})"

    def _player(self, x: Any) -> str:
        x, file = np.asarray(x), io.BytesIO()
        soundfile.write(file, x.T / max(np.abs(x).max(), 1.0), self.sample_rate, format="MP3")
        data = base64.b64encode(file.getvalue()).decode()
        return f'<audio controls src="data:audio/mpeg;base64,{data}"></audio>'
