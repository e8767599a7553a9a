"""Progress on standard error: a bar on a terminal, else a line every tenth of the way."""

import argparse
import shutil
import sys
import time

from jtfs_jax._extras import require


class Progress:
    """Counts units of work that are done."""

    def __init__(self, total: int, unit: str, options: argparse.Namespace, *, done: int = 0):
        self._total = total
        self._unit = unit
        self._done = self._first = done
        self._begun = time.monotonic()
        self._is_quiet = options.quiet
        self._bar = None
        if sys.stderr.isatty() and not options.quiet:
            tqdm = require("tqdm", "audio").tqdm
            columns, rows = shutil.get_terminal_size()  # where a terminal says 0, it is 80 and 24
            self._bar = tqdm(
                total=total, initial=done, unit=unit, file=sys.stderr, ncols=columns, nrows=rows
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin(self, text: str) -> None:
        """Say what is being done before the first unit."""
        if self._bar is not None:
            self._bar.set_description(text)
        else:
            self.report(f"{text} …")

    def update(self, done: int, note: str = "") -> None:
        """Take note that so many units are done in all."""
        is_tenth = 10 * done // self._total > 10 * self._done // self._total
        if self._bar is not None:
            if self._bar.desc:
                self._bar.unpause()
                self._bar.set_description(refresh=False)
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._done)
        elif is_tenth:
            seconds = time.monotonic() - self._begun
            parts = [f"{done}/{self._total} {self._unit}s", note, f"{seconds:.0f} s"]
            if done < self._total:
                left = seconds * (self._total - done) / (done - self._first)
                parts.append(f"about {rounded(left)} left")
            self.report(", ".join(part for part in parts if part))
        self._done = done

    def result(self, text: str) -> None:
        """Print a line of what was made."""
        self._print(text, sys.stdout)

    def report(self, text: str) -> None:
        """Print a line about the work."""
        self._print(text, sys.stderr)

    def report_skipped(self, n_files: int) -> None:
        """Print how many files are no recordings, if there are any."""
        if n_files:
            self.report(f"Files skipped, as they are no recordings by their names: {n_files}")

    def error(self, text: str) -> None:
        """Print an error, also where all else is quiet."""
        self._print(text, sys.stderr, always=True)

    def _print(self, text: str, stream, *, always: bool = False) -> None:
        if self._is_quiet and not always:
            return
        if self._bar is not None:
            self._bar.write(text, file=stream)
        else:
            print(text, file=stream)


def rounded(seconds: float) -> str:
    """A duration, as precise as estimates are."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"
