"""The command line, `jtfs-jax`: options and their checks, and what is said to the user.

Nothing is imported here that takes long: help and errors of usage come at once.
"""

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

_DESCRIPTION = """\
Make a musical metamer of a recording: another sound, found from noise by gradient
descent, that has the same joint time–frequency scattering coefficients. Writes the
sound, a picture (PNG), the settings with the error of every step (JSON), and the state
from which --resume goes on (.state.npz).
"""
_EPILOG = """\
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)

    try:
        from ._metamer import metamer

        return metamer(options)
    except (ValueError, ImportError, OSError) as error:
        message = " ".join(str(error).split())
        print(f"jtfs-jax metamer: error: {message}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1
    except MemoryError:
        print("jtfs-jax metamer: error: not enough memory; lower --duration", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("jtfs-jax metamer: interrupted", file=sys.stderr)
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
    return parser


def _add_metamer(commands) -> None:
    parser = commands.add_parser(
        "metamer",
        help="make a sound that has the scattering coefficients of a recording",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "audio",
        metavar="AUDIO",
        nargs="?",
        type=Path,
        help="WAV, FLAC or OGG file (default: a guitar that comes with the program)",
    )
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
        type=_integer(1),
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
        type=_integer(0, 2**32 - 1),
        default=0,
        help="another seed gives another metamer (default: %(default)s)",
    )
    parser.add_argument(
        "--count",
        metavar="K",
        type=_integer(1),
        default=1,
        help="number of metamers, written as OUT-1.wav, OUT-2.wav, … if more than 1 "
        "(default: %(default)s); OUT.png shows the best of them",
    )

    sound = parser.add_argument_group("the recording")
    sound.add_argument(
        "--duration",
        metavar="S",
        type=_positive,
        help="seconds used, from its start; less if it is shorter (default: 65,536 samples, which "
        "are 2.97 s at 22,050 Hz)",
    )
    sound.add_argument(
        "--sample-rate",
        metavar="HZ",
        type=_integer(100, 384_000),
        default=22050,
        help="it is resampled to this (default: %(default)s)",
    )

    transform = parser.add_argument_group("the transform")
    transform.add_argument(
        "--J",
        metavar="J",
        type=_integer(1, 30),
        default=12,
        help="wavelets last up to 2^J samples (default: %(default)s)",
    )
    transform.add_argument(
        "--Q",
        metavar="Q",
        type=_integer(1, 30),
        default=12,
        help="wavelets an octave (default: %(default)s)",
    )
    transform.add_argument(
        "--T",
        metavar="T",
        type=_width,
        default=8192,
        help='samples averaged over: what happens within them may differ; or "global", '
        "or 0 for none (default: %(default)s)",
    )
    transform.add_argument(
        "--J-fr",
        metavar="J",
        type=_integer(1, 30),
        default=3,
        help="wavelets along log-frequency span up to 2^J bands (default: %(default)s)",
    )
    transform.add_argument(
        "--Q-fr",
        metavar="Q",
        type=_integer(1, 100),
        default=1,
        help="of these, wavelets an octave (default: %(default)s)",
    )
    transform.add_argument(
        "--F",
        metavar="F",
        type=_width,
        help='bands averaged over, or "global", or 0 for none (default: 2^J_fr)',
    )


def _integer(low: int, high: int | None = None):
    """Reader of an integer between `low` and `high`."""
    rule = f"at least {low}" if high is None else f"between {low} and {high}"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < low or (high is not None and value > high):
            raise argparse.ArgumentTypeError(f"must be an integer, {rule}, got {text!r}")
        return value

    return read


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text!r}")
    return value


def _width(text: str) -> float | str:
    if text == "global":
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f'must be a number or "global", got {text!r}')
    return value
