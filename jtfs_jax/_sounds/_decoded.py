"""Sounds as decoded block by block, by libsndfile or, if it cannot, by ffmpeg."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

Block: TypeAlias = Float[np.ndarray, "time channel"]


class Undecodable(Exception):
    """A decoder cannot read a file; the message is the decoder's reason."""


@dataclass
class Decoded:
    """A sound that is being read.

    Attributes:
        sample_rate: In Hz, as stated by the file.
        n_channels: At least 1.
        blocks: Float32 blocks up to the end.
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
