"""Sounds that are decoded block by block, by libsndfile or, if it cannot read them, by ffmpeg."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

Block: TypeAlias = Float[np.ndarray, "time channel"]


class Undecodable(Exception):
    """Raised if a decoder cannot read a file; the message gives the decoder's reason."""


@dataclass
class Decoded:
    """A sound that is being read.

    Attributes:
        sample_rate: Sample rate in Hz, as stated by the file.
        n_channels: Number of channels, at least 1.
        blocks: Blocks of samples in float32, up to the end of the sound.
        stated: Number of samples stated by the file; None if it states none.
        doubt: Why the end of `blocks` may not be the end of the sound, if there is a doubt.
        damage: Why `blocks` ended early, if they did; "" otherwise and until they end.
    """

    sample_rate: int
    n_channels: int
    blocks: Iterator[Block]
    stated: float | None = None
    doubt: str = ""
    damage: str = ""
