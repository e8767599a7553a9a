"""The commands of `jtfs-jax` and their options."""

import argparse
import importlib.metadata
from collections.abc import Callable
from pathlib import Path

from . import _descriptions as _text
from ._features import features
from ._metamer import metamer
from ._options import (
    Parser,
    add_cache,
    add_output,
    add_recordings,
    add_sampling,
    add_scattering,
    add_search,
    add_wavelets,
    integer,
    number,
    worker,
)
from ._pictures import plot, scalogram
from ._stimuli import stimuli


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `run` in its result carries out the command."""
    parser = Parser(
        prog="jtfs-jax",
        description="Joint time–frequency scattering in JAX.",
        epilog="jtfs-jax COMMAND --help lists the options of a command.",
    )
    version = importlib.metadata.version("jtfs_jax")
    parser.add_argument("--version", action="version", version=f"jtfs-jax {version}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_metamer(commands)
    _add_stimuli(commands)
    _add_features(commands)
    _add_scalogram(commands)
    _add_plot(commands)
    for command in commands.choices.values():
        add_cache(command)
    return parser


def _add_metamer(commands) -> None:
    parser = _add_command(
        commands,
        metamer,
        help="make a sound that has the scattering coefficients of a recording",
        description=_text.METAMER,
        epilog=_text.METAMER_MORE,
    )
    add_recordings(parser)
    add_output(
        parser,
        "OUT.wav",
        "the metamer, .wav, .flac or .ogg; other files are named after it, see below (default: "
        "NAME-metamer.wav for NAME.wav, and metamer.wav for the guitar)",
    )
    parser.add_argument(
        "--resume",
        metavar="OUT.wav",
        nargs="?",
        type=Path,
        const=Path(),
        help="go on with this run, with its options; only --steps may be another. Without OUT.wav, "
        "the run of -o, of AUDIO, or the one in the current folder",
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="write OUT.html too: a page to listen with, for any browser",
    )
    search = add_search(parser)
    search.add_argument(
        "--count",
        metavar="K",
        type=integer(1),
        default=1,
        help="number of metamers, of seeds N, N+1, … (default: %(default)s)",
    )
    search.add_argument(
        "--spread",
        metavar="E",
        type=number(1e-6, 1),
        help="then move the metamers of --count 2 or more apart, as far as each keeps an error "
        "below E, such as 0.01 for 1 %% (default: leave them as they are)",
    )
    add_sampling(parser, each="each, with the image between them", default="each")
    add_scattering(parser, choice=True)


def _add_stimuli(commands) -> None:
    parser = _add_command(
        commands,
        stimuli,
        help="make a set of metamers for an experiment, from a table",
        description=_text.STIMULI,
        epilog=_text.STIMULI_MORE,
    )
    parser.add_argument(
        "table",
        metavar="TABLE",
        type=Path,
        help="a .toml file, whose lists are crossed, or a .csv file with a row for each condition",
    )
    add_output(
        parser,
        "FOLDER",
        "where the set is, or is going to be; the same command again goes on with it",
        required=True,
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="write FOLDER/stimuli.html too: a page to listen with, for any browser",
    )


def _add_features(commands) -> None:
    parser = _add_command(
        commands,
        features,
        help="write the scattering coefficients of recordings",
        description=_text.FEATURES,
        epilog=_text.FEATURES_MORE,
    )
    add_recordings(parser, several=True)
    add_output(
        parser,
        "OUT",
        "a folder, in which NAME.npz is written for each NAME.wav; or OUT.npz for a single one; or "
        "OUT.zarr, a store for all of them (default: the current folder)",
        default=Path(),
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="make only .npz files that are missing, with the options of those that are there; a "
        "store goes on by itself",
    )
    add_sampling(parser, each="each of them")
    add_scattering(parser)
    _add_workers(parser)


def _add_workers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several processes or machines, for OUT.zarr")
    who = group.add_mutually_exclusive_group()
    who.add_argument(
        "--workers",
        metavar="N",
        type=integer(1, 1000),
        help="compute in N processes of this machine, by Dask",
    )
    who.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="compute on the Dask cluster whose scheduler is there, such as tcp://10.0.0.1:8786",
    )
    who.add_argument(
        "--worker",
        metavar="I/N",
        type=worker,
        help="compute the shards of task I of N, counted from 0 (default: those of the array job "
        "of SLURM or Kubernetes that the process belongs to; else all)",
    )
    who.add_argument(
        "--prepare",
        action="store_true",
        help="make the store, and compute nothing yet",
    )


def _add_scalogram(commands) -> None:
    parser = _add_command(
        commands,
        scalogram,
        help="draw the scalogram of a recording",
        description=_text.SCALOGRAM,
        epilog=_text.PICTURE_MORE.format(command="scalogram"),
    )
    _add_picture(parser)
    add_wavelets(parser)


def _add_plot(commands) -> None:
    parser = _add_command(
        commands,
        plot,
        help="draw the scattering coefficients of a recording",
        description=_text.PLOT,
        epilog=_text.PICTURE_MORE.format(command="plot"),
    )
    _add_picture(parser)
    add_scattering(parser)


def _add_picture(parser: argparse.ArgumentParser) -> None:
    add_recordings(parser)
    name = parser.prog.split()[-1]
    add_output(
        parser,
        "OUT",
        f"the picture, .png, .pdf or .svg (default: NAME-{name}.png for NAME.wav, and {name}.png "
        "for the guitar)",
    )
    add_sampling(parser)


def _add_command(commands, run: Callable[[argparse.Namespace], int], **texts: str):
    """The parser of a command, which a function of this name carries out."""
    name = run.__name__
    parser = commands.add_parser(
        name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    parser.set_defaults(command=name, run=run)
    return parser
