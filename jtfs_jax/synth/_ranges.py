"""Ranges that normalize a synthesizer's parameters to numbers between −1 and 1."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._nodes import exportable


@exportable
class ParameterRanges(eqx.Module):
    """Differentiable maps from a synthesizer's parameters to numbers between −1 and 1, and back.

        linear:         ν = 2 (θ − low) / (high − low) − 1
        logarithmic:    ν = 2 log(θ / low) / log(high / low) − 1

    It is best to let networks predict ν: the output of a hyperbolic tangent is always within the
    ranges. The same formulas apply outside the ranges. Ranges are static: they are part of compiled
    programs, and no gradient flows to them.

    Args:
        low: Smallest value of each parameter.
        high: Largest value of each parameter.
        log: Whether each parameter is logarithmic; a single bool applies to all. The range of a
            logarithmic parameter must be positive.

    Raises:
        ValueError: If lengths differ, a range is empty or not finite, or a logarithmic range
            reaches down to 0.

    Example:
        >>> import jax.numpy as jnp
        >>> ranges = ParameterRanges(low=(512, 4, 0), high=(1024, 16, 2), log=(True, True, False))
        >>> ranges.denormalize(jnp.array([-1.0, 0.0, 0.0])).round(3)
        Array([512.,   8.,   1.], dtype=float32)
        >>> ranges.normalize(jnp.array([1024.0, 8.0, 1.0]))
        Array([1., 0., 0.], dtype=float32)

    References:
        Han, Lostanlen & Lagrange, Perceptual–Neural–Physical Sound Matching, 2023,
        arXiv:2301.02886.
    """

    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)
    log: tuple[bool, ...] = eqx.field(static=True)

    def __init__(
        self,
        low: Sequence[float] | np.ndarray,
        high: Sequence[float] | np.ndarray,
        *,
        log: bool | Sequence[bool] = True,
    ):
        self.low, self.high = tuple(map(float, low)), tuple(map(float, high))
        self.log = (log,) * len(self.low) if isinstance(log, bool) else tuple(map(bool, log))
        if not len(self.low) == len(self.high) == len(self.log) > 0:
            raise ValueError(
                f"low, high and log must have one entry for each parameter, got {len(self.low)}, "
                f"{len(self.high)} and {len(self.log)} entries."
            )
        for index, (least, largest) in enumerate(zip(self.low, self.high, strict=True)):
            if not -math.inf < least < largest < math.inf:
                raise ValueError(
                    f"low[{index}] must be less than high[{index}], and both finite, got "
                    f"{least!r} and {largest!r}."
                )
            if self.log[index] and least <= 0:
                raise ValueError(
                    f"low[{index}] must be positive if the parameter is logarithmic, got "
                    f"{least!r}; increase it, or set log[{index}]=False."
                )

    def normalize(
        self, theta: Float[Array | np.ndarray, "*batch parameter"]
    ) -> Float[Array, "*batch parameter"]:
        """Map parameters θ, in their own units on the last axis, to ν."""
        theta, low, unit, width, log = self._on_last_axis("theta", theta)
        # Both branches are differentiated, so the unused one takes the logarithm of 1.
        distance = jnp.where(log, jnp.log(jnp.where(log, theta / unit, 1)), theta - low)
        return 2 * distance / width - 1

    def denormalize(
        self, nu: Float[Array | np.ndarray, "*batch parameter"]
    ) -> Float[Array, "*batch parameter"]:
        """Map ν, on the last axis, to parameters θ in their own units."""
        nu, low, unit, width, log = self._on_last_axis("nu", nu)
        distance = 0.5 * (nu + 1) * width
        return jnp.where(log, unit * jnp.exp(jnp.where(log, distance, 0)), low + distance)

    def _on_last_axis(self, name: str, values: object) -> list[Array]:
        """Values as floating-point numbers; then low, low or 1, width of the range, log."""
        array = _checks.real_array(name, values)
        if array.shape[-1:] != (len(self.low),):
            raise ValueError(
                f"{name} must have the {len(self.low)} parameters of the ranges on its last axis, "
                f"got shape {array.shape}."
            )
        if not jnp.issubdtype(array.dtype, jnp.floating):
            array = array.astype(float)
        low, high, log = np.array(self.low), np.array(self.high), np.array(self.log)
        unit = np.where(log, low, 1)
        width = np.where(log, np.log(np.where(log, high / unit, 1)), high - low)
        shape = (1,) * (array.ndim - 1) + low.shape
        constants = [jnp.asarray(c.reshape(shape), array.dtype) for c in (low, unit, width)]
        return [array, *constants, jnp.asarray(log.reshape(shape))]
