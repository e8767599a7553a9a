"""Representations to compare scattering with: cortical model, modulation power, Gabor features.

Each is computed from a spectrogram. Filters are built once and passed as an argument, like a
`jtfs_jax.filterbank`. All functions of filters and arrays are pure and differentiable, and accept
any batch axes. Rows run from high to low frequency, and positive spins and rates mean rising
sounds, as everywhere in jtfs_jax.

    auditory_filterbank  → auditory_spectrogram   → cortical_filterbank → cortical
                                                  → modulation_power_spectrum
    mel_filterbank       → log_mel_spectrogram    → gabor_filterbank    → gabor_features

Example:
    >>> import jax.numpy as jnp
    >>> ear = auditory_filterbank(8192, sample_rate=8192.0)
    >>> y = auditory_spectrogram(ear, jnp.ones(8192))
    >>> cortex = cortical_filterbank(*y.shape, frame_rate=ear.frame_rate)
    >>> cortical(cortex, y, output="mean").shape  # spin, scale, rate, channel
    (2, 6, 5, 106)
"""

from ._auditory import AuditoryFilterBank, auditory_filterbank, auditory_spectrogram
from ._cortical import cortical
from ._cortical_filters import CorticalFilterBank, cortical_filterbank
from ._gabor import gabor_features
from ._gabor_filters import GaborFilterBank, gabor_filterbank
from ._mel import MelFilterBank, log_mel_spectrogram, mel_filterbank
from ._modulation_power import ModulationAxes, modulation_axes, modulation_power_spectrum

__all__ = [
    "AuditoryFilterBank",
    "CorticalFilterBank",
    "GaborFilterBank",
    "MelFilterBank",
    "ModulationAxes",
    "auditory_filterbank",
    "auditory_spectrogram",
    "cortical",
    "cortical_filterbank",
    "gabor_features",
    "gabor_filterbank",
    "log_mel_spectrogram",
    "mel_filterbank",
    "modulation_axes",
    "modulation_power_spectrum",
]
