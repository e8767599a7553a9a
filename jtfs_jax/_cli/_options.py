"""Options that commands share, how to parse their values, and which of them were given."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from jtfs_jax._presets import PRESETS

# Options that concern one call of the program, and not its results.
_PASSING = {"audio", "output", "overwrite", "page", "quiet", "resume", "table"}
_PASSING |= {"no_cache", "prepare", "scheduler", "worker", "workers"}
_PASSING |= {"command", "command_line", "given", "run"}


class Parser(argparse.ArgumentParser):
    """A parser without abbreviations that prints one-line errors and records the given options.

    `given` in the result has the names of all options with a value on the command line.
    """

    def __init__(self, **arguments: Any):
        super().__init__(**arguments, allow_abbrev=False)
        self.register("action", None, _Store)
        self.set_defaults(given=frozenset())

    def error(self, message: str) -> NoReturn:
        """Exit with a one-line message, without the usage."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


class _Store(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values)
        if option_string is not None:
            namespace.given |= {self.dest}


def add_recordings(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add AUDIO: at most one file, or any number of files and folders if `several`."""
    what = "a WAV, FLAC, OGG, MP3 or other audio file, or - for standard input"
    parser.add_argument(
        "audio",
        metavar="AUDIO",
        nargs="*" if several else "?",
        type=Path,
        help=f"{what}{'; or a folder, searched recursively' if several else ''} "
        "(default: the bundled recording of a guitar)",
    )


def add_output(
    parser: argparse.ArgumentParser,
    metavar: str,
    help: str,
    *,
    default: Path | None = None,
    required: bool = False,
) -> None:
    """Add options for the output, for replacing existing files and for quiet operation."""
    parser.add_argument(
        "-o",
        "--output",
        metavar=metavar,
        type=Path,
        default=default,
        required=required,
        help=help,
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace existing files (default: stop before any work)",
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print only warnings and errors",
    )


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add the option that turns off the cache of compiled programs."""
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="compile everything and keep no compiled programs; JTFS_JAX_NO_CACHE=1 in the "
        "environment does the same (default: keep up to 200 MB in the user's cache folder)",
    )


def add_sampling(
    parser: argparse.ArgumentParser, *, each: str | None = None, default: str = "mean"
) -> None:
    """Add options for the part of the recording to use, its sample rate and its channels.

    `each` is the help text of `--channels each`; None: no such choice.
    """
    sound = parser.add_argument_group("recording")
    sound.add_argument(
        "--start",
        metavar="S",
        type=_seconds(0.0),
        default=0.0,
        help="skip the first S seconds of the recording (default: 0)",
    )
    sound.add_argument(
        "--duration",
        metavar="S",
        type=_seconds(None),
        help="use at most S seconds (default: up to the end)",
    )
    sound.add_argument(
        "--sample-rate",
        metavar="HZ",
        type=integer(100, 384_000),
        default=22050,
        help="resample to this sample rate (default: %(default)s)",
    )
    sound.add_argument(
        "--channels",
        choices=["mean", "first", *(["each"] if each else [])],
        default=default,
        help=f"mean: average the channels; first: use the first{f'; each: {each}' if each else ''} "
        "(default: %(default)s)",
    )


def add_search(parser: argparse.ArgumentParser):
    """Add options for finding a metamer; return their group."""
    search = parser.add_argument_group("search")
    search.add_argument(
        "--steps",
        metavar="N",
        type=integer(1),
        default=100,
        help="total number of gradient descent steps, also with --resume (default: %(default)s)",
    )
    search.add_argument(
        "--optimizer",
        choices=["lbfgs", "bold_driver"],
        default="lbfgs",
        help="method of gradient descent: lbfgs needs the fewest steps; bold_driver is the one in "
        "the literature (default: %(default)s)",
    )
    search.add_argument(
        "--seed",
        metavar="N",
        type=integer(0, 2**32 - 1),
        default=0,
        help="random seed; another seed gives another metamer (default: %(default)s)",
    )
    return search


def add_wavelets(parser: argparse.ArgumentParser):
    """Add options for first-order wavelets; return their group."""
    transform = parser.add_argument_group("transform")
    transform.add_argument(
        "--J",
        metavar="N",
        type=integer(1, 30),
        default=12,
        help="the longest wavelets last about 2^N samples after resampling (default: %(default)s, "
        "which is 0.19 s at 22,050 Hz)",
    )
    transform.add_argument(
        "--Q",
        metavar="N",
        type=integer(1, 30),
        default=12,
        help="wavelets per octave (default: %(default)s)",
    )
    return transform


def add_scattering(parser: argparse.ArgumentParser, *, choice: bool = False) -> None:
    """Add options for the first order, the second order and averaging.

    `choice` adds `--transform`, to choose the second order of time scattering.
    """
    transform = add_wavelets(parser)
    if choice:
        transform.add_argument(
            "--transform",
            choices=["jtfs", "time_scattering"],
            default="jtfs",
            help="match the coefficients of this transform; time_scattering has no wavelets along "
            "log-frequency and ignores --J-fr, --Q-fr and --F (default: %(default)s)",
        )
    transform.add_argument(
        "--T",
        metavar="N",
        type=_width,
        default=8192,
        help="average coefficients over N samples; 0: no averaging; global: over the whole "
        "recording (default: %(default)s, which is 0.37 s at 22,050 Hz)",
    )
    transform.add_argument(
        "--J-fr",
        metavar="N",
        type=integer(1, 30),
        default=3,
        help="wavelets along log-frequency span up to 2^N bands (default: %(default)s)",
    )
    transform.add_argument(
        "--Q-fr",
        metavar="N",
        type=integer(1, 100),
        default=1,
        help="wavelets along log-frequency per octave of scales (default: %(default)s)",
    )
    transform.add_argument(
        "--F",
        metavar="N",
        type=_width,
        help="average coefficients over N bands; 0: no averaging; global: over all bands "
        "(default: 2^N with the N of --J-fr)",
    )
    transform.add_argument(
        "--preset",
        choices=PRESETS,
        default="kymatio",
        help="kymatio: the filters of the Kymatio library; sharp: filters that best separate "
        "rising from falling sounds (default: %(default)s)",
    )


def integer(low: int, high: int | None = None):
    """Return a parser of integers between `low` and `high`."""
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


def number(low: float, high: float):
    """Return a parser of numbers between `low` and `high`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"must be a number, between {low:g} and {high:g}, got {text!r}"
            )
        return value

    return read


def worker(text: str) -> tuple[int, int]:
    """Parse i/n, a task of an array job."""
    parts = text.split("/")
    numbers = [int(part) for part in parts if part.isdecimal()]
    if len(parts) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise argparse.ArgumentTypeError(f"must be i/n, with i from 0 to n - 1, got {text!r}")
    return numbers[0], numbers[1]


def of_the_run(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options on which results depend, by name."""
    return {name: value for name, value in vars(options).items() if name not in _PASSING}


def differences(
    options: argparse.Namespace, known: Mapping[str, Any], names: Iterable[str]
) -> Sequence[str]:
    """Describe each of the named options that differs from its known value."""
    return [
        f"{_spelled(name, known[name])}, not {plain(getattr(options, name))}"
        for name in known
        if name in names and getattr(options, name) != known[name]
    ]


def _spelled(name: str, value: object) -> str:
    """Return an option with its value, as typed on the command line."""
    option = f"--{name.replace('_', '-')}"
    if value is None:
        return f"no {option}"
    return f"{option} {plain(value)}"


def plain(value: Any) -> Any:
    """Return whole numbers as integers, and any other value unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _seconds(low: float | None):
    """Return a parser of seconds: at least `low`, or positive if `low` is None."""
    rule = "must be a positive number" if low is None else f"must be a number, at least {low:g}"

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not (value > 0 if low is None else value >= low) or value == float("inf"):
            raise argparse.ArgumentTypeError(f"{rule}, got {text!r}")
        return value

    return read


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
