"""Metamers: sounds with different waveforms but matching coefficients.

`metamer` makes them from a recording: it optimizes noise with the loudness of the target at each
time and frequency until the coefficients match. Its parts are public: the noise (`colored_noise`,
`white_noise`), the envelope (`loudness`) and the search (`resynthesize`), which needs only the
coefficients. To edit these first, use `swap_spins`, `scale_paths` or `morph`. `interchannel` adapts
a transform to stereo, and `jtfs_jax.segmented` adapts it to any length. Any optax optimizer without
a line search can be used; the two defined here, `lbfgs` and `bold_driver`, undo failed steps.
`spread` moves the metamers of one target apart.
"""

from ._bold_driver import bold_driver
from ._channels import Interchannel, interchannel
from ._descent import ResynthesisState
from ._edit import morph, scale_paths, swap_spins
from ._lbfgs import lbfgs
from ._metamer import metamer
from ._mutual_distances import mutual_distances
from ._noise import colored_noise, loudness, white_noise
from ._resynthesize import Resynthesis, resynthesize
from ._spread import Spread, spread
from ._trial_state import TrialState

__all__ = [
    "Interchannel",
    "Resynthesis",
    "ResynthesisState",
    "Spread",
    "TrialState",
    "bold_driver",
    "colored_noise",
    "interchannel",
    "lbfgs",
    "loudness",
    "metamer",
    "morph",
    "mutual_distances",
    "resynthesize",
    "scale_paths",
    "spread",
    "swap_spins",
    "white_noise",
]
