"""Test signals: pure, differentiable functions of their parameters.

Frequencies are in Hz, times in seconds, chirp rates in octaves/second; parameters may be arrays,
which broadcast and make a batch. Phases are accurate in float32, however long the signal.
`ParameterRanges` are for networks that predict parameters.
"""

from ._ranges import ParameterRanges
from ._spectra import disperse, power_law_noise
from ._tones import am_chirp, am_tone, exponential_chirp, ripple, shepard, windowed_tones

__all__ = [
    "ParameterRanges",
    "am_chirp",
    "am_tone",
    "disperse",
    "exponential_chirp",
    "power_law_noise",
    "ripple",
    "shepard",
    "windowed_tones",
]
