"""Coefficients as a table of features: their order and names."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jtfs_jax._coefficients import JointScattering, TimeScattering, by_path
from jtfs_jax._coordinates import band_frequencies, frame_times, wavelet_frequencies
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._path_tables import path_table, time_path_table


def features(
    bank: FilterBank, S: JointScattering | TimeScattering
) -> Float[np.ndarray, "sound feature"]:
    """S0, S1 and the paths of S2, each from high to low frequency, then from early to late."""
    parts = [S.S0, S.S1, *by_path(bank, S).values()]
    return np.concatenate([np.reshape(part, (len(part), -1)) for part in parts], axis=1)


def names(bank: FilterBank, *, joint: bool, sample_rate: float | None) -> Iterator[str]:
    """Names of the features from `features`, in the same order."""
    hz, s = ("cycles/sample", "samples") if sample_rate is None else ("Hz", "s")
    fs: Any = {"sample_rate": sample_rate}

    def times(n2: int | None = None) -> list[str]:
        if bank.T == "global":
            return [""]
        return [f" time={round(t, 6):.12g} {s}" for t in frame_times(bank, n2=n2, **fs)]

    def bands(frequencies: Sequence[float] | np.ndarray) -> list[str]:
        return [f" frequency={f:.6g} {hz}" for f in frequencies]

    def product(prefix: str, *axes: list[str]) -> Iterator[str]:
        if not axes:
            yield prefix
            return
        for label in axes[0]:
            yield from product(prefix + label, *axes[1:])

    yield from product("S0", times())
    yield from product("S1", bands(wavelet_frequencies(bank, **fs)), times())
    if not joint:
        table = time_path_table(bank, **fs)
        for n2, frequency, rate in zip(table.n2, table.frequency, table.rate, strict=True):
            yield from product(f"S2 rate={rate:.6g} {hz}", bands([frequency]), times(n2))
        return
    table = path_table(bank, **fs)
    for path, (n2, n_fr) in enumerate(zip(table.n2, table.n_fr, strict=True)):
        prefix = (
            f"S2 spin={table.spin[path]:+d} rate={table.rate[path]:.6g} {hz} "
            f"scale={table.scale[path]:.6g} c/o"
        ).replace("spin=+0", "spin=0")
        of_path = band_frequencies(bank, n_fr=n_fr, **fs)[: table.n_rows[path]]
        yield from product(prefix, [""] if bank.F == "global" else bands(of_path), times(n2))
