"""The command line, `jtfs-jax`."""

import contextlib
import sys
from collections.abc import Sequence

from . import _interrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Without `arguments`, run as the program: read the arguments of the process, and end the process
    after a signal.
    """
    if arguments is not None:
        return _run(arguments)
    _interrupt.watch()
    try:
        status = _run(sys.argv[1:], is_program=True)
    except SystemExit as exit:  # of argparse
        status = exit.code if isinstance(exit.code, int) else 0
    if _interrupt.status() is not None:
        _interrupt.end(status)
    return status


def _run(arguments: Sequence[str], *, is_program: bool = False) -> int:
    from jtfs_jax import _files

    from ._commands import parser
    from ._errors import error_line, exit_status, expected, warning_line
    from ._program_cache import kept_programs
    from ._streams import tolerant

    _interrupt.at_end(_files.remove_partial)
    names: list[str] = []
    with tolerant(lambda text: warning_line(text, names)):
        options = parser().parse_args(arguments)
        names += vars(options)
        options.command_line = ["jtfs-jax", *arguments]
        _interrupt.set_command(options.command)
        programs = kept_programs(wanted=not options.no_cache) if is_program else None
        try:
            with programs or contextlib.nullcontext():
                return options.run(options)
        except Exception as exception:
            error = expected(exception)
            print(error_line(options.command, error), file=sys.stderr)
            return exit_status([error])
        except KeyboardInterrupt:
            print(_interrupt.word(), file=sys.stderr)
            return _interrupt.status() or 130
