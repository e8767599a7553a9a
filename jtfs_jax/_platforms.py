"""What differs between platforms: how a filterbank lays out the work of the transforms, and why.

The transforms are one code, which reads the layout from the filterbank. Thus a program is that of
the platform for which its filterbank was made, wherever it is traced, lowered or exported.
"""

from typing import NamedTuple

import jax

from . import _checks


class Layout(NamedTuple):
    """How large the parts are in which a platform computes.

    Attributes:
        transform: Points of a Fourier transform over time; longer ones consist of several such
            (`_polyphase`).
        matrix: Points of a Fourier transform up to which it is a product with its matrix.
        in_turn: Whether the parts of a long transform are computed one after another.
        narrow: Columns up to which a product is written out in parts (`_arrays.narrow_product`).
        merged: Samples of U1 up to which wavelets of all resolutions share one transform
            (`_time_wavelets`).
        block: Samples of U2 that the average over time takes at once (`_time_average`).
        n_bytes: Size of U2 up to which blocks are computed side by side, rather than in a loop
            that computes them again for the derivative; 0: one by one.
        shares_batch: Whether a step of that loop takes the same block of all signals.
        n_windows: Segments of a signal that are computed side by side (`_segments`).
    """

    transform: int
    matrix: int
    in_turn: bool
    narrow: int
    merged: int
    block: int
    n_bytes: int
    shares_batch: bool
    n_windows: int


# On a CPU, everything but the spectra fits its cache.
_CPU = Layout(
    transform=2**15,
    matrix=0,
    in_turn=False,
    narrow=0,
    merged=2**11,
    block=2**11,
    n_bytes=0,
    shares_batch=False,
    n_windows=1,
)
# A GPU takes as long to launch a kernel as to compute a million numbers: use few, large kernels,
# and no loop while its memory holds U2 some ten times over.
_GPU = _CPU._replace(
    transform=2**62, merged=2**13, block=2**13, n_bytes=2**28, shares_batch=True, n_windows=16
)
# A TPU keeps blocks in its fast memory, but fills its lanes with the batch only. It multiplies
# matrices of 128 columns, in a precision of which six products make one of float32. XLA compiles
# each Fourier transform for five seconds, whatever its length, and transforms of 2**17 points
# take ten times as long per point as those of 2**14.
_TPU = _CPU._replace(
    transform=2**14,
    matrix=2**10,
    in_turn=True,
    narrow=64,
    merged=2**13,
    shares_batch=True,
    n_windows=16,
)

LAYOUTS = {"cpu": _CPU, "gpu": _GPU, "tpu": _TPU}


def resolve(platform: str | None) -> str:
    """The platform as given, or that of JAX's default backend."""
    if platform is None:
        backend = jax.default_backend()
        return backend if backend in LAYOUTS else "gpu"  # which has other names, too
    return _checks.choice("platform", platform, LAYOUTS)
