"""Properties of transforms that resynthesis depends on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from jtfs_jax._jtfs import jtfs
from jtfs_jax._segmented import segmented
from jtfs_jax._time_scattering import time_scattering

from ._channels import Interchannel, n_channels


class Known(NamedTuple):
    """Known properties of a transform."""

    has_s1: bool  # its results have the true S1, which other transforms may compress
    is_segmented: bool
    has_channels: bool  # signals are (channel, time)

    @property
    def axes(self) -> str:
        """Axes of its signals, in words."""
        return "channel, time" if self.has_channels else "time"

    @property
    def n_axes(self) -> int:
        """Number of axes of its signals."""
        return 2 if self.has_channels else 1

    def noise_options(self, n_samples: int) -> dict[str, Any]:
        """Arguments of `colored_noise` and `loudness` for signals of this length."""
        return {
            "n_samples": n_samples if self.is_segmented else None,
            "interchannel": self.has_channels,
        }


def known(transform: Callable[..., Any]) -> Known:
    """Known properties of this transform."""
    has_channels = isinstance(transform, Interchannel)
    inner = transform.transform if isinstance(transform, Interchannel) else transform
    is_segmented = inner in (segmented(jtfs), segmented(time_scattering))
    return Known(is_segmented or inner in (jtfs, time_scattering), is_segmented, has_channels)


def signal_shape(
    transform: Callable[..., Any], bank: Any, target: PyTree[Array], n_samples: int, dtype: Any
) -> tuple[int, ...]:
    """Shape of the signals of a target; its mixtures determine the number of channels."""
    if not known(transform).has_channels:
        return (n_samples,)
    one = jax.eval_shape(transform, bank, jax.ShapeDtypeStruct((1, n_samples), dtype))
    leaf, of_one = jnp.asarray(jax.tree.leaves(target)[0]), jax.tree.leaves(one)[0]
    if leaf.ndim < of_one.ndim:
        raise ValueError(
            f"target must have an axis of mixtures, as from interchannel, but the shape of its "
            f"first array is {leaf.shape}; compute it with the same transform."
        )
    return n_channels(leaf.shape[leaf.ndim - of_one.ndim]), n_samples
