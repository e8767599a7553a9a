"""The network of Table 1, for maps with any number of axes.

Dropout follows the hidden layer, as in Table 1; in the paper's code it precedes it. The caption of
Figure 5 names an architecture that differs from both.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .frontends import Features

KERNELS = (7, 5, 3)
REDUCTION = 16  # of channels in squeeze-and-excitation
HIDDEN = 64
N_LEARNED = 4  # channels learned from S1
AXIS = "sound"  # over which batch norm computes its statistics

_MAX_POOL = {1: eqx.nn.MaxPool1d, 2: eqx.nn.MaxPool2d}


class Shape(NamedTuple):
    """Parameters that Table 1 leaves to the frontend."""

    widths: tuple[int, int, int] | None = None  # None: C, 2C and 4C for C input channels
    pools: tuple[bool, bool, bool] = (True, False, False)  # max pooling after each convolution


class RowsToBands(eqx.Module):
    """Learned map from S1, with one row per wavelet, to channels on the bands of S2.

    Band b of S2 is centered on row b · stride. It gets the mean over `stride` rows from row
    b · stride − stride/2 on, whose center is half a row before row b · stride. The convolution
    kernel of one octave reaches one row farther forward than back, which compensates for this.
    """

    convolution: eqx.nn.Conv2d
    stride: int = eqx.field(static=True)
    n_bands: int = eqx.field(static=True)

    def __init__(self, stride: int, octave: int, n_bands: int, *, key: PRNGKeyArray):
        padding = (((octave - 1) // 2, octave // 2), (0, 0))
        self.convolution = eqx.nn.Conv2d(1, N_LEARNED, (octave, 1), padding=padding, key=key)
        self.stride, self.n_bands = stride, n_bands

    def __call__(self, rows: Float[Array, "n1 frame"]) -> Float[Array, "channel band frame"]:
        found = jax.nn.relu(self.convolution(rows[None]))
        padding = (self.stride // 2, self.stride)
        padded = jnp.pad(found, ((0, 0), padding, (0, 0)))[:, : self.n_bands * self.stride]
        return padded.reshape(N_LEARNED, self.n_bands, self.stride, -1).mean(2)


class SqueezeExcite(eqx.Module):
    """Channel weighting by a function of the channel means."""

    down: eqx.nn.Linear
    up: eqx.nn.Linear

    def __init__(self, width: int, *, key: PRNGKeyArray):
        inner, (down_key, up_key) = max(width // REDUCTION, 1), jax.random.split(key)
        self.down = eqx.nn.Linear(width, inner, key=down_key)
        self.up = eqx.nn.Linear(inner, width, key=up_key)

    def __call__(self, x: Float[Array, "channel *axis"]) -> Float[Array, "channel *axis"]:
        means = x.reshape(len(x), -1).mean(1)
        weights = jax.nn.sigmoid(self.up(jax.nn.relu(self.down(means))))
        return x * weights.reshape(-1, *[1] * (x.ndim - 1))


class Block(eqx.Module):
    """Convolution, batch norm, squeeze-and-excitation, ReLU, pooling."""

    convolution: eqx.nn.Conv
    norm: eqx.nn.BatchNorm
    squeeze: SqueezeExcite | None
    pool: eqx.nn.Pool | None

    def __init__(
        self,
        n_axes: int,
        n_in: int,
        n_out: int,
        kernel: int,
        *,
        squeeze: bool,
        pool: bool,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key)
        self.convolution = eqx.nn.Conv(
            n_axes, n_in, n_out, kernel, padding="SAME", use_bias=False, key=keys[0]
        )
        self.norm = _batch_norm(n_out)
        self.squeeze = SqueezeExcite(n_out, key=keys[1]) if squeeze else None
        self.pool = _MAX_POOL[n_axes](2, 2) if pool else None

    def __call__(self, x, state: eqx.nn.State):
        x, state = self.norm(self.convolution(x), state)
        if self.squeeze is not None:
            x = self.squeeze(x)
        x = jax.nn.relu(x)
        return (x if self.pool is None else self.pool(x)), state


class Network(eqx.Module):
    """Network from the features of one sound to a logit per class; created by `network`."""

    branch: RowsToBands | None
    norm: eqx.nn.BatchNorm
    blocks: list[Block]
    hidden: eqx.nn.Linear
    dropout: eqx.nn.Dropout
    classes: eqx.nn.Linear

    def __init__(
        self,
        features: Features,
        n_classes: int,
        shape: Shape,
        octave: int,
        stride_fr: int,
        *,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 3 + len(KERNELS))
        n_channels, *axes = features.maps.shape[1:]
        self.branch = None
        if features.rows is not None:
            self.branch = RowsToBands(stride_fr, octave, axes[0], key=keys[0])
            n_channels += N_LEARNED
        widths = (n_channels, *(shape.widths or (n_channels, 2 * n_channels, 4 * n_channels)))
        self.norm = _batch_norm(n_channels)
        self.blocks = [
            Block(len(axes), n_in, n_out, kernel, squeeze=n > 0, pool=pool, key=keys[3 + n])
            for n, (n_in, n_out, kernel, pool) in enumerate(
                zip(widths[:-1], widths[1:], KERNELS, shape.pools, strict=True)
            )
        ]
        self.hidden = eqx.nn.Linear(widths[-1], HIDDEN, key=keys[1])
        self.dropout = eqx.nn.Dropout(0.5)
        self.classes = eqx.nn.Linear(HIDDEN, n_classes, key=keys[2])

    def __call__(
        self, features: Features, state: eqx.nn.State, key: PRNGKeyArray | None
    ) -> tuple[Float[Array, " instrument"], eqx.nn.State]:
        x = features.maps
        if self.branch is not None and features.rows is not None:
            x = jnp.concatenate([self.branch(features.rows), x])
        x, state = self.norm(x, state)
        for block in self.blocks:
            x, state = block(x, state)
        means = x.reshape(len(x), -1).mean(1)
        hidden = self.dropout(jax.nn.relu(self.hidden(means)), key=key)
        return self.classes(hidden), state


def network(
    features: Features,
    n_classes: int,
    shape: Shape,
    *,
    octave: int = 16,
    stride_fr: int = 4,
    key: PRNGKeyArray,
) -> tuple[Network, eqx.nn.State]:
    """Return a network for features with these shapes, and the state of its batch norms.

    Args:
        features: Features of some sounds, for their shapes.
        n_classes: Number of logits.
        shape: Widths and pooling.
        octave: First-order wavelets per octave: the number of rows in the learned kernel for S1.
        stride_fr: First-order wavelets between bands.
        key: Random key for the weights.
    """
    make = eqx.nn.make_with_state(Network)
    return make(features, n_classes, shape, octave, stride_fr, key=key)


def _batch_norm(width: int) -> eqx.nn.BatchNorm:
    return eqx.nn.BatchNorm(width, AXIS, momentum=0.9, mode="batch")
