"""Ctrl-C, SIGTERM and SIGHUP: a word at once, and the exit status that shells expect.

Python calls handlers of signals in the main thread, between two instructions of its own, and so
not while XLA compiles. In the program a thread waits for signals instead. It ends the process with
`os._exit`, because JAX may crash where the interpreter exits while something compiles.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    _WORDS[signal.SIGHUP] = "the terminal was closed"
_SECONDS_TO_FLUSH = 0.5


class _Process:
    """What there is once a process, as signals are."""

    def __init__(self):
        self.name = "jtfs-jax"  # with the command, once it is known
        self.is_watched = False
        self.stop: Callable[[], None] | None = None
        self.received: int | None = None
        self.cleanups: list[Callable[[], object]] = []


_process = _Process()


def watch() -> None:
    """Let a thread answer signals from now on; only for a process that is the program."""
    if _process.is_watched or threading.current_thread() is not threading.main_thread():
        return
    _process.is_watched = True
    reader, writer = socket.socketpair()
    writer.settimeout(0)  # as the file of a signal must be
    for number in _answered():
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(reader,), daemon=True).start()


def set_command(name: str) -> None:
    """Name the command that begins, for the word at its end."""
    _process.name, _process.received = f"jtfs-jax {name}", None


def at_end(cleanup: Callable[[], object]) -> None:
    """Have this called before a signal ends the process."""
    if cleanup not in _process.cleanups:
        _process.cleanups.append(cleanup)


def word() -> str:
    """What is said of the signal that ended the command."""
    return f"{_process.name}: {_WORDS[signal.Signals(_process.received or signal.SIGINT)]}"


def status() -> int | None:
    """Exit status after a signal; None where none came."""
    return None if _process.received is None else 128 + _process.received


@contextlib.contextmanager
def stoppable(stop: Callable[[], None]) -> Iterator[None]:
    """Within this block the first signal calls `stop`; the second ends the command at once."""
    handlers = {}
    if not _process.is_watched and threading.current_thread() is threading.main_thread():
        handlers = {number: signal.signal(number, _in_main_thread) for number in _answered()}
    _process.received, _process.stop = None, stop
    try:
        yield
    finally:
        _process.stop = None
        for number, handler in handlers.items():
            signal.signal(number, handler)


def end(status: int) -> None:
    """End the process now, with what was printed until now."""
    # A stream may be locked by a thread that waits for its reader.
    flush = threading.Thread(target=_flush, daemon=True)
    flush.start()
    flush.join(_SECONDS_TO_FLUSH)
    os._exit(status)


def _answered() -> list[signal.Signals]:
    """All signals with a word, but none that nohup has turned off."""
    return [n for n in _WORDS if n == signal.SIGINT or signal.getsignal(n) != signal.SIG_IGN]


def _listen(reader: socket.socket) -> None:
    while True:
        for number in reader.recv(64):
            if number in _WORDS and not _is_stopping(number):
                _say(word())
                for cleanup in _process.cleanups:
                    with contextlib.suppress(Exception):
                        cleanup()
                end(128 + number)


def _in_main_thread(number: int, _) -> None:
    if not _is_stopping(number):
        raise KeyboardInterrupt


def _is_stopping(number: int) -> bool:
    """Whether the signal is one that the command answers by itself."""
    is_first = _process.received is None
    _process.received = number
    if _process.stop is None or not is_first:
        return False
    _process.stop()
    return True


def _say(text: str) -> None:
    """Write a line; not through `sys.stderr`, which another thread may have locked."""
    if sys.__stderr__ is None:  # closed: its number may by now be that of another file
        return
    with contextlib.suppress(OSError, ValueError):
        start = "\n" if sys.__stderr__.isatty() else ""  # "^C" or a progress bar is before it
        os.write(sys.__stderr__.fileno(), f"{start}{text}\n".encode())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
