"""The joint time–frequency scattering transform.

    x -> padded                        _context.padded, lengths from _sampling
      -> U1 = |x ⋆ ψ_n1|               _time_wavelets.moduli_of_signals
      -> S0, S1 = x, U1 ⋆ φ_T          _first_order.low_pass, low_pass_rows; means for T="global"
      -> Y2 = U1 ⋆ ψ_n2                _second_order, _time_wavelets.transform_rows (j2 > j1 only)
      -> |Y2 ⋆ ψ_β|, both spins        _log_frequency.FrequentialFilters.modulus_of_complex
      -> ⋆ φ_T                         _time_average.average_in_blocks, refine
      -> ⋆ φ_F                         _log_frequency.FrequentialFilters.average_rows
      -> S2                            here: paths in the order of _paths.joint_paths

_segments cuts signals of any length into windows, with context in place of padding. First- and
second-order signals are laid out by phases: see _polyphase. Each step builds its tables in its own
module; _design combines them.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from . import _checks
from ._coefficients import JointScattering, is_by_path, stacked
from ._context import padded
from ._filterbank import FilterBank
from ._first_order import first_order
from ._jit import jit
from ._level import of_any_level
from ._log_frequency import FrequentialFilters
from ._paths import joint_paths, require_joint
from ._second_order import second_order


@jit
@jax.named_scope("jtfs_jax.jtfs")
def jtfs(bank: FilterBank, x: Float[Array, "*batch time"]) -> JointScattering:
    """Compute the joint time–frequency scattering transform.

    With wavelets ψ_n1 and ψ_α and the low-pass filter φ_T over time t, wavelets ψ_β and the
    low-pass filter φ_F over log-frequency n1, all from `bank`, and ⋆ convolution over either axis:

        S0(t)           = (x ⋆ φ_T)(t)
        U1(n1, t)       = |x ⋆ ψ_n1|(t)
        S1(n1, t)       = (U1(n1, ·) ⋆ φ_T)(t)
        S2(α, β, n1, t) = (|U1 ⋆ ψ_α ⋆ ψ_β| ⋆ φ_T ⋆ φ_F)(n1, t)

    α is 0 (then ψ_α is φ_T, and is not applied again) or a wavelet ψ_n2, which acts on the rows n1
    with j2(n2) > j1(n1). β is 0 (the low-pass filter of width 2**J_fr, which φ_F smooths further
    only if F > 2**J_fr), a wavelet with spin +1, which responds to rising chirps, or a wavelet with
    spin −1, which responds to falling chirps. Beyond the rows that ψ_n2 acts on, U1 ⋆ ψ_n2 is 0 or
    is continued, according to the `pad_mode_fr` of `bank`.

    "global" averages are means over the signal, or over the rows that ψ_n2 acts on; φ_F, in
    contrast, also averages over rows beyond them. Without averaging in time (T=0), S0 is x, S1 is
    U1, α = 0 is the low-pass filter of width 2**J, and paths keep every 2**j2-th sample. Without
    averaging in frequency (F=0), paths keep every 2**j_fr-th row.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        x: Real signals of `bank.n_samples` samples on the last axis; other axes are batch. They are
            cast to the precision of `bank`.

    Returns:
        `S0 (*batch, frame)`, `S1 (*batch, n1, frame)` and `S2 (*batch, path, band, frame)`, all in
        the units of `x`. Paths are in the order of `path_table`: first α = 0, with β = 0, then β >
        0; then, for each ψ_n2, β = 0, every β with spin +1, and every β with spin −1. Bands run
        from high to low frequency (`band_frequencies`), frames from early to late (`frame_times`).
        Bands of a path that no first-order wavelet feeds are exactly 0. If T=0 or F=0, S2 is a
        dictionary without such bands.

    Raises:
        ValueError: At trace time, if `x` is not real or does not have `bank.n_samples` samples, or
            if `bank` has no frequential wavelets.

    Example:
        >>> import jax.numpy as jnp
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S = jtfs_jax.jtfs(bank, jnp.ones(4096))
        >>> S.S0.shape, S.S1.shape, S.S2.shape
        ((16,), (54, 16), (59, 7, 16))

    References:
        Andén, Lostanlen & Mallat, Joint Time–Frequency Scattering, 2019, arXiv:1807.08869.
        Lostanlen & Han, Musical Metamerism with Time–Frequency Scattering, 2024, section 2.

    See Also:
        time_scattering: second-order wavelets over time alone.
    """
    x, batch = _checks.signal(x, bank.n_samples, bank.dtype)
    require_joint(bank)
    S = of_any_level(_jtfs, x, bank)
    return jax.tree.map(lambda s: s.reshape(*batch, *s.shape[x.ndim - 1 :]), S)


def _jtfs(x: Float[Array, "*batch time"], bank: FilterBank) -> JointScattering:
    return jtfs_of_padded(padded(bank, x), bank)


def jtfs_of_padded(x: Float[Array, "*batch time"], bank: FilterBank) -> JointScattering:
    """Compute the transform of signals with context."""
    first = first_order(bank, x)
    slices = [_of_low_pass(bank, first.low)]
    for second in bank.tables.second:
        assert second.filters_fr is not None
        u = second_order(bank, second, first.u1_hats, second.filters_fr.modulus_of_complex)
        slices.append((second.filters_fr, u))
    s2 = _dense_paths(slices) if bank.paths_share_shape else _ragged_paths(bank, slices)
    return JointScattering(S0=first.S0, S1=first.S1, S2=s2)


def with_paths_of_mean(bank: FilterBank, S: JointScattering) -> JointScattering:
    """Recompute the paths with α = 0 from S1, as they are defined, for T="global".

    These paths are moduli of a mean, so they are not means over the parts of a signal.
    """
    slices = [_of_low_pass(bank, S.S1)]
    if is_by_path(S.S2):
        s2 = {**S.S2, **_ragged_paths(bank, slices)}
    else:
        paths, s2 = _dense_paths(slices), stacked(S.S2)
        s2 = jnp.concatenate([paths, s2[..., paths.shape[-3] :, :, :]], axis=-3)
    return JointScattering(S0=S.S0, S1=S.S1, S2=s2)


# The rows |U1 ⋆ ψ_n2 ⋆ ψ_β| ⋆ φ_T of all filters ψ_β, for all n2 of one resolution.
_Slice = tuple[FrequentialFilters, Float[Array, "*batch n2 row frame"]]


def _of_low_pass(bank: FilterBank, low: Float[Array, "*batch n1 frame"]) -> _Slice:
    """Compute the rows of α = 0 from U1 ⋆ φ_T."""
    filters = bank.tables.filters_fr
    return filters, filters.modulus_of_real(low)[..., None, :, :]


def _dense_paths(slices: list[_Slice]) -> Float[Array, "*batch path band frame"]:
    averaged = [filters.average_rows(u) for filters, u in slices]
    flat = [s.reshape(*s.shape[:-4], s.shape[-4] * s.shape[-3], *s.shape[-2:]) for s in averaged]
    return jnp.concatenate(flat, axis=-3)


def _ragged_paths(
    bank: FilterBank, slices: list[_Slice]
) -> dict[tuple[int, int], Float[Array, "*batch band frame"]]:
    """Return paths at their own resolutions, with only their live rows, which come first in S2."""
    paths = []
    for filters, u in slices:
        if bank.F == 0:
            of_filters = filters.split_rows(u)
        else:
            live = filters.average_rows(u)[..., : filters.n_live_bands, :]
            of_filters = jnp.moveaxis(live, -3, 0)
        paths += [s2[..., index, :, :] for index in range(u.shape[-3]) for s2 in of_filters]
    return dict(zip(joint_paths(bank)[: len(paths)], paths, strict=True))
