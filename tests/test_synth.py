"""Test signals against their formulas in NumPy and float64, and what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jtfs_jax
from jtfs_jax import synth

N, FS = 2**16, 44100.0
LONG = {"n_samples": N, "sample_rate": FS}
SHORT = {"n_samples": 256, "sample_rate": 1000.0}


def number(value):
    """What a float32 parameter is."""
    return np.float64(np.float32(value))


def times(*, center=False):
    return (np.arange(N) - center * N / 2) / FS


def integral(t, gamma):
    """∫₀ᵗ 2^(γs) ds."""
    u = number(gamma) * np.log(2)
    return np.expm1(u * t) / u if u else t


def sine(phase):
    return np.sin(2 * np.pi * phase)


def am_chirp(f_c, f_m, gamma):
    t = times(center=True)
    window = np.exp(-0.5 * (number(gamma) * t / 0.2) ** 2)
    return window * sine(number(f_m) * t) * sine(number(f_c) * integral(t, gamma))


def shepard(f_c, gamma):
    t = times(center=True)
    x = np.zeros(N)
    for k in range(-40, 41):
        p = k + number(gamma) * t
        heard = (np.abs(p) < 5) & (number(f_c) * 2.0**p < FS / 2)
        x += heard * np.exp(-0.5 * p**2) * sine(number(f_c) * 2.0**k * integral(t, gamma))
    return x


def windowed_tones(f_c, t_c, duration):
    x = np.zeros(N)
    for f, center in zip(np.broadcast_to(f_c, 3), np.broadcast_to(t_c, 3), strict=True):
        s = (times() - number(center)) / duration
        ramp = np.clip((0.5 - np.abs(s)) / 0.25, 0, 1)
        x += 0.5 * (1 - np.cos(np.pi * ramp)) * sine(number(f) * (times() - number(center)))
    return x


F_C = np.array([300.0, 2000.0, 15000.0], np.float32)
SIGNALS = {
    "am_tone": (
        synth.am_tone(15000.3, 7.1, depth=0.5, **LONG),
        (1 + 0.5 * np.cos(2 * np.pi * number(7.1) * times()))
        * np.cos(2 * np.pi * number(15000.3) * times()),
    ),
    **{
        f"am_chirp {gamma}": (
            synth.am_chirp(512.0, 8.3, gamma, **LONG),
            am_chirp(512.0, 8.3, gamma),
        )
        for gamma in (4.0, -0.3, 1e-6, 0.0)
    },
    "shepard up": (synth.shepard(1000.0, 9.0, **LONG), shepard(1000.0, 9.0)),
    "shepard down": (synth.shepard(500.0, -0.7, **LONG), shepard(500.0, -0.7)),
    "shepard's tone": (synth.shepard(900.0, 0.0, **LONG), shepard(900.0, 0.0)),
    "tones": (
        synth.windowed_tones(F_C, [0.3, 0.7, 1.2], 0.4, **LONG),
        windowed_tones(F_C, [0.3, 0.7, 1.2], 0.4),
    ),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_follow_their_formulas_in_float32(name):
    found, expected = SIGNALS[name]
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, atol=3e-6 * max(np.abs(expected).max(), 1))
