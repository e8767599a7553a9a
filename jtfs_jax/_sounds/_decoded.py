"""Sounds as their decoders give them, block by block: libsndfile, and where it cannot, ffmpeg."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

Block: TypeAlias = Float[np.ndarray, "time channel"]


class Undecodable(Exception):
    """Why a decoder does not read a file, in its own words."""


@dataclass
class Decoded:
    """A sound that is being read.

    Attributes:
        sample_rate: In Hz, as the file says.
        n_channels: At least 1.
        blocks: Float32, until none comes.
        stated: Number of samples that the file says it has; None if it does not.
        doubt: Why the end of `blocks` may not be the end of the sound, if so.
        damage: Why `blocks` ended before the end, if so; "" otherwise, or before they end.
    """

    sample_rate: int
    n_channels: int
    blocks: Iterator[Block]
    stated: float | None = None
    doubt: str = ""
    damage: str = ""
