"""The command line, `jtfs-jax`: its commands and their options, and what is said when they fail."""

import argparse
import importlib.metadata
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from ._errors import error_line, expected
from ._features import features
from ._metamer import metamer
from ._options import add_recordings, add_sampling, add_scattering, add_wavelets, integer
from ._pictures import plot, scalogram

_METAMER = """\
Make a musical metamer of a recording: another sound, found from noise by gradient
descent, that has the same joint time–frequency scattering coefficients. Writes the
sound, a picture (PNG), the settings with the error of every step (JSON), and the state
from which --resume goes on (.state.npz).
"""
_METAMER_MORE = """\
examples:
  jtfs-jax metamer                          a metamer of a guitar, as metamer.wav
  jtfs-jax metamer bird.wav -o out.wav      of a recording: out.wav, out.png, out.json
  jtfs-jax metamer bird.wav --count 4       four different ones: metamer-1.wav … metamer-4.wav
  jtfs-jax metamer --resume --steps 200     go on with the first, which had 100 steps

Ctrl-C stops after the current step and writes the best so far; a second one quits
at once. The state is written every 30 seconds, so that --resume, with the same other
options, loses no more than that if the program is killed.
Exit status: 0; 130 after Ctrl-C; 2 for bad input, and then nothing is written; 1 where
a package, memory or space on the disk is missing.
"""
_FEATURES = """\
Write the scattering coefficients of recordings, and what they measure, to .npz files:
arrays that numpy.load reads.
"""
_FEATURES_MORE = """\
examples:
  jtfs-jax features bird.wav                bird.npz
  jtfs-jax features *.wav -o features       features/NAME.npz of each NAME.wav

arrays in a file:
  S0 (frame), S1 (n1, frame), S2 (path, band, frame); with --channels each, they have
  an axis of channels before these
  frequencies (n1), band_frequencies (band), in Hz; frame_times (frame), in s
  path_kind, path_rate, path_scale, path_spin, …: one entry a path, in Hz, cycles/octave
  sample_rate, in Hz; settings, as JSON
Without averaging (--T 0 or --F 0) the p-th path has arrays of its own: S2_p,
band_frequencies_p, frame_times_p.

A recording that fails is reported, and does not keep the others from being written.
Exit status: 0; 2 if there was bad input; 1 for other failures; 130 after Ctrl-C.
"""
_SCALOGRAM = """\
Draw the scalogram of a recording: how loud it is at each time and in each frequency.
"""
_PLOT = """\
Draw a recording's scalogram, what rises and falls in it, and its joint time–frequency
scattering coefficients by rate (Hz) and scale (cycles/octave).
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except Exception as exception:
        error = expected(exception)
        print(error_line(options.command, error), file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1
    except KeyboardInterrupt:
        print(f"jtfs-jax {options.command}: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="jtfs-jax",
        description="Joint time–frequency scattering in JAX.",
    )
    version = importlib.metadata.version("jtfs_jax")
    parser.add_argument("--version", action="version", version=f"jtfs-jax {version}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_metamer(commands)
    _add_features(commands)
    _add_scalogram(commands)
    _add_plot(commands)
    return parser


def _add_metamer(commands) -> None:
    parser = _add_command(
        commands,
        metamer,
        help="make a sound that has the scattering coefficients of a recording",
        description=_METAMER,
        epilog=_METAMER_MORE,
    )
    add_recordings(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT.wav",
        type=Path,
        default=Path("metamer.wav"),
        help="where the metamer goes; OUT.png, OUT.json and OUT.state.npz lie beside it "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--steps",
        metavar="N",
        type=integer(1),
        default=100,
        help="steps of gradient descent, all told (default: %(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from OUT.state.npz, if the run ended early or is to have more --steps",
    )
    parser.add_argument(
        "--optimizer",
        choices=["lbfgs", "bold_driver"],
        default="lbfgs",
        help="how steps are chosen (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=integer(0, 2**32 - 1),
        default=0,
        help="another seed gives another metamer (default: %(default)s)",
    )
    parser.add_argument(
        "--count",
        metavar="K",
        type=integer(1),
        default=1,
        help="number of metamers, written as OUT-1.wav, OUT-2.wav, … if more than 1 "
        "(default: %(default)s); OUT.png shows the best of them",
    )
    add_sampling(parser, "65,536 samples, which are 2.97 s at 22,050 Hz")
    add_scattering(parser)


def _add_features(commands) -> None:
    parser = _add_command(
        commands,
        features,
        help="write the scattering coefficients of recordings",
        description=_FEATURES,
        epilog=_FEATURES_MORE,
    )
    add_recordings(parser, several=True)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        default=Path(),
        help="a folder, in which NAME.npz is written for each recording, or OUT.npz for a single "
        "one (default: the current folder)",
    )
    add_sampling(parser, "all of it", each=True)
    add_scattering(parser)


def _add_scalogram(commands) -> None:
    parser = _add_command(
        commands,
        scalogram,
        help="draw the scalogram of a recording",
        description=_SCALOGRAM,
    )
    _add_picture(parser, "scalogram.png")
    add_wavelets(parser)


def _add_plot(commands) -> None:
    parser = _add_command(
        commands,
        plot,
        help="draw the scattering coefficients of a recording",
        description=_PLOT,
    )
    _add_picture(parser, "plot.png")
    add_scattering(parser)


def _add_picture(parser: argparse.ArgumentParser, default: str) -> None:
    add_recordings(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        default=Path(default),
        help="where the picture goes: OUT.png, OUT.pdf or OUT.svg (default: %(default)s)",
    )
    add_sampling(parser, "all of it")


def _add_command(commands, run: Callable[[argparse.Namespace], int], **texts: str):
    """The parser of a command, which a function of this name carries out."""
    name = run.__name__
    parser = commands.add_parser(
        name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    parser.set_defaults(command=name, run=run)
    return parser
