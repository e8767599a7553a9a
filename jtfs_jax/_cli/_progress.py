"""Progress on standard error: a bar on a terminal, otherwise a line for every tenth of the work."""

import argparse
import shutil
import sys
import time

from jtfs_jax._extras import require


def duration(seconds: float) -> str:
    """Return a duration as text, rounded for estimates."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"


class Progress:
    """Progress of a command: a count of completed units of work, and lines about them."""

    def __init__(self, total: int, unit: str, options: argparse.Namespace, *, done: int = 0):
        self._total = total
        self._unit = unit
        self._done = done
        self._begun = time.monotonic()
        self._first: tuple[int, float] | None = None  # which unit was done first, and when
        self._is_quiet = options.quiet
        self._bar = None
        if sys.stderr.isatty() and not options.quiet:
            tqdm = require("tqdm", "audio").tqdm
            columns, rows = shutil.get_terminal_size()  # 80 and 24 if the terminal reports 0
            self._bar = tqdm(
                total=total, initial=done, unit=unit, file=sys.stderr, ncols=columns, nrows=rows
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin(self, text: str) -> None:
        """Announce the work that precedes the first unit."""
        if self._bar is not None:
            self._bar.set_description(text)
        else:
            self.report(f"{text} …")

    def update(self, done: int, note: str = "") -> None:
        """Set the total number of units done."""
        is_tenth = 10 * done // self._total > 10 * self._done // self._total
        if self._bar is not None:
            if self._bar.desc:
                self._bar.unpause()
                self._bar.set_description(refresh=False)
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._done)
        elif is_tenth:
            seconds = time.monotonic() - self._begun
            parts = [
                f"{done}/{self._total} {self._unit}s",
                note,
                f"{seconds:.0f} s",
                self._left(done),
            ]
            self.report(", ".join(part for part in parts if part))
        self._first = self._first or (done, time.monotonic())
        self._done = done

    def _left(self, done: int) -> str:
        """Return the estimated time left, from the pace since the first unit was done."""
        if self._first is None or not self._first[0] < done < self._total:
            return ""
        first, since = self._first
        seconds = (time.monotonic() - since) * (self._total - done) / (done - first)
        return f"about {duration(seconds)} left"

    def result(self, text: str) -> None:
        """Print a line about a result."""
        self._print(text, sys.stdout)

    def report(self, text: str) -> None:
        """Print a line about the work."""
        self._print(text, sys.stderr)

    def report_skipped(self, n_files: int) -> None:
        """Print the number of files that are not recordings, if there are any."""
        if n_files:
            self.report(f"Files skipped (no extension of an audio format): {n_files}")

    def error(self, text: str) -> None:
        """Print an error, even if the command is quiet."""
        self._print(text, sys.stderr, always=True)

    def _print(self, text: str, stream, *, always: bool = False) -> None:
        if self._is_quiet and not always:
            return
        if self._bar is not None:
            self._bar.write(text, file=stream)
        else:
            print(text, file=stream)
