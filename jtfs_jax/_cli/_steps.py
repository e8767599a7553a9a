"""Steps of searches, one metamer after another: progress, states now and then, Ctrl-C."""

import argparse
import contextlib
import time
from typing import Protocol

from jtfs_jax.resynthesis import ResynthesisState

from . import _interrupt
from ._errors import of_file
from ._metamer_run import Metamer
from ._progress import Progress
from ._search import Search

_SECONDS_BETWEEN_STATES = 30.0
_SHARE_OF_STATES = 0.05  # of the time, at most, to write states


class _Work(Protocol):
    """What is being made."""

    @property
    def n_steps(self) -> int:
        """Steps done of all metamers together."""
        ...

    def save(self) -> None:
        """Write the state, whole or not at all."""
        ...


class Steps:
    """The callback of searches: it reports, saves now and then, and stops after Ctrl-C.

    Args:
        work: All metamers together.
        total: Number of their steps.
        options: With or without `quiet`.
        goes_on: How to go on after Ctrl-C.
    """

    def __init__(self, work: _Work, total: int, options: argparse.Namespace, goes_on: str):
        self.interrupted = False
        self.lines = Progress(total, "step", options, done=work.n_steps)
        self._work = work
        self._goes_on = goes_on
        self._one: Metamer | None = None
        self._name = ""
        self._next_state = 0.0
        self._stack = contextlib.ExitStack()
        self._is_stoppable = False

    def __enter__(self) -> "Steps":
        self._stack.enter_context(self.lines)
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def take(self, search: Search, one: Metamer, n_steps: int, name: str = "") -> None:
        """Take the steps that a metamer has left of so many; lines call it by the name."""
        if one.n_steps < n_steps and not self.interrupted:
            self._one, self._name = one, name
            one.start_clock()
            search.advance(one.seed, n_steps - one.n_steps, one.state, self)

    def __call__(self, state: ResynthesisState) -> bool:
        assert self._one is not None
        self._one.add(state)
        name = f" ({self._name})" if self._name else ""
        return self.after(f"error {100 * float(state.error[0]):.2f} %{name}")

    def after(self, note: str) -> bool:
        """What is due after a step; returns whether it shall be the last one."""
        n_steps = self._work.n_steps
        if n_steps and not self._is_stoppable:
            self._is_stoppable = True  # until here there is nothing to be written
            self._stack.enter_context(_interrupt.stoppable(self._stop))
        self.lines.update(n_steps, note)
        if n_steps and time.monotonic() >= self._next_state:
            self.save()
        return self.interrupted

    def save(self) -> None:
        """Write the state; the work itself may end well without it."""
        begun = time.monotonic()
        if self._work.n_steps:
            try:
                self._work.save()
            except OSError as error:
                self.lines.error(f"The state could not be written: {of_file(error)}")
        now = time.monotonic()
        self._next_state = now + max(_SECONDS_BETWEEN_STATES, (now - begun) / _SHARE_OF_STATES)

    def _stop(self) -> None:
        self.interrupted = True
        self.lines.error(
            "Stopping after this step. Ctrl-C again quits at once, and writes nothing more; "
            f"{self._goes_on} goes on."
        )
