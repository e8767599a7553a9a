"""Ctrl-C, SIGTERM and SIGHUP: an immediate message, and the exit status that shells expect.

Python calls signal handlers in the main thread, between two bytecode instructions, and thus not
while XLA compiles. When `jtfs-jax` runs as a program, a thread waits for signals instead. It ends
the process with `os._exit`, because JAX may crash if the interpreter exits during compilation.
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
    """State that exists once per process, as signals do."""

    def __init__(self):
        self.name = "jtfs-jax"  # with the command, once it is known
        self.is_watched = False
        self.stop: Callable[[], None] | None = None
        self.received: int | None = None
        self.cleanups: list[Callable[[], object]] = []


_process = _Process()


def watch() -> None:
    """Let a thread handle signals from now on; call this only if the process is the program."""
    if _process.is_watched or threading.current_thread() is not threading.main_thread():
        return
    _process.is_watched = True
    reader, writer = socket.socketpair()
    writer.settimeout(0)  # as `signal.set_wakeup_fd` requires
    for number in _answered():
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(reader,), daemon=True).start()


def set_command(name: str) -> None:
    """Set the name of the current command, for the message when a signal ends it."""
    _process.name, _process.received = f"jtfs-jax {name}", None


def at_end(cleanup: Callable[[], object]) -> None:
    """Register a function to call before a signal ends the process."""
    if cleanup not in _process.cleanups:
        _process.cleanups.append(cleanup)


def word() -> str:
    """Return the message about the signal that ended the command."""
    return f"{_process.name}: {_WORDS[signal.Signals(_process.received or signal.SIGINT)]}"


def status() -> int | None:
    """Return the exit status after a signal, or None if there was none."""
    return None if _process.received is None else 128 + _process.received


@contextlib.contextmanager
def stoppable(stop: Callable[[], None]) -> Iterator[None]:
    """Within this block, the first signal calls `stop`; the second ends the command at once."""
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
    """Flush the standard streams and end the process now."""
    # A thread that waits for a stream's reader may have locked the stream.
    flush = threading.Thread(target=_flush, daemon=True)
    flush.start()
    flush.join(_SECONDS_TO_FLUSH)
    os._exit(status)


def _answered() -> list[signal.Signals]:
    """Return all signals with a message, except those that nohup has turned off."""
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
    """Call `stop` if this is the first signal; return whether the command stops by itself."""
    is_first = _process.received is None
    _process.received = number
    if _process.stop is None or not is_first:
        return False
    _process.stop()
    return True


def _say(text: str) -> None:
    """Write a line, bypassing `sys.stderr`, which another thread may have locked."""
    if sys.__stderr__ is None:  # closed: another file may have its descriptor by now
        return
    with contextlib.suppress(OSError, ValueError):
        start = "\n" if sys.__stderr__.isatty() else ""  # after "^C" or a progress bar
        os.write(sys.__stderr__.fileno(), f"{start}{text}\n".encode())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
