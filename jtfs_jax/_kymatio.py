"""Coefficients in Kymatio's output format."""

from jaxtyping import Array, Float

from . import _sampling
from ._coefficients import JointScattering, TimeScattering, by_path
from ._filterbank import FilterBank
from ._nodes import ByPath
from ._paths import row_stride


def to_kymatio(
    bank: FilterBank, S: JointScattering | TimeScattering
) -> dict[tuple[int, ...], Float[Array, "*batch frame"]]:
    """Return a dictionary of coefficients, as Kymatio does for `out_type="dict", format="time"`.

    For `jtfs`, the keys are `()` for S0, `(n1, n_fr)` for the low-pass filter α = 0 and `(n1, n2,
    n_fr)` for ψ_n2, where n1 is the first-order wavelet on which a row is centered; rows that no
    wavelet feeds are omitted. For `time_scattering`, the keys are `()`, `(n1,)` and `(n1, n2)`;
    without averaging (T=0), a path `(n1,)` has every 2**j1-th sample of the scalogram. Keys and
    values are Kymatio's wherever Kymatio is right. Elsewhere, the values are correct instead: for
    example, "global" averages are means.

    Args:
        bank: The filterbank that `S` was computed with.
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes. With many paths, pass
            NumPy arrays: slicing them is faster.

    Returns:
        A dictionary of arrays `(*batch, frame)`.

    Raises:
        ValueError: If `S` does not have the paths of `bank`.

    Example:
        >>> import jax, numpy as np, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8)
        >>> S = jax.tree.map(np.asarray, jtfs_jax.time_scattering(bank, np.ones(4096, np.float32)))
        >>> jtfs_jax.to_kymatio(bank, S)[0, 6].shape
        (16,)
    """
    paths = by_path(bank, S)
    if isinstance(S, TimeScattering):
        s1 = {(n1,): S.S1[..., n1, _kept(bank, n1)] for n1 in range(len(bank.wavelets1))}
        return ByPath({(): S.S0} | s1 | paths)
    coefficients: dict[tuple[int, ...], Array] = {(): S.S0}
    for (n2, n_fr), s2 in paths.items():
        for row in range(s2.shape[-2]):
            n1 = row * row_stride(bank, n_fr)
            key = (n1, n_fr) if n2 < 0 else (n1, n2, n_fr)
            coefficients[key] = s2[..., row, :]
    return ByPath(coefficients)


def _kept(bank: FilterBank, n1: int) -> slice:
    """Return the frames of S1 that Kymatio keeps: if T=0, multiples of 2**j1 after padding."""
    if bank.T != 0:
        return slice(None)
    step = 2 ** bank.wavelets1[n1].j
    first = bank.frames(step).start * step - _sampling.pad_left(bank.n_samples, bank.n_padded)
    return slice(first, None, step)
