"""Plots of sounds, filters and coefficients.

Requires the extra `plot` (matplotlib). Functions draw on the given axes and return the artists
they drew; nothing is shown, and pyplot is imported only if no axes are given. All plots follow the
same conventions:

- Magnitudes are in decibels, from dark to bright (magma); signed values are red if positive and
  blue if negative. Rising (spin +1) is vermilion, falling (spin −1) is blue, averages are gray. All
  of these can be distinguished without color vision.
- With `sample_rate`, axes are in Hz and seconds; without it, in cycles/sample and samples. Scales
  are in cycles/octave, positive for spin +1 and negative for spin −1.
- Time and rates increase to the right, frequencies and signed scales upward. Frequency axes cover
  the range of the wavelets and end below the Nyquist frequency.
- 0 dB is the maximum of the plot, unless a reference is given; labels state the reference. NaN and
  infinity are gray, and a plot of a single color shows its value as text.
- Color bars are not drawn automatically, because only the caller knows where there is room:
  `colorbar(mesh)` adds one, labeled with its unit.

Example:
    >>> import numpy as np, jtfs_jax
    >>> from matplotlib.figure import Figure
    >>> bank = jtfs_jax.filterbank(2048, J=6, Q=8, J_fr=2)
    >>> S = jtfs_jax.jtfs(bank, np.sin(1e-4 * np.arange(2048.0) ** 2))
    >>> figure = Figure(figsize=(3.5, 2.5), layout="constrained")
    >>> mesh = scale_rate(bank, S, sample_rate=8000.0, ax=figure.add_subplot())
    >>> colorbar(mesh).ax.get_ylabel(), mesh.axes.get_xlabel()
    ('level (dB re maximum)', 'rate (Hz)')
"""

from ._axes import colorbar
from ._cortical import cortical
from ._filters import filters
from ._overview import overview
from ._paths import animation, energy_profile, path
from ._scale_rate import scale_rate
from ._sounds import convergence, metamer, scalogram
from ._wavelets import gallery, joint_wavelet

__all__ = [
    "animation",
    "colorbar",
    "convergence",
    "cortical",
    "energy_profile",
    "filters",
    "gallery",
    "joint_wavelet",
    "metamer",
    "overview",
    "path",
    "scale_rate",
    "scalogram",
]
