"""Standard output and error that never fail, whatever the text and the reader."""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any


class _Tolerant:
    """A stream that writes what it can.

    Characters that it cannot encode become escapes. After its reader is gone or its disk is full,
    the stream writes nothing.
    """

    def __init__(self, stream: Any):
        self._stream = stream
        self._is_open = stream is not None

    def write(self, text: str) -> int:
        if self._is_open:
            self._try(self._write, text)
        return len(text)

    def flush(self) -> None:
        if self._is_open:
            self._try(self._stream.flush)

    def isatty(self) -> bool:
        return self._is_open and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        if "\n" in text:
            self._stream.flush()  # show each line at once, and notice at once if the reader is gone

    def _try(self, function, *arguments) -> None:
        try:
            function(*arguments)
        except (OSError, ValueError):
            self._is_open = False
            with contextlib.suppress(OSError, ValueError, AttributeError):
                # Otherwise writing the buffered text would fail again when the interpreter exits.
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


@contextlib.contextmanager
def tolerant(warning_line: Callable[[str], str]) -> Iterator[None]:
    """Make both standard streams tolerant, and print warnings as lines without source locations."""

    def show(message, category, filename, lineno, file=None, line=None):
        print(warning_line(str(message)), file=sys.stderr)

    with (
        contextlib.redirect_stdout(_Tolerant(sys.stdout)),
        contextlib.redirect_stderr(_Tolerant(sys.stderr)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
