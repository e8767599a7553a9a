"""Options of the command line that commands share, and how their values are read."""

import argparse
from pathlib import Path

from jtfs_jax._options import PRESETS


def add_recordings(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """AUDIO: one file at most, or any number of them; none stands for the bundled one."""
    parser.add_argument(
        "audio",
        metavar="AUDIO",
        nargs="*" if several else "?",
        type=Path,
        help="WAV, FLAC, OGG, MP3 or other file, or - for the standard input (default: a guitar "
        "that comes with the program)",
    )


def add_sampling(
    parser: argparse.ArgumentParser, default_duration: str, *, each: bool = False
) -> None:
    """What of the recording is used, and at which rate; `each`: also all channels one by one."""
    sound = parser.add_argument_group("the recording")
    sound.add_argument(
        "--duration",
        metavar="S",
        type=_positive,
        help=f"seconds used, from its start; less if it is shorter (default: {default_duration})",
    )
    sound.add_argument(
        "--sample-rate",
        metavar="HZ",
        type=integer(100, 384_000),
        default=22050,
        help="it is resampled to this (default: %(default)s)",
    )
    sound.add_argument(
        "--channels",
        choices=["mean", "first", *(["each"] if each else [])],
        default="mean",
        help="the mean of its channels, the first one"
        + each * ", or each of them"
        + " (default: %(default)s)",
    )


def add_wavelets(parser: argparse.ArgumentParser):
    """Options of the first order; returns their group."""
    transform = parser.add_argument_group("the transform")
    transform.add_argument(
        "--J",
        metavar="J",
        type=integer(1, 30),
        default=12,
        help="wavelets last up to 2^J samples (default: %(default)s)",
    )
    transform.add_argument(
        "--Q",
        metavar="Q",
        type=integer(1, 30),
        default=12,
        help="wavelets an octave (default: %(default)s)",
    )
    return transform


def add_scattering(parser: argparse.ArgumentParser) -> None:
    """Options of the first order, of the second one, and of averages."""
    transform = add_wavelets(parser)
    transform.add_argument(
        "--T",
        metavar="T",
        type=_width,
        default=8192,
        help='samples averaged over, within which coefficients do not tell when; or "global", or '
        "0 for none (default: %(default)s)",
    )
    transform.add_argument(
        "--J-fr",
        metavar="J",
        type=integer(1, 30),
        default=3,
        help="wavelets along log-frequency span up to 2^J bands (default: %(default)s)",
    )
    transform.add_argument(
        "--Q-fr",
        metavar="Q",
        type=integer(1, 100),
        default=1,
        help="of these, wavelets an octave (default: %(default)s)",
    )
    transform.add_argument(
        "--F",
        metavar="F",
        type=_width,
        help='bands averaged over, or "global", or 0 for none (default: 2^J_fr)',
    )
    transform.add_argument(
        "--preset",
        choices=PRESETS,
        default="kymatio",
        help="how filters are made and signals continued: as Kymatio does, or so that rising and "
        "falling sounds are told apart best (default: %(default)s)",
    )


def integer(low: int, high: int | None = None):
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
