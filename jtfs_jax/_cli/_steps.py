"""Steps of searches, one metamer at a time: progress, regularly saved states, Ctrl-C."""

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
_SHARE_OF_STATES = 0.05  # largest fraction of the time spent on writing states


class _Work(Protocol):
    """The metamers to be made."""

    @property
    def n_steps(self) -> int:
        """Number of steps done for all metamers together."""
        ...

    def save(self) -> None:
        """Write the state, completely or not at all."""
        ...


class Steps:
    """The callback of searches: it reports progress, saves states, and stops after Ctrl-C.

    Args:
        work: All metamers together.
        total: Total number of their steps.
        options: Options of the command; only `quiet` is used.
        goes_on: Option or command that continues the work, for the message after Ctrl-C.
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
        """Take the remaining steps of a metamer, up to `n_steps`; progress lines show `name`."""
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
        """Report a step, save if it is time, and return whether to stop."""
        n_steps = self._work.n_steps
        if n_steps and not self._is_stoppable:
            self._is_stoppable = True  # before the first step, there is nothing to write
            self._stack.enter_context(_interrupt.stoppable(self._stop))
        self.lines.update(n_steps, note)
        if n_steps and time.monotonic() >= self._next_state:
            self.save()
        return self.interrupted

    def save(self) -> None:
        """Write the state; report an error, as the work may succeed without it."""
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
            "Stopping after this step. A second Ctrl-C quits at once and writes nothing more; "
            f"{self._goes_on} continues from the last saved state."
        )
