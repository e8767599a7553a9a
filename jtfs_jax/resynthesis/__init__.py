"""Metamers: sounds whose waveforms differ and whose coefficients agree.

Noise that is as loud as the target, in each frequency and at each time, is optimized until its
coefficients are those of the target. Optimizers are those of optax, and two of ours that undo
failed trials. Targets may be composed: `swap_spins`, `scale_paths`, `morph`.
"""

from ._bold_driver import bold_driver as bold_driver
from ._composing import morph as morph, scale_paths as scale_paths, swap_spins as swap_spins
from ._descent import ResynthesisState as ResynthesisState
from ._lbfgs import lbfgs as lbfgs
from ._noise import colored_noise as colored_noise
from ._resynthesize import Resynthesis as Resynthesis, resynthesize as resynthesize
from ._trials import TrialState as TrialState
