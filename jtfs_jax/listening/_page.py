"""The page: one HTML file made of a template, scripts, a style sheet and blocks of data."""

import base64
import errno
import hashlib
import html
import json
import math
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks
from jtfs_jax._extras import require
from jtfs_jax._files import check_writable, replacing
from jtfs_jax._filterbank import FilterBank

from . import _pictures
from ._comparison import Comparison, different
from ._levels import flac, gain_of_peak, matching_gains

_FOLDER = Path(__file__).parent
_SCRIPTS = ("player", "scalograms", "curves", "blind_test", "trials", "page")
_SUFFIXES = (".html", ".htm")
_MAX_ANY_RATE, _MAX_RATE = 65_535, 655_350  # of FLAC; above the former, only multiples of 10
_DIGITS = 6  # significant digits of errors


def write_page(
    path: str | os.PathLike,
    comparisons: Sequence[Comparison],
    *,
    sample_rate: float,
    title: str = "Metamers",
    bank: FilterBank | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a listening page: one HTML file that loads nothing from elsewhere.

    The page plays the target and the metamers of a comparison simultaneously and makes one of them
    audible, so switching keeps the position. It shows their scalograms in the same colors, the
    errors and the settings, and offers a blind test (A/B/X) whose log can be saved as CSV.

    Sounds are embedded as 16-bit FLAC, all with one gain: 1, unless a peak is beyond ±1. By
    default, the page matches the level (RMS) of the metamers to the level of their target.

    Args:
        path: Path of the file, in an existing folder and ending in .html or .htm. The file is
            written completely or not at all.
        comparisons: At least one comparison, with different titles.
        sample_rate: Sample rate of all sounds in Hz: an integer up to 65,535, or a multiple of 10
            up to 655,350.
        title: Title of the page.
        bank: Filterbank with the first-order wavelets of the scalograms, which are averaged to at
            most 1,000 columns. None: twelve wavelets per octave, down to about 32 Hz.
        overwrite: Whether to replace an existing file.

    Returns:
        The path.

    Raises:
        ValueError: If the path cannot be written; if `comparisons` is not a list of comparisons, or
            is empty; if titles are empty or duplicated; or if `sample_rate` is out of range.
        FileExistsError: If the file exists and `overwrite` is False.
        ImportError: If soundfile (extra `audio`) or matplotlib (extra `plot`) is not installed.
    """
    path = _check_path(path, overwrite=overwrite)
    sample_rate = _check_rate(sample_rate)
    different("title", [title])
    if not isinstance(comparisons, Sequence):
        raise ValueError(
            f"comparisons must be a list of Comparison, got {type(comparisons).__name__}."
        )
    for comparison in comparisons:
        if not isinstance(comparison, Comparison):
            raise ValueError(
                f"comparisons must be of type Comparison, got {type(comparison).__name__}; build "
                f"each with listening.Comparison."
            )
    if not comparisons:
        raise ValueError("comparisons must have at least one Comparison, got none.")
    different("titles of comparisons", [comparison.title for comparison in comparisons])
    require("soundfile", "audio")
    require("matplotlib", "plot")
    gain = gain_of_peak(max(float(np.abs(each.sounds).max()) for each in comparisons))
    style, script = _text("page.css"), "\n".join(_text(f"{name}.js") for name in _SCRIPTS)
    about = {
        "sample_rate": sample_rate,
        "gain": gain,
        "range_db": _pictures.RANGE_DB,
        "color_scale": _base64(_pictures.color_scale()),
        "titles": [comparison.title for comparison in comparisons],
    }
    before, after = _text("page.html").split("$comparisons")
    parts = {
        "title": html.escape(title),
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "version": html.escape(version("jtfs_jax")),
    }
    # File names may contain characters that cannot be encoded; browsers show a placeholder.
    with (
        replacing(path) as partial,
        partial.open("w", encoding="utf-8", errors="xmlcharrefreplace", newline="\n") as file,
    ):
        file.write(Template(before).substitute(parts))
        file.write(_block("data", about))
        for index, comparison in enumerate(comparisons):
            file.write(_block(f"data-{index}", _data(comparison, sample_rate, gain, bank)))
        file.write(Template(after).substitute(parts))
    return path


def _check_path(path: str | os.PathLike, *, overwrite: bool) -> Path:
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"{path}: the name of a page must end in {' or '.join(_SUFFIXES)}.")
    check_writable(path)
    if path.exists() and not overwrite:
        why = "this file exists; write under another name, or give overwrite=True to replace it"
        raise FileExistsError(errno.EEXIST, why, str(path))
    return path


def _check_rate(sample_rate: object) -> int:
    rate = _checks.positive_number("sample_rate", sample_rate)
    if rate != int(rate) or rate > _MAX_RATE or (rate > _MAX_ANY_RATE and rate % 10):
        raise ValueError(
            f"sample_rate must be an integer up to {_MAX_ANY_RATE}, or a multiple of 10 up to "
            f"{_MAX_RATE}, as FLAC requires, got {_checks.shown(sample_rate)}; resample the "
            f"sounds."
        )
    return int(rate)


def _data(
    comparison: Comparison, sample_rate: int, gain: float, bank: FilterBank | None
) -> dict[str, Any]:
    """Data of a comparison for the page, to be written as JSON."""
    sounds = gain * comparison.sounds
    pictures = _pictures.scalograms(sounds, sample_rate, bank)
    return {
        "title": comparison.title,
        "n_samples": sounds.shape[-1],
        "low_hz": pictures.low,
        "high_hz": pictures.high,
        "sounds": [
            {
                "name": name,
                "flac": _base64(flac(sound, sample_rate)),
                "matching_gain": matching_gain,
                "scalogram": _base64(png),
                "errors": _numbers(comparison.errors.get(name)),
            }
            for name, sound, matching_gain, png in zip(
                comparison.names, sounds, matching_gains(sounds), pictures.pngs, strict=True
            )
        ],
        "settings": [[str(name), str(value)] for name, value in comparison.settings.items()],
    }


def _numbers(errors: Float[np.ndarray, " step"] | Sequence[float] | None) -> list[float | None]:
    """Errors as numbers for JSON: rounded, and None if they are not finite."""
    values = [] if errors is None else np.asarray(errors, np.float64).tolist()
    return [float(f"{v:.{_DIGITS}g}") if math.isfinite(v) else None for v in values]


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy that allows only this style and this script."""
    style, script = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        f"img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _block(name: str, data: dict[str, Any]) -> str:
    """A block of JSON in which nothing can be read as HTML, whatever the names contain."""
    text = json.dumps(data, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
