"""Coefficients equal those of a signal continued endlessly according to its padding mode."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from helpers import noise, relative_error

import jtfs_jax

CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "half the signal": (128, {"J": 4, "T": 64}),
    "a quarter": (100, {"J": 4, "T": 25.0}),
    "an eighth": (171, {"J": 4, "T": 21.0}),
    "all of it": (90, {"J": 4, "T": 90}),
    "long wavelets": (64, {"J": 6, "T": 16}),
    "wavelets longer than the signal": (60, {"J": 7, "T": 7.5}),
    "no average": (100, {"J": 5, "T": 0}),
    "one more than a power of two": (129, {"J": 4, "T": 129}),
}


@pytest.mark.parametrize("pad_mode", ["reflect", "conj-reflect", "zero", "periodic"])
@pytest.mark.parametrize("name", CASES)
def test_filters_see_the_continuation_as_far_as_they_reach(name, pad_mode, x64, quick_compile):
    n, options = CASES[name]
    options = {"Q": 3, "J_fr": 2, "pad_mode": pad_mode, **options}
    x = noise(n, seed=n, dtype=np.float64)
    bank = jtfs_jax.filterbank(n, **options, dtype=jnp.float64)
    S = jtfs_jax.jtfs(bank, x)
    endless = reference.jtfs(x, **options, stretch=4, decimate=True)
    assert relative_error(S.S0, endless.S0) < 1e-3
    assert relative_error(S.S1, endless.S1) < 1e-3
    assert relative_error(dict(jtfs_jax.by_path(bank, S)), endless.S2) < 1e-3


def test_padding_is_kymatio_s_where_that_suffices():
    sizes = {(4096, 8, 256): 8192, (6001, 9, 512): 16384, (2**16, 12, 2**13): 2**17}
    for (n, J, T), n_padded in sizes.items():
        bank = jax.eval_shape(lambda n=n, J=J, T=T: jtfs_jax.filterbank(n, J, 1, T=T))
        assert bank.n_padded == n_padded
