"""Phases of long signals in cycles, as accurate in float32 as in float64.

After 30,000 cycles, float32 rounds a phase to 1e-3 of a cycle. Here, phases are computed as sums of
two numbers, of which one is the rounding error of the other, and whole cycles are subtracted before
the result is rounded. Derivatives do not need this precision; they use the same formula in plain
arithmetic.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_LN2 = math.log(2)
_N_DOUBLINGS = 8
_DEGREE = 8  # for 60 octaves from t = 0, the first term left out is below 1e-13 of the sum
_NEAR, _DEGREE_NEAR = 0.5, 14  # the first term left out is below the precision of float64


class _Pair(eqx.Module):
    """The number high + low, where low is at most a rounding error of high: 48 bits."""

    high: Array
    low: Array

    def __add__(self, other: "_Pair") -> "_Pair":
        total, error = _two_sum(self.high, other.high)
        return _Pair(*_two_sum(total, error + self.low + other.low))

    def __mul__(self, other: "_Pair") -> "_Pair":
        a, a_rest = _halves(self.high)
        b, b_rest = _halves(other.high)
        # Products of halves are exact, so it does not matter whether XLA fuses them with sums.
        middle, middle_error = _two_sum(a * b_rest, a_rest * b)
        total, error = _two_sum(a * b, middle)
        small = a_rest * b_rest + self.high * other.low + self.low * other.high
        return _Pair(*_two_sum(total, error + middle_error + small))

    def fraction(self) -> Array:
        """Signed distance from the nearest integer."""
        return (self.high - jnp.round(self.high)) + self.low


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded sum, and its rounding error."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def _halves(a: Array) -> tuple[Array, Array]:
    """The first 12 bits of a float32 number, and the rest."""
    bits = jax.lax.bitcast_convert_type(a, jnp.uint32) & jnp.uint32(0xFFFFF000)
    first = jax.lax.bitcast_convert_type(bits, jnp.float32)
    return first, a - first


def _as_pair(number: Array | np.ndarray | float) -> _Pair:
    """A JAX array, taken as exact, or a NumPy array or number in float64, as a pair."""
    if isinstance(number, jax.Array):
        return _Pair(jax.lax.stop_gradient(number), jnp.zeros_like(number))
    high = np.asarray(number, np.float32)
    low = np.asarray(number - np.asarray(high, np.float64), np.float32)
    # The barrier hides constants from XLA, which simplifies (x + c) − c if c is a constant.
    return _Pair(*jax.lax.optimization_barrier((jnp.asarray(high), jnp.asarray(low))))


def cycles(
    f: Float[Array, "*#shape"],
    t: Float[Array | np.ndarray, "*#shape"],
    gamma: Float[Array, "*#shape"] | None = None,
) -> Float[Array, "*shape"]:
    """Phase in cycles at `t` of a tone with frequency `f` at t = 0: ∫₀ᵗ f · 2**(gamma s) ds.

    Args:
        f: Frequencies in Hz.
        t: Times in seconds, float64 if in NumPy.
        gamma: Chirp rates in octaves/second. None: constant frequencies.

    Returns:
        The phase, without whole cycles if in float32.
    """
    smooth = jnp.asarray(t, f.dtype)
    if gamma is not None:
        smooth = smooth * _mean_exp(gamma * _LN2 * smooth)
    smooth = f * smooth
    if f.dtype != jnp.float32:
        return smooth
    time = _as_pair(t)
    if gamma is not None:
        time = _integral_of_exp(_as_pair(gamma) * _as_pair(_LN2), time)
    accurate = (_as_pair(f) * time).fraction()
    return accurate + (smooth - jax.lax.stop_gradient(smooth))


def _mean_exp(x: Array) -> Array:
    """Mean of exp between 0 and x, (exp(x) − 1) / x, with its derivatives around 0."""
    near = jnp.abs(x) < _NEAR
    small, large = jnp.where(near, x, 0), jnp.where(near, 1, x)
    series = jnp.ones_like(x)
    for k in range(_DEGREE_NEAR, 0, -1):
        series = 1 + small / (k + 1) * series
    return jnp.where(near, series, jnp.expm1(large) / large)


def _integral_of_exp(rate: _Pair, t: _Pair) -> _Pair:
    """∫₀ᵗ exp(rate · s) ds, from its Taylor series near 0, then by doubling.

    With E the integral, E(2t) = E(t) (2 + rate · E(t)). This avoids a division by the rate.
    """
    t = t * _as_pair(2.0**-_N_DOUBLINGS)
    x = rate * t
    integral = _as_pair(1.0)
    for k in range(_DEGREE, 0, -1):
        integral = _as_pair(1.0) + x * _as_pair(1 / (k + 1)) * integral
    integral = t * integral
    return jax.lax.fori_loop(
        0, _N_DOUBLINGS, lambda _, integral: integral * (_as_pair(2.0) + rate * integral), integral
    )


def sine(phase: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Sine of a phase in cycles."""
    return jnp.sin(2 * math.pi * phase)


def cosine(phase: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Cosine of a phase in cycles."""
    return jnp.cos(2 * math.pi * phase)
