"""The command line: python -m experiments.instruments --data FOLDER."""

import argparse
import sys
from pathlib import Path

from .experiment import FRONTENDS, FULL, SMALL, prepare, run, table

_DESCRIPTION = """\
Train and test networks that recognize eight instruments, on Medley-solos-DB or on the stand-in
that `python -m experiments.instruments.standin` makes. For each frontend and seed, write a result
(FRONTEND-SEED.json) and the state for --resume. The coefficients of all sounds are stored, so
that they are computed only once.
"""


def main() -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.instruments",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER", help="folder of the sounds"
    )
    parser.add_argument(
        "--frontend",
        nargs="+",
        choices=FRONTENDS,
        default=list(FRONTENDS),
        help="one or more frontends (default: all)",
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="one run per seed (default: 0 1 2)"
    )
    parser.add_argument(
        "--small", action="store_true", help="a setting for two cores instead of the paper's"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("instrument-results"),
        metavar="FOLDER",
        help="folder for results and coefficients, which take 27 GB in the full setting "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue runs that have been interrupted"
    )
    given = parser.parse_args()
    try:
        setting = SMALL if given.small else FULL
        results = {}
        for name in given.frontend:
            task = prepare(given.data, name, setting, given.output)
            results[name] = [
                run(task, seed, given.output, resume=given.resume) for seed in given.seeds
            ]
    except (ValueError, ImportError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2
    print(table(results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
