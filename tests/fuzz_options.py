"""Random options of `filterbank`: a helpful error at once, or a correct filterbank.

    python tests/fuzz_options.py --seed 0 --options 10000 --banks 1000 --definition 300
    python tests/fuzz_options.py --seed 7 --seconds 600

draws options for all arguments, within range, at the limits and far beyond, of the right type and
of other types. An error is helpful if the library raises it in its own words, with the name of an
argument and what it must be. A filterbank is correct if all checks of `invariants.py` pass. Faults
are printed with the options that reproduce them.
"""

import argparse
import itertools
import math
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from invariants import ALWAYS, SOMETIMES, has_definition, is_its_definition, make_case

import jtfs_jax

PACKAGE = str(Path(jtfs_jax.__file__).parent)
SLOW = 5.0  # maximum seconds until an error is raised
LONGEST = 4096  # maximum samples of a padded signal that is transformed
CACHED = 10  # filterbanks after which compiled programs are dropped

JUNK: tuple[Any, ...] = (
    *(None, True, False, "", "global", "8", b"8", 0, -1, 1, 2, 3.5, -0.0, 1e-300, 1e300, 10**30),
    *(2**31, 2**63, 10**400, 10**5000, math.nan, math.inf, -math.inf, 1j, object, object(), ...),
    *((), [], {}, (1,), (1, 2, 3), (8, None), [[8]], {8}, range(2), slice(3), (10**30, 1)),
    *(np.array(8), np.array(8.0), np.arange(2), np.ones((2, 2)), np.array("global"), np.True_),
    *(np.float16(2), np.uint8(200), np.int64(-(2**63)), np.datetime64("2020-01-01"), np.array([])),
    *(
        jnp.array(4),
        jnp.arange(3),
        jnp.array(0.5),
        np.dtype("float32"),
        "float64",
        np.nextafter(1, 0),
    ),
)


# ---- Options -----------------------------------------------------------------------------------


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Options, most of them in range; some replaced by other types or values far out of range."""
    options = draw_in_range(rng)
    for name in rng.permutation([*options, "T", "F", "r_psi"])[: rng.integers(0, 3)]:
        if rng.random() < 0.6:
            options[str(name)] = JUNK[rng.integers(len(JUNK))]
    return options


def draw_in_range(rng: np.random.Generator) -> dict[str, Any]:
    """Options that are mostly in range individually, though not always in combination."""

    def one_of(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    def power_of_two(largest: float) -> int:
        return 2 ** int(rng.integers(0, math.floor(math.log2(max(largest, 1))) + 1))

    n = int(one_of(rng.integers(2, 40), rng.integers(40, 200), rng.integers(40, 200), 64, 128))
    J1, J2 = (int(rng.integers(1, min(7, int(math.log2(16 * n))) + 1)) for _ in range(2))
    Q1 = int(one_of(1, 2, rng.integers(1, 2 * J1), rng.integers(1, 2 * J1), 8))
    Q1, Q2 = Q1 if rng.random() > 0.03 else 4 * J1, int(rng.integers(1, J2 + 1))
    options: dict[str, Any] = {
        "n_samples": n,
        "J": one_of(J1, J1, J1, (J1, J2), [J1, J2], (J1,), np.int32(J1)),
        "Q": one_of(Q1, Q1, Q1, (Q1, Q2), (Q1,), np.array([Q1, Q2])),
        "dtype": one_of("float32", jnp.float32, np.float64, "float64"),
    }
    width = one_of(None, "global", 0, rng.uniform(1, n), power_of_two(n), n, 1)
    options |= {"T": width} if rng.random() < 0.8 else {}
    if width not in ("global", 0) and rng.random() < 0.5:
        options["stride"] = power_of_two(width or 2 ** max(J1, J2))
    n_rows = (J1 + 1) * Q1
    if rng.random() < 0.8:
        options["J_fr"] = J_fr = int(rng.integers(1, int(math.log2(max(n_rows, 2))) + 1))
        options["Q_fr"] = one_of(1, 1, 1, 2, 3)
        width = one_of(None, "global", 0, rng.uniform(1, n_rows), power_of_two(n_rows), n_rows, 1)
        options |= {"F": width} if rng.random() < 0.8 else {}
        if width not in ("global", 0) and rng.random() < 0.5:
            options["stride_fr"] = power_of_two(width or 2**J_fr)
    further = {
        "preset": one_of("kymatio", "sharp"),
        "analytic": one_of(True, False),
        "pad_mode": one_of("reflect", "conj-reflect", "zero", "periodic"),
        "pad_mode_fr": one_of("zero", "conj-reflect"),
        "normalize": one_of("l1", "energy"),
        "r_psi": one_of(rng.uniform(0.3, 0.97), 0.5, 0.9),
    }
    return options | {name: value for name, value in further.items() if rng.random() < 0.3}


def build(options: dict[str, Any]) -> jtfs_jax.FilterBank | None:
    """A filterbank, or None after a helpful error; other errors are faults."""
    start = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "The second order has no wavelets", UserWarning)
            return jtfs_jax.filterbank(**options)
    except ValueError as error:
        message, last = str(error), traceback.extract_tb(error.__traceback__)[-1]
        if not last.filename.startswith(PACKAGE):
            raise
        named = [name for name in (*options, "n_samples", "J", "Q") if message.startswith(name)]
        assert named, f"the error names no argument: {message}"
        assert " must " in message, f"the error states no rule: {message}"
        assert "got" in message, f"the error does not state what was given: {message}"
        assert len(message) < 500, f"the error is too long: {message}"
        assert time.monotonic() - start < SLOW, f"the error takes too long: {message}"
        return None


# ---- The run -----------------------------------------------------------------------------------


@dataclass
class Report:
    """Outcomes of the drawn options."""

    counts: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def attempt(self, kind: str, options: dict[str, Any], check: Callable[[], Any]) -> Any:
        """Result of the check; a fault if it raises."""
        try:
            return check()
        except Exception as error:
            self.counts["faults"] += 1
            text = f"{kind}: {type(error).__name__}: {str(error)[:400]}\n    {shown(options)}"
            self.faults.append(text)
            print(text, flush=True)
            return None


def shown(options: dict[str, Any]) -> str:
    """Options in a form that can be pasted, whatever their length."""

    def text(value: Any) -> str:
        try:
            return repr(value)[:80]
        except ValueError:
            return "an integer that Python does not write"

    return ", ".join(f"{name}={text(value)}" for name, value in options.items())


def run(
    seed: int,
    *,
    n_options: float = math.inf,
    n_banks: float = math.inf,
    n_definition: float = math.inf,
    seconds: float = math.inf,
    largest_gain: int = 30,
    verbose: bool = False,
) -> Report:
    """Draw options until all counts are reached or time runs out; reproducible by seed."""
    report = Report()
    wanted = {"options": n_options, "banks": n_banks, "is_its_definition": n_definition}
    deadline = time.monotonic() + seconds
    for index in itertools.count():
        lacking = {name for name, count in wanted.items() if report.counts[name] < count}
        if not lacking or time.monotonic() > deadline:
            break
        if verbose and index and index % 500 == 0:
            print(dict(report.counts), flush=True)
        rng = np.random.default_rng([seed, index])
        options = draw(rng)
        report.counts["options"] += 1
        bank = report.attempt("options", options, partial(build, options))
        report.counts["errors" if bank is None else "built"] += 1
        if bank is None or bank.n_padded > LONGEST:
            continue
        if lacking == {"options"}:
            continue
        report.counts["banks"] += 1
        case = report.attempt("transform", options, partial(make_case, bank, rng, largest_gain))
        checks = [*ALWAYS, *(SOMETIMES if index % 3 == 0 else ())]
        checks += [is_its_definition] if has_definition(bank) else []
        for check in checks if case else ():
            report.counts[check.__name__] += 1
            report.attempt(check.__name__, options, partial(check, case))
        if report.counts["built"] % CACHED == 0:
            jax.clear_caches()
    return report


def main() -> int:
    """Draw, check, and report the outcomes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--options", type=float, default=math.inf, help="sets of options to draw")
    parser.add_argument("--banks", type=float, default=math.inf, help="filterbanks, by invariants")
    parser.add_argument(
        "--definition", type=float, default=math.inf, help="filterbanks, by the definition"
    )
    parser.add_argument("--seconds", type=float, default=math.inf, help="time limit")
    parser.add_argument("--gain", type=int, default=30, help="largest gain, as a power of ten")
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_disable_most_optimizations", True)
    report = run(
        given.seed,
        n_options=given.options,
        n_banks=given.banks,
        n_definition=given.definition,
        seconds=given.seconds,
        largest_gain=given.gain,
        verbose=True,
    )
    print(dict(report.counts))
    return bool(report.faults)


if __name__ == "__main__":
    raise SystemExit(main())
