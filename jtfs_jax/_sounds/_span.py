"""Selection of the samples needed from a file, and their resampling."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from jtfs_jax._extras import require

from ._decoded import Block

# Minimum duration read on both sides of the span, so that the resampler sees no cuts, and minimum
# number of samples there at the lower rate.
_MARGIN_S = 0.1
_MARGIN = 1024
_CHUNK = 2**16  # maximum number of samples that the resampler returns at a time


@dataclass
class Span:
    """A part of a sound, at the rate of its file and at the requested rate.

    Its samples equal the samples of the whole sound at `rate` from sample round(start · rate) on.

    Args:
        native: Rate of the file, in Hz.
        rate: Requested rate, in Hz.
        start: Start in seconds.
        duration: Duration in seconds. None means to the end.
    """

    native: int
    rate: float
    start: float
    duration: float | None

    def __post_init__(self):
        margin = 0.0
        if self.native != self.rate:
            margin = max(_MARGIN_S * self.native, _MARGIN * max(self.native / self.rate, 1))
        # Samples at both rates coincide at multiples of `period`.
        whole = float(self.rate).is_integer()
        period = self.native // math.gcd(self.native, int(self.rate)) if whole else 1
        first = math.floor(max(self.start * self.native - margin, 0) / period) * period
        self.first = first
        self.stop = None
        if self.duration is not None:
            self.stop = math.ceil((self.start + self.duration) * self.native + margin)
        self._n_skipped = round(self.start * self.rate) - round(first * self.rate / self.native)
        self.n_samples = None
        if self.duration is not None:
            self.n_samples = max(round(self.duration * self.rate), 1)
        self.n_read = 0
        self.ended = False

    def of(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield samples from `first` to `stop`; count the samples read, and note if they end."""
        for block in blocks:
            begin = self.n_read
            self.n_read += len(block)
            stop = None if self.stop is None else max(self.stop - begin, 0)
            needed = block[max(self.first - begin, 0) : stop]
            if len(needed):
                yield needed
            if self.stop is not None and self.n_read >= self.stop:
                return
        self.ended = True

    def resampled(
        self, blocks: Iterable[Float[np.ndarray, "time channel"]], n_channels: int
    ) -> Float[np.ndarray, "channel time"]:
        """Return the samples of the span at `rate`, in float32."""
        found = [np.zeros((n_channels, 0), np.float32)]
        if self.native != self.rate:
            blocks = self._resample(blocks, n_channels)
        skip, left = self._n_skipped, self.n_samples
        for block in blocks:
            wanted = block[skip:][:left]
            skip = max(skip - len(block), 0)
            left = None if left is None else left - len(wanted)
            found.append(np.ascontiguousarray(wanted.T, np.float32))
        return np.concatenate(found, axis=1)

    def _resample(
        self, blocks: Iterable[Float[np.ndarray, "time channel"]], n_channels: int
    ) -> Iterator[Float[np.ndarray, "time channel"]]:
        soxr = require("soxr", "audio")
        stream = soxr.ResampleStream(
            self.native, self.rate, n_channels, dtype="float64", quality="VHQ"
        )
        step = max(int(_CHUNK / n_channels / max(self.rate / self.native, 1)), 1)
        for block in blocks:
            for k in range(0, len(block), step):
                yield stream.resample_chunk(block[k : k + step])
        yield stream.resample_chunk(np.zeros((0, n_channels)), last=True)
