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
    """Return the parser of the whole command line; `run` in its result executes the command."""
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
        help="make a sound with the same scattering coefficients as a recording",
        description=_text.METAMER,
        epilog=_text.METAMER_MORE,
    )
    add_recordings(parser)
    add_output(
        parser,
        "OUT.wav",
        "the metamer, as .wav, .flac or .ogg; other files are named after it, see below (default: "
        "NAME-metamer.wav for NAME.wav, or metamer.wav for the guitar)",
    )
    parser.add_argument(
        "--resume",
        metavar="OUT.wav",
        nargs="?",
        type=Path,
        const=Path(),
        help="continue this run with its options; only --steps and --spread may change. Without "
        "OUT.wav, continue the run of -o, of AUDIO, or the only one in the current folder",
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="also write OUT.html, a page for listening in any browser",
    )
    search = add_search(parser)
    search.add_argument(
        "--count",
        metavar="K",
        type=integer(1),
        default=1,
        help="number of metamers, with seeds N, N+1, … (default: %(default)s)",
    )
    search.add_argument(
        "--spread",
        metavar="E",
        type=number(1e-6, 1),
        help="after the last step, move the metamers of --count 2 or more apart while each error "
        "stays below E, such as 0.01 for 1 %% (default: leave them as they are)",
    )
    add_sampling(parser, each="match each channel, and sums and differences", default="each")
    add_scattering(parser, choice=True)


def _add_stimuli(commands) -> None:
    parser = _add_command(
        commands,
        stimuli,
        help="make a set of metamers for an experiment from a table",
        description=_text.STIMULI,
        epilog=_text.STIMULI_MORE,
    )
    parser.add_argument(
        "table",
        metavar="TABLE",
        type=Path,
        help="a .toml file with lists to be crossed, or a .csv file with one row per condition",
    )
    add_output(
        parser,
        "FOLDER",
        "folder of the set; the same command continues an interrupted set",
        required=True,
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="also write FOLDER/stimuli.html, a page for listening in any browser",
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
        "a folder for one NAME.npz per NAME.wav; or OUT.npz for a single recording; or OUT.zarr, "
        "one store for all recordings (default: the current folder)",
        default=Path(),
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="write only missing .npz files, with the same options as the existing ones; a store "
        "resumes without this option",
    )
    add_sampling(parser, each="transform each channel")
    add_scattering(parser)
    _add_workers(parser)


def _add_workers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several processes or machines (only for OUT.zarr)")
    who = group.add_mutually_exclusive_group()
    who.add_argument(
        "--workers",
        metavar="N",
        type=integer(1, 1000),
        help="compute in N processes on this machine, with Dask",
    )
    who.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="compute on the Dask cluster with this scheduler, such as tcp://10.0.0.1:8786",
    )
    who.add_argument(
        "--worker",
        metavar="I/N",
        type=worker,
        help="compute the shards of task I of N, counted from 0 (default: in a SLURM or Kubernetes "
        "array job, the shards of this task; otherwise all)",
    )
    who.add_argument(
        "--prepare",
        action="store_true",
        help="create the store without computing anything",
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
        f"the picture, as .png, .pdf or .svg (default: NAME-{name}.png for NAME.wav, or "
        f"{name}.png for the guitar)",
    )
    add_sampling(parser)


def _add_command(commands, run: Callable[[argparse.Namespace], int], **texts: str):
    """Add the parser of the command that `run` executes and is named after; return it."""
    name = run.__name__
    parser = commands.add_parser(
        name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    parser.set_defaults(command=name, run=run)
    return parser
