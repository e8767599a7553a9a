"""Ranges of a synthesizer's parameters, and the numbers between −1 and 1 that stand for them."""

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
    """Parameters of a synthesizer as numbers between −1 and 1, and back, differentiably.

        linear:         ν = 2 (θ − low) / (high − low) − 1
        logarithmic:    ν = 2 log(θ / low) / log(high / low) − 1

    Networks predict such numbers best, a hyperbolic tangent being within the ranges. Values beyond
    the ranges are continued by the same formula. All is static: ranges are part of compiled
    programs, and no gradient flows to them.

    Args:
        low: The least value of each parameter.
        high: The largest.
        log: Whether each is logarithmic; a single answer is for all. Those that are must be
            positive.

    Raises:
        ValueError: If lengths differ, a range is empty or not finite, or a logarithmic one reaches
            down to 0.

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
                f"{len(self.high)} and {len(self.log)} of them."
            )
        for index, (least, largest) in enumerate(zip(self.low, self.high, strict=True)):
            if not -math.inf < least < largest < math.inf:
                raise ValueError(
                    f"low[{index}] must be less than high[{index}], and both finite, got "
                    f"{least!r} and {largest!r}."
                )
            if self.log[index] and least <= 0:
                raise ValueError(
                    f"low[{index}] must be positive where the parameter is logarithmic, got "
                    f"{least!r}; give a larger one, or log[{index}]=False."
                )

    def normalize(
        self, theta: Float[Array | np.ndarray, "*batch parameter"]
    ) -> Float[Array, "*batch parameter"]:
        """ν of parameters θ in their own units, on the last axis."""
        theta, low, unit, width, log = self._on_last_axis("theta", theta)
        # Derivatives are taken of both branches: the logarithm of 1 where it does not count.
        distance = jnp.where(log, jnp.log(jnp.where(log, theta / unit, 1)), theta - low)
        return 2 * distance / width - 1

    def denormalize(
        self, nu: Float[Array | np.ndarray, "*batch parameter"]
    ) -> Float[Array, "*batch parameter"]:
        """Parameters θ in their own units, of ν on the last axis."""
        nu, low, unit, width, log = self._on_last_axis("nu", nu)
        distance = 0.5 * (nu + 1) * width
        return jnp.where(log, unit * jnp.exp(jnp.where(log, distance, 0)), low + distance)

    def _on_last_axis(self, name: str, values: object) -> list[Array]:
        """Values as floating-point numbers; then low, low or 1, width of the range, log."""
        array = _checks.real_array(name, values)
        if array.shape[-1:] != (len(self.low),):
            raise ValueError(
                f"{name} must have the {len(self.low)} parameters of the ranges on its last axis, "
                f"got the shape {array.shape}."
            )
        if not jnp.issubdtype(array.dtype, jnp.floating):
            array = array.astype(float)
        low, high, log = np.array(self.low), np.array(self.high), np.array(self.log)
        unit = np.where(log, low, 1)
        width = np.where(log, np.log(np.where(log, high / unit, 1)), high - low)
        shape = (1,) * (array.ndim - 1) + low.shape
        constants = [jnp.asarray(c.reshape(shape), array.dtype) for c in (low, unit, width)]
        return [array, *constants, jnp.asarray(log.reshape(shape))]
