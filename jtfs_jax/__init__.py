"""Joint time–frequency scattering in JAX.

`filterbank` builds the filters once. `jtfs`, `time_scattering` and `scalogram` are pure functions
of the filters and a batch of signals, and work under `jax.jit`, `jax.vmap` and `jax.grad`.
"""

from ._cli import _early as _early  # before JAX

# isort: split
from importlib.metadata import version as _version

from . import analysis, audio, baselines, configurations, losses, plot, resynthesis, synth
from ._coefficients import JointScattering, TimeScattering, by_path
from ._coordinates import band_frequencies, frame_times, wavelet_frequencies
from ._filterbank import FilterBank, filterbank
from ._first_order import scalogram
from ._jtfs import jtfs
from ._jtfs_path import jtfs_path
from ._kymatio import to_kymatio
from ._learned import clip_parameters, with_parameters
from ._parameters import FilterParameters, filter_parameters
from ._path_tables import PathTable, TimePathTable, describe_path, path_table, time_path_table
from ._segmented import segmented
from ._stream import stream
from ._time_scattering import time_scattering
from ._xarray import to_xarray

__all__ = [
    "FilterBank",
    "FilterParameters",
    "JointScattering",
    "PathTable",
    "TimePathTable",
    "TimeScattering",
    "analysis",
    "audio",
    "band_frequencies",
    "baselines",
    "by_path",
    "clip_parameters",
    "configurations",
    "describe_path",
    "filter_parameters",
    "filterbank",
    "frame_times",
    "jtfs",
    "jtfs_path",
    "losses",
    "path_table",
    "plot",
    "resynthesis",
    "scalogram",
    "segmented",
    "stream",
    "synth",
    "time_path_table",
    "time_scattering",
    "to_kymatio",
    "to_xarray",
    "wavelet_frequencies",
    "with_parameters",
]

__version__ = _version("jtfs_jax")
