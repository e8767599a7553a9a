"""The second-order time scattering transform."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from . import _checks
from ._coefficients import TimeScattering
from ._context import padded
from ._filterbank import FilterBank
from ._first_order import first_order
from ._jit import jit
from ._level import of_any_level
from ._modulus import modulus
from ._paths import time_paths
from ._second_order import second_order


@jit
@jax.named_scope("jtfs_jax.time_scattering")
def time_scattering(bank: FilterBank, x: Float[Array, "*batch time"]) -> TimeScattering:
    """Compute time scattering to second order.

    With wavelets ψ and the low-pass filter φ_T from `bank`, and ⋆ convolution over time:

        S0(t)         = (x ⋆ φ_T)(t)
        U1(n1, t)     = |x ⋆ ψ_n1|(t)
        S1(n1, t)     = (U1(n1, ·) ⋆ φ_T)(t)
        S2(n1, n2, t) = (|U1(n1, ·) ⋆ ψ_n2| ⋆ φ_T)(t)     where j2(n2) > j1(n1)

    `frame_times` gives the times of the frames. Without averaging (T=0), S0 is x, S1 is U1, and a
    path of S2 keeps every 2**j2-th sample of |U1 ⋆ ψ_n2|.

    Args:
        bank: Filters from `filterbank`.
        x: Real signals of `bank.n_samples` samples on the last axis; other axes are batch. They are
            cast to the precision of `bank`.

    Returns:
        `S0 (*batch, frame)`, `S1 (*batch, n1, frame)` and `S2 (*batch, path, frame)`, all in the
        units of `x`. Paths are ordered by n1, then by n2, as in `time_path_table`.

    Raises:
        ValueError: At trace time, if `x` is not real or does not have `bank.n_samples` samples.

    Example:
        >>> import jax.numpy as jnp
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8)
        >>> S = jtfs_jax.time_scattering(bank, jnp.ones(4096))
        >>> S.S1.shape, S.S2.shape
        ((54, 16), (179, 16))

    References:
        Andén & Mallat, Deep Scattering Spectrum, 2014, arXiv:1304.6763.

    See Also:
        jtfs: wavelets over time and log-frequency in the second order.
    """
    x, batch = _checks.signal(x, bank.n_samples, bank.dtype)
    S = of_any_level(_time_scattering, x, bank)
    return jax.tree.map(lambda s: s.reshape(*batch, *s.shape[x.ndim - 1 :]), S)


def _time_scattering(x: Float[Array, "*batch time"], bank: FilterBank) -> TimeScattering:
    return time_scattering_of_padded(padded(bank, x), bank)


def time_scattering_of_padded(x: Float[Array, "*batch time"], bank: FilterBank) -> TimeScattering:
    """Compute the transform of signals with context."""
    first = first_order(bank, x)
    slices, computed = [], []
    for second in bank.tables.second:
        s2 = second_order(bank, second, first.u1_hats, lambda z: modulus(z.real, z.imag))
        slices.append(s2.reshape(*s2.shape[:-3], s2.shape[-3] * s2.shape[-2], s2.shape[-1]))
        computed += [(n1, n2) for n2 in second.group.members for n1 in range(second.n_live)]
    if bank.T == 0:
        rows = [s2[..., row, :] for s2 in slices for row in range(s2.shape[-2])]
        of_path = dict(zip(computed, rows, strict=True))
        s2 = {path: of_path[path] for path in time_paths(bank)}
    else:
        place = {path: index for index, path in enumerate(computed)}
        order = np.array([place[path] for path in time_paths(bank)], dtype=int)
        none = first.S1[..., :0, :]
        s2 = jnp.concatenate(slices or [none], axis=-2)[..., order, :]
    return TimeScattering(first.S0, first.S1, s2)
