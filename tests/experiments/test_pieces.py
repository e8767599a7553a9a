"""A recording beside its parts: where errors are counted."""

import numpy as np
import pytest
from helpers import noise

import jtfs_jax
from experiments import pieces

N, N_PARTS = 2**10, 4

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.setattr(pieces, "N_SAMPLES", N)
    monkeypatch.setattr(pieces, "SETTINGS", {"J": 5, "Q": 3, "T": 2**6, "J_fr": 2})
    return noise(N_PARTS, N)


def test_errors_of_parts_are_errors_of_their_frames(parts):
    bank = jtfs_jax.filterbank(2 * N, **pieces.SETTINGS)
    changed = parts.copy()
    changed[2, N // 4 : N // 2] *= 1.5
    whole, of_parts = pieces.errors(bank, changed, parts)
    S, R = (jtfs_jax.segmented(jtfs_jax.jtfs)(bank, sound.ravel()) for sound in (changed, parts))
    frames = slice(2 * N // 2**6, 3 * N // 2**6)
    wrong, right = (
        sum(np.sum(np.square(leaf[..., frames])) for leaf in coefficients)
        for coefficients in (
            [S.S0 - R.S0, S.S1 - R.S1, S.S2 - R.S2],
            [R.S0, R.S1, R.S2],
        )
    )
    np.testing.assert_allclose(of_parts[2], np.sqrt(wrong / right), rtol=1e-4)
    assert of_parts[0] < 1e-5 < of_parts[2]
    assert of_parts.min() < whole < of_parts.max()


def test_table(parts):
    table = str(pieces.compare(parts, n_steps=2)).splitlines()
    assert [row.split("|")[1].strip() for row in table[2:]] == [
        "metamer of the recording",
        "metamers of its parts, joined",
        "metamers of its parts, alone",
    ]
    assert all(0 < float(cell.strip(" %")) < 100 for cell in table[2].split("|")[2:5])
