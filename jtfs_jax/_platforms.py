"""Differences between platforms: how a filterbank lays out the work of the transforms, and why.

The transforms share their code among platforms and read the layout from the filterbank. A program
therefore suits the platform for which its filterbank was built, wherever the program is traced,
lowered or exported.
"""

from typing import NamedTuple

import jax

from . import _checks


class Layout(NamedTuple):
    """Sizes of the parts into which a platform divides computations.

    Attributes:
        transform: Points of a Fourier transform over time; a longer transform consists of several
            (`_polyphase`).
        matrix: Points up to which a Fourier transform is a product with its matrix.
        in_turn: Whether the parts of a long transform are computed one after another.
        by_product: Whether a product with ones repeats a row, because its derivative is faster than
            a sum over rows.
        narrow: Columns up to which a product is split into parts in bfloat16 (`_products`).
        merged: Samples of U1 up to which wavelets of all resolutions share one transform
            (`_time_wavelets`).
        block: Samples of U2 that the average over time takes at once (`_time_average`).
        n_bytes: Size of U2 up to which all blocks are computed at once, rather than in a loop that
            recomputes them for the derivative. 0 computes them one by one.
        shares_batch: Whether a step of that loop takes the same block of all signals.
        n_at_once: Segments of a signal (`_segments`), or sounds of a dataset (`sklearn`), that are
            transformed at once.
    """

    transform: int
    matrix: int
    in_turn: bool
    by_product: bool
    narrow: int
    merged: int
    block: int
    n_bytes: int
    shares_batch: bool
    n_at_once: int


# On a CPU, everything except the spectra fits into the cache.
_CPU = Layout(
    transform=2**15,
    matrix=0,
    in_turn=False,
    by_product=True,
    narrow=0,
    merged=2**11,
    block=2**11,
    n_bytes=0,
    shares_batch=False,
    n_at_once=1,
)
# A GPU takes as long to launch a kernel as to compute a million numbers: use few, large kernels,
# and no loop as long as its memory has room for about ten copies of U2.
_GPU = _CPU._replace(
    transform=2**62,
    by_product=False,
    merged=2**13,
    block=2**13,
    n_bytes=2**28,
    shares_batch=True,
    n_at_once=16,
)
# A TPU keeps blocks in its fast memory, but fills its lanes only with the batch. It multiplies
# matrices of 128 columns in bfloat16, and a product in float32 takes six such products. XLA needs
# five seconds to compile each Fourier transform, whatever its length, and transforms of 2**17
# points take ten times as long per point as transforms of 2**14 points.
_TPU = _CPU._replace(
    transform=2**14,
    matrix=2**10,
    in_turn=True,
    by_product=False,
    narrow=64,
    merged=2**13,
    shares_batch=True,
    n_at_once=16,
)

LAYOUTS = {"cpu": _CPU, "gpu": _GPU, "tpu": _TPU}


def resolve(platform: str | None) -> str:
    """Return the given platform, or the platform of JAX's default backend for None."""
    if platform is None:
        backend = jax.default_backend()
        return backend if backend in LAYOUTS else "gpu"  # GPU backends have other names, too
    return _checks.choice("platform", platform, LAYOUTS)
