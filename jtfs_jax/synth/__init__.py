"""Test signals: pure, differentiable functions of their parameters.

Frequencies are in Hz, times in seconds, chirp rates in octaves/second. Parameters may be arrays,
which broadcast to a batch of signals. Phases are accurate in float32 for signals of any length.
`ParameterRanges` normalizes parameters for networks that predict them.
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
