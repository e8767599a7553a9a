"""The commands `jtfs-jax scalogram` and `jtfs-jax plot`: from a recording to a picture."""

import argparse
from pathlib import Path

from jtfs_jax import audio, plot as _plot
from jtfs_jax._extras import require
from jtfs_jax._files import check_writable, replacing
from jtfs_jax.plot._axes import write_title

from ._recording import first_order_filterbank, joint_filterbank, name_of, source_of

_SUFFIXES = (".png", ".pdf", ".svg")
_DPI = 150


def scalogram(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    source = _prepared(options)
    x = audio.load(source, options.sample_rate, options.duration, channels=options.channels)
    bank = first_order_filterbank(source, len(x), options)
    figure = require("matplotlib.figure", "plot").Figure(figsize=(8, 4), layout="constrained")
    ax = figure.add_subplot()
    _plot.colorbar(_plot.scalogram(bank, x, sample_rate=options.sample_rate, ax=ax))
    write_title(ax.set_title, _title(options))
    return _write(figure, options)


def plot(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    source = _prepared(options)
    x = audio.load(source, options.sample_rate, options.duration, channels=options.channels)
    bank = joint_filterbank(source, len(x), options)
    figure = _plot.overview(bank, x, sample_rate=options.sample_rate, title=_title(options))
    return _write(figure, options)


def _prepared(options: argparse.Namespace):
    """The recording, once all is known to be there that the command needs."""
    for module in ("matplotlib", "soundfile", "soxr"):
        require(module, "audio,plot")
    if options.output.suffix.lower() not in _SUFFIXES:
        raise ValueError(
            f"{options.output}: the name of a picture must end in {', '.join(_SUFFIXES)}."
        )
    check_writable(options.output)
    return source_of(options.audio)


def _title(options: argparse.Namespace) -> str:
    """The name of the recording, without its folder."""
    return Path(name_of(options.audio)).name


def _write(figure, options: argparse.Namespace) -> int:
    with replacing(options.output) as partial:
        figure.savefig(partial, dpi=_DPI)
    print(f"Picture: {options.output}")
    return 0
