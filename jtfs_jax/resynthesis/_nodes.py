"""Noise through a time-varying filter, which is given at nodes and interpolated between them."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax._arrays import times_real
from jtfs_jax._coordinates import frame_times
from jtfs_jax._filterbank import FilterBank

_MAX_NODES = 256  # exceeded if nodes would be farther apart than the length of the longest wavelets
_REACH = 4  # of the filters, in lengths of the longest wavelets


class Nodes(NamedTuple):
    """Times at which filters are given, each the mean time of a group of frames."""

    times: np.ndarray
    group: int  # consecutive frames per node
    n_samples: int
    spacing: int  # samples from one node to the next, at most

    def average(self, s1: Float[Array, "*batch n1 frame"]) -> Float[Array, "*batch n1 node"]:
        """Mean over the frames of each node."""
        n_frames = s1.shape[-1]
        missing = len(self.times) * self.group - n_frames
        padded = jnp.pad(s1, [(0, 0)] * (s1.ndim - 1) + [(0, missing)])
        sums = padded.reshape(*s1.shape[:-1], len(self.times), self.group).sum(axis=-1)
        sizes = np.full(sums.shape[-1], self.group)
        sizes[-1] -= missing
        return sums / jnp.broadcast_to(jnp.asarray(sizes, s1.dtype), sums.shape)

    def interpolate(self, values: Float[Array, " node"]) -> Float[Array, " time"]:
        """Values at all samples: linear between the nodes, constant beyond them."""
        t = jnp.arange(self.n_samples, dtype=values.dtype)
        return jnp.interp(t, jnp.asarray(self.times, values.dtype), values)


def nodes(bank: FilterBank, n_frames: int, n_samples: int | None) -> Nodes:
    """Nodes for the frames of one call or of a longer signal; a single frame gets one node."""
    times = frame_times(bank, n_samples=n_samples)
    n = n_samples or bank.n_samples
    if n_frames == 1:
        return Nodes(times.mean(keepdims=True), len(times), n, n)
    shortest = min(2 ** math.ceil(math.log2(n / _MAX_NODES)), 2 ** bank.J[0])
    group = max(bank.critical_stride, shortest) // (bank.stride or 1)
    first = np.arange(0, n_frames, group)
    sizes = np.minimum(group, n_frames - first)
    spacing = group * (bank.stride or 1)
    return Nodes(np.add.reduceat(times, first) / sizes, group, n, spacing)


def filtered(
    bank: FilterBank,
    nodes: Nodes,
    amplitude: Float[Array, "channel source n1 node"],
    white: Float[Array, "source time"],
) -> Float[Array, "channel time"]:
    """Sums of white noises, filtered so that |n ⋆ ψ| equals `amplitude` on average.

    Around each node, a stretch of the noise passes through the node's filter and is cross-faded
    with its neighbors.
    """
    xi, sigma = np.array([(w.xi, w.sigma) for w in bank.wavelets1]).T
    dtype = amplitude.dtype
    # From E|n ⋆ ψ| in `colored_noise`, √P is the mean of |n ⋆ ψ| times this gain.
    gain = jnp.asarray(np.sqrt(4 / np.pi / (np.sqrt(np.pi) * sigma)), dtype)
    n = nodes.n_samples
    size = min(n, 2 * (nodes.spacing + _REACH * 2 ** bank.J[0]))
    frequency = jnp.asarray(np.fft.rfftfreq(size), dtype)
    centers = jnp.asarray(xi[::-1], dtype)
    starts = np.clip(np.round(nodes.times).astype(int) - size // 2, 0, n - size)
    slopes = 1 / np.diff(nodes.times)
    hats = np.stack([nodes.times - starts, np.append(0, slopes), np.append(slopes, 0)], axis=1)
    t = jnp.arange(size, dtype=dtype)

    def root_p(row: Float[Array, " n1"]) -> Float[Array, " bin"]:
        return jnp.interp(frequency, centers, (gain * row)[::-1]).at[0].set(0)

    def add(y, node):
        start, (center, up, down), rows = node
        spectra = jnp.fft.rfft(jax.lax.dynamic_slice_in_dim(white, start, size, axis=-1))
        gains = jnp.apply_along_axis(root_p, -1, rows)
        parts = times_real(jnp.broadcast_to(spectra[None], gains.shape), gains).sum(axis=1)
        hat = jnp.maximum(jnp.minimum(1 + up * (t - center), 1 - down * (t - center)), 0)
        part = jnp.fft.irfft(parts, size) * hat[None]
        before = jax.lax.dynamic_slice_in_dim(y, start, size, axis=-1)
        return jax.lax.dynamic_update_slice_in_dim(y, before + part, start, axis=-1), None

    none = jnp.zeros((len(amplitude), n), dtype)
    each = (jnp.asarray(starts), jnp.asarray(hats, dtype), jnp.moveaxis(amplitude, -1, 0))
    return jax.lax.scan(add, none, each)[0]
