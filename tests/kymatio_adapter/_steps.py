"""Steps of the transforms under Kymatio's names, if the library has equivalent steps.

Filters carry the object that created them (`of`), and therefore its filterbank.
"""

from collections.abc import Iterator as _Iterator
from typing import Any as _Any

import jax.numpy as _jnp
import numpy as _np

from jtfs_jax import _log_frequency, _wavelets


def _unpadded(of: _Any, U_0: _Any) -> _Any:
    """The signals within padded ones."""
    return U_0[..., of.pad_left : of.pad_left + of.shape[0]]


def scattering1d(
    U_0: _Any, backend: _Any, filters: list, log2_stride: int, average_local: bool
) -> _Iterator[dict[str, _Any]]:
    """Every path of time scattering."""
    of = filters[0]["of"]
    for n, coef in of.paths(_unpadded(of, U_0)).items():
        yield {"n": n, "coef": coef}


def time_scattering_widthfirst(
    U_0: _Any, backend: _Any, filters: list, log2_stride: int, average_local: bool
) -> _Iterator[dict[str, _Any]]:
    """S0, and S1 as a whole; U1 ⋆ ψ_n2 never exists as a whole."""
    of = filters[0]["of"]
    S, batch = of.coefficients(_unpadded(of, U_0))
    yield {"n": (), "coef": S.S0.reshape(*batch, -1)}
    S1 = S.S1.reshape(*batch, *S.S1.shape[1:])
    yield {"n": (-1,), "coef": S1, "n1_max": S1.shape[-2]}


def joint_timefrequency_scattering(
    U_0: _Any,
    backend: _Any,
    filters: list,
    log2_stride: int,
    average_local: bool,
    filters_fr: tuple,
    log2_stride_fr: int,
    average_local_fr: bool,
) -> _Iterator[dict[str, _Any]]:
    """S0 and every second-order path: averaged, with the rows and frames that are kept."""
    of = filters[0]["of"]
    S, batch = of.coefficients(_unpadded(of, U_0))
    yield {"n": (), "j": (), "coef": S.S0.reshape(*batch, -1)}
    items = S.S2.items() if isinstance(S.S2, dict) else zip(_keys(of), S.S2, strict=True)
    for (n2, n_fr), coef in items:
        yield {
            "n": (n_fr,) if n2 < 0 else (n2, n_fr),
            "n_fr": (n_fr,),
            "j_fr": (filters_fr[1][n_fr]["j"],),
            "spin": int(_np.sign(filters_fr[1][n_fr]["xi"])) if n2 >= 0 else 0,
            "coef": coef.reshape(*batch, *coef.shape[-2:]),
        }


def _keys(of: _Any) -> list[tuple[int, int]]:
    from jtfs_jax._paths import joint_paths

    return joint_paths(of.bank)


def frequency_scattering(
    X: dict, backend: _Any, filters_fr: tuple, log2_stride_fr: int, average_fr: bool, spinned: bool
) -> _Iterator[dict[str, _Any]]:
    """|X ⋆ ψ_β| for every β, at the rows kept for it."""
    of, n_live = filters_fr[0]["of"], X["n1_max"]
    family = _wavelets.Family(of.bank.wavelets_fr, of.J_fr)
    kernels = _wavelets.row_kernels(family, of._N_padded_fr)
    sampling = _log_frequency.RowSampling(n_live, n_live, 0.0, None, reflect=False, oversampling=0)
    rows = _log_frequency.frequential_filters(kernels, family, sampling)

    def along_rows(x: _Any) -> _Any:
        x = _jnp.asarray(x)
        return rows.modulus_of_complex(x) if spinned else rows.modulus_of_real(x)

    for n_fr, coef in enumerate(rows.split_rows(along_rows(X["coef"]))):
        spin = int(_np.sign(filters_fr[1][n_fr]["xi"]))
        yield {**X, "n": (*X["n"][1:], n_fr), "n_fr": (n_fr,), "spin": spin, "coef": coef}


def time_averaging(*_: _Any) -> _Any:
    """Not a separate step: the library averages block by block, never a whole array."""
    raise NotImplementedError("averages over time are part of jtfs_jax.jtfs")


def frequency_averaging(*_: _Any) -> _Any:
    """Not a separate step: averages are products with matrices of `FrequentialFilters`."""
    raise NotImplementedError("averages over rows are part of jtfs_jax.jtfs")
