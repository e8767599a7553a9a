"""Mixing of a sound's channels, and a measure of how far they cancel each other."""

import math
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float

from ._decoded import Block

Channels: TypeAlias = Literal["mean", "first", "each"]
CHANNELS = ("mean", "first", "each")


class Mix:
    """Mix of channels, block by block: their mean, the first, or each.

    Attributes:
        loss: Level of the channels above their mean, in dB, over all blocks so far: 0 for equal
            channels, 3 for two unrelated channels, and infinite for x and −x.
    """

    def __init__(self, channels: Channels, n_channels: int):
        self._channels = channels
        self.n_channels = {"mean": 1, "first": 1, "each": n_channels}[channels]
        self._n = 0
        self._sums = np.zeros(n_channels + 1)  # of each channel and of their mean
        self._squares = np.zeros(n_channels + 1)

    def __call__(self, block: Block) -> Float[np.ndarray, "time channel"]:
        """Return the requested channels in float64."""
        if self._channels == "first":
            return block[:, :1].astype(np.float64)
        block = block.astype(np.float64)
        if self._channels == "each" or block.shape[1] == 1:
            return block
        mean = block.mean(axis=1, keepdims=True)
        self._n += len(block)
        for signals, k in ((block, slice(-1)), (mean, slice(-1, None))):
            self._sums[k] += signals.sum(axis=0)
            self._squares[k] += np.square(signals).sum(axis=0)
        return mean

    @property
    def loss(self) -> float:
        """Level of the channels above their mean, in dB, without their constant offsets."""
        if self._n == 0:
            return 0.0
        powers = self._squares / self._n - (self._sums / self._n) ** 2
        before, after = max(powers[:-1].mean(), 0.0), max(powers[-1], 0.0)
        if before == 0:
            return 0.0
        return math.inf if after == 0 else 10 * math.log10(before / after)
