"""Joint time–frequency scattering in JAX.

`filterbank` builds the filters once. `jtfs`, `time_scattering` and `scalogram` are pure functions
of the filters and a batch of signals, and work under `jax.jit`, `jax.vmap` and `jax.grad`.
"""

from ._cli import _early as _early  # before JAX

# isort: split
from importlib.metadata import version as _version

from . import (
    analysis as analysis,
    audio as audio,
    baselines as baselines,
    configurations as configurations,
    losses as losses,
    plot as plot,
    resynthesis as resynthesis,
    synth as synth,
)
from ._coefficients import (
    JointScattering as JointScattering,
    TimeScattering as TimeScattering,
    by_path as by_path,
)
from ._coordinates import (
    band_frequencies as band_frequencies,
    frame_times as frame_times,
    wavelet_frequencies as wavelet_frequencies,
)
from ._filterbank import FilterBank as FilterBank, filterbank as filterbank
from ._first_order import scalogram as scalogram
from ._jtfs import jtfs as jtfs
from ._jtfs_path import jtfs_path as jtfs_path
from ._kymatio import to_kymatio as to_kymatio
from ._learned import clip_parameters as clip_parameters, with_parameters as with_parameters
from ._parameters import (
    FilterParameters as FilterParameters,
    filter_parameters as filter_parameters,
)
from ._path_tables import (
    PathTable as PathTable,
    TimePathTable as TimePathTable,
    describe_path as describe_path,
    path_table as path_table,
    time_path_table as time_path_table,
)
from ._segmented import segmented as segmented
from ._stream import stream as stream
from ._time_scattering import time_scattering as time_scattering
from ._xarray import to_xarray as to_xarray

__version__ = _version("jtfs_jax")
