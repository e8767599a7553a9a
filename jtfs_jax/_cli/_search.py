"""The search for a metamer: filters, a transform suited to the sound, an optimizer."""

import argparse
import functools
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jtfs_jax import _limits
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._segmented import segmented
from jtfs_jax._time_scattering import time_scattering
from jtfs_jax.resynthesis import (
    ResynthesisState,
    bold_driver,
    interchannel,
    lbfgs,
    metamer,
    mutual_distances,
    spread,
)
from jtfs_jax.resynthesis._descent import begin
from jtfs_jax.resynthesis._objective import objective
from jtfs_jax.resynthesis._spread import OPTIMIZER as _OF_SPREAD

from ._recording import filterbank_for, scattering_filterbank

TRANSFORMS = {"jtfs": jtfs, "time_scattering": time_scattering}
OPTIMIZERS = {"lbfgs": lbfgs(), "bold_driver": bold_driver()}
_HEARD = 0.01  # s, over which scalograms are averaged to measure distances between metamers
_VERY_LONG = 2**40
_GRADIENT = 3.0  # approximate time of a gradient, relative to the coefficients alone


@functools.lru_cache(maxsize=1)
def _filterbank(n_samples: int, J: tuple[int, int], Q: tuple[int, int], T: int) -> FilterBank:
    """Return filters for time scattering, for distances before and after moving apart."""
    return filterbank(n_samples, J, Q, T=T)


class Search(NamedTuple):
    """A search for metamers of a sound."""

    x: Float[np.ndarray, "*channel time"]
    bank: FilterBank
    transform: Callable[..., Any]
    optimizer: Any
    sample_rate: int

    def advance(
        self,
        seed: int,
        n_steps: int,
        state: ResynthesisState | None,
        callback: Callable[[ResynthesisState], object],
    ) -> None:
        """Take steps from this state, or from the noise with this seed."""
        metamer(
            self.bank,
            self.x,
            transform=self.transform,
            n_steps=n_steps,
            key=jax.random.key(seed),
            optimizer=self.optimizer,
            state=state,
            callback=callback,
        )

    def move_apart(
        self,
        y: np.ndarray,
        max_error: float,
        n_steps: int,
        state: ResynthesisState | None,
        callback: Callable[[ResynthesisState], object],
    ) -> None:
        """Take steps that move the metamers apart, from this state or from the metamers."""
        spread(
            self.bank,
            self.transform(self.bank, self.x),
            y,
            self._fine(),
            transform=self.transform,
            max_error=max_error,
            n_steps=n_steps,
            state=state,
            callback=callback,
        )

    def distances(self, y: np.ndarray) -> np.ndarray:
        """Return the distances between metamers that `move_apart` increases."""
        has_channels = self.x.ndim == 2
        return np.asarray(mutual_distances(self._fine(), y, interchannel=has_channels))

    def errors(self, y: np.ndarray) -> np.ndarray:
        """Return the relative errors of metamers."""
        goal = objective(self.transform(self.bank, self.x[None]), 1.0)
        return np.asarray(jnp.sqrt(2 * goal.loss(self.transform(self.bank, y), 1)))

    def _fine(self) -> FilterBank:
        T = 2 ** round(math.log2(max(_HEARD * self.sample_rate, 1)))
        n_samples = self.bank.n_samples
        return _filterbank(n_samples, self.bank.J, self.bank.Q, min(T, n_samples))

    def apart_like(self, count: int) -> ResynthesisState:
        """Return the structure, shapes and dtypes of a state of `move_apart`."""
        y = jax.ShapeDtypeStruct((1, count, *self.x.shape), self.bank.dtype)
        envelope = jax.ShapeDtypeStruct((1, *self.x.shape), self.bank.dtype)
        return jax.eval_shape(lambda y, e: begin(y, e, _OF_SPREAD, self.x.ndim + 1), y, envelope)

    def state_like(self) -> ResynthesisState:
        """Return the structure, shapes and dtypes of a state of `advance`."""
        y = jax.ShapeDtypeStruct((1, *self.x.shape), self.bank.dtype)
        envelope = jax.ShapeDtypeStruct(self.x.shape, self.bank.dtype)
        return jax.eval_shape(lambda y, e: begin(y, e, self.optimizer, self.x.ndim), y, envelope)

    def n_bytes_of_state(self) -> int:
        """Return the size of a state."""
        leaves = jax.tree.leaves(self.state_like())
        return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)

    def seconds_of_step(self) -> float:
        """Estimate the time of a step from the coefficients of a part of the sound."""
        part = self.x[None, ..., : self.bank.n_samples]
        jax.block_until_ready(self.transform(self.bank, part))
        begun = time.monotonic()
        jax.block_until_ready(self.transform(self.bank, part))
        seconds = time.monotonic() - begun
        return _GRADIENT * seconds * self.x.shape[-1] / part.shape[-1]


def search_for(
    source: Path, x: Float[np.ndarray, "*channel time"], options: argparse.Namespace
) -> Search:
    """Return a search for metamers: in one call if memory allows, otherwise in segments."""
    n_channels = math.prod(x.shape[:-1])
    n = x.shape[-1]
    transform = TRANSFORMS[options.transform]
    if n * n_channels**2 <= _most_in_one_call(options):
        bank = scattering_filterbank(source, n, options)
    else:
        bank, transform = filterbank_for([n], options), segmented(transform)
    if n_channels > 1:
        transform = interchannel(transform)
    return Search(x, bank, transform, OPTIMIZERS[options.optimizer], options.sample_rate)


def _most_in_one_call(options: argparse.Namespace) -> int:
    """Return the most samples, of all mixtures of channels, that one call may transform."""
    return _limits.segment_length_for([_VERY_LONG], options.J, options.T, options.preset)
