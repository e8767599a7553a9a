"""Test signals: pure, differentiable functions of their parameters.

Frequencies are in Hz, times in seconds, chirp rates in octaves/second. Parameters may be arrays,
which broadcast to a batch of signals. Phases are accurate in float32 for signals of any length.
`ParameterRanges` normalizes parameters for networks that predict them.
"""

from ._ranges import ParameterRanges as ParameterRanges
from ._spectra import disperse as disperse, power_law_noise as power_law_noise
from ._tones import (
    am_chirp as am_chirp,
    am_tone as am_tone,
    exponential_chirp as exponential_chirp,
    ripple as ripple,
    shepard as shepard,
    windowed_tones as windowed_tones,
)
