"""Pictures of sounds, filters and coefficients.

Needs the extra `plot` (matplotlib). Functions draw on the axes they are given and return what they
drew; nothing is shown, and pyplot is only loaded where no axes are given. All pictures look alike:

- Magnitudes are decibels, from dark to bright (magma); values with a sign are red where positive
  and blue where negative. Rising (spin +1) is vermilion, falling (spin −1) blue, averages are gray.
  All of it can be told apart without color vision.
- With `sample_rate`, axes are in Hz and seconds; without, in cycles/sample and samples. Scales are
  in cycles/octave, positive for spin +1 and negative for spin −1.
- Time and rates grow to the right, frequencies and signed scales upward. Axes of frequency end
  where the wavelets do, below the Nyquist frequency.
- 0 dB is the largest value of the picture, unless a reference is given; labels say which. NaN and
  infinity are gray, and a picture of one color has the value written on it.
- Color bars are left to the caller, who alone knows where there is room: `colorbar(mesh)` adds one
  that says its unit.

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
