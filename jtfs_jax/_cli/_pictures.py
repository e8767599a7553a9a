"""The commands `jtfs-jax scalogram` and `jtfs-jax plot`: pictures of a recording."""

import argparse
from pathlib import Path

from jtfs_jax import plot as _plot
from jtfs_jax._extras import require
from jtfs_jax._files import replacing
from jtfs_jax.plot._axes import write_title

from ._errors import in_options
from ._outputs import check_outputs, named_after
from ._recording import first_order_filterbank, load, name_of, scattering_filterbank, source_of

_SUFFIXES = (".png", ".pdf", ".svg")
_DPI = 150


def scalogram(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    source, output = _prepared(options)
    x = load(source, options)
    bank = first_order_filterbank(source, len(x), options)
    figure = require("matplotlib.figure", "plot").Figure(figsize=(8, 4), layout="constrained")
    ax = figure.add_subplot()
    with in_options(source, options):
        mesh = _plot.scalogram(bank, x, sample_rate=options.sample_rate, ax=ax)
    _plot.colorbar(mesh)
    write_title(ax.set_title, _title(options))
    return _write(figure, output, options)


def plot(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    source, output = _prepared(options)
    x = load(source, options)
    bank = scattering_filterbank(source, len(x), options)
    with in_options(source, options):
        figure = _plot.overview(bank, x, sample_rate=options.sample_rate, title=_title(options))
    return _write(figure, output, options)


def _prepared(options: argparse.Namespace) -> tuple[Path, Path]:
    """Return the recording and the picture after checking packages and paths."""
    for module in ("matplotlib", "soundfile", "soxr"):
        require(module, "audio,plot")
    output = options.output or named_after(options.audio, options.command, ".png")
    if output.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"{output}: the name of a picture must end in {', '.join(_SUFFIXES)}.")
    source = source_of(options.audio)
    check_outputs([(output, source)], options)
    return source, output


def _title(options: argparse.Namespace) -> str:
    """Return the name of the recording without its folder."""
    return Path(name_of(options.audio)).name


def _write(figure, output: Path, options: argparse.Namespace) -> int:
    with replacing(output) as partial:
        figure.savefig(partial, dpi=_DPI)
    if not options.quiet:
        print(f"Picture: {output}")
    return 0
