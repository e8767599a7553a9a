"""The first order: the scalogram U1 = |x ⋆ ψ_n1|, its spectrum, and the averages S0 and S1."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from . import _checks, _fft, _sampling
from ._arrays import of_rank, times_real
from ._context import padded
from ._filterbank import FilterBank
from ._jit import jit
from ._level import of_any_level
from ._polyphase import interleave, polyphase_rfft
from ._time_wavelets import WaveletGroup, moduli_of_signals


class FirstOrder(eqx.Module):
    """S0 and S1, and the inputs of the second order.

    Attributes:
        low: U1 ⋆ φ_T at the frames, for the paths with α = 0. This is S1, except that for T=0, S1
            is U1.
        u1_hats: Half-spectrum of U1 for each group of wavelets, scaled as at the full sample rate.
    """

    S0: Float[Array, "*batch frame"]
    S1: Float[Array, "*batch n1 frame"]
    low: Float[Array, "*batch n1 frame"]
    u1_hats: tuple[Complex[Array, "*batch n1 bin"], ...]


def full_rate_scalogram(
    bank: FilterBank, half: Complex[Array, "*batch bin"]
) -> Float[Array, "*batch n1 time"]:
    """Compute U1 at every sample of the signal."""
    tables = bank.tables
    rows = [
        interleave(moduli_of_signals(half, group, bank.n_padded, 0, tables.fourier))
        for group in tables.groups1
    ]
    return _within(bank, jnp.concatenate(rows, axis=-2))


def _within(bank: FilterBank, x: Float[Array, "*batch time"]) -> Float[Array, "*batch n"]:
    """Return the samples of the signal without its context."""
    before = _sampling.pad_left(bank.n_samples, bank.n_padded)
    return x[..., before : before + bank.n_samples]


def first_order(bank: FilterBank, x: Float[Array, "*batch time"]) -> FirstOrder:
    """Compute the first order of both scattering transforms, for signals with context."""
    half, tables = _fft.rfft(x), bank.tables

    @jax.checkpoint  # U1 is large, and quick to recompute for the derivative
    def of_group(half, group, mean):
        n_bins = _n_bins(bank, group)
        u1 = moduli_of_signals(half, group, bank.n_padded, group.log2_stride, tables.fourier)
        mean_of_rows = None if mean is None else mean.whole(u1)
        factor = jnp.array(2.0**group.log2_stride, bank.dtype)
        if group.own is not None:  # see `with_short_ones_merged`
            u1 = u1 * of_rank(group.own.comb, u1.ndim)
            factor = factor * group.own.bins[:, :n_bins]
        return times_real(polyphase_rfft(u1, n_bins, tables.fourier), factor), mean_of_rows

    means = tables.means if bank.T == "global" else [None] * len(tables.groups1)
    found = [of_group(half, group, mean) for group, mean in zip(tables.groups1, means, strict=True)]
    u1_hats = tuple(u1_hat for u1_hat, _ in found)
    if bank.T == "global":
        s0 = _within(bank, x).mean(-1, keepdims=True)
        s1 = low = jnp.concatenate([mean for _, mean in found if mean is not None], axis=-2)
    elif bank.T == 0:
        s0, s1 = _within(bank, x), full_rate_scalogram(bank, half)
        low = low_pass_rows(bank, u1_hats)
    else:
        s0 = low_pass(bank, half[..., : tables.phi_hat.size])
        s1 = low = low_pass_rows(bank, u1_hats)
    return FirstOrder(s0, s1, low, u1_hats)


def _n_bins(bank: FilterBank, group: WaveletGroup) -> int:
    """Return the number of bins of U1 that φ_T or a second-order wavelet passes."""
    passed = [second.n_bins for second in bank.tables.second if second.group.j > group.j]
    n_bins = (bank.n_padded >> group.log2_stride) // 2 + 1
    return min(max([bank.tables.phi_hat.size, *passed]), n_bins)


def low_pass(
    bank: FilterBank, half: Complex[Array, "*batch row bin"]
) -> Float[Array, "*batch row frame"]:
    """Compute the output of φ_T at the frames from the lowest bins of a half-spectrum."""
    stride = bank.low_pass_stride
    passed = times_real(half, bank.tables.phi_hat * (2.0 / stride))
    # Compute twice as many frames as are kept: φ_T does not quite vanish at half the frame rate.
    frames, n = bank.frames(stride), 2 * bank.n_padded // stride
    return bank.tables.fourier.irfft(passed, n)[..., ::2][..., frames.start : frames.stop]


def low_pass_rows(
    bank: FilterBank, u1_hats: Sequence[Complex[Array, "*batch n1 bin"]]
) -> Float[Array, "*batch n1 frame"]:
    """Compute φ_T ⋆ U1 at the frames."""
    n_bins = bank.tables.phi_hat.size
    low = [u1_hat[..., :n_bins] for u1_hat in u1_hats]
    low = [jnp.pad(z, [(0, 0)] * (z.ndim - 1) + [(0, n_bins - z.shape[-1])]) for z in low]
    return low_pass(bank, jnp.concatenate(low, axis=-2))


@jit
@jax.named_scope("jtfs_jax.scalogram")
def scalogram(bank: FilterBank, x: Float[Array, "*batch time"]) -> Float[Array, "*batch n1 time"]:
    """Compute the scalogram: the envelopes of a signal in frequency bands, at its own sample rate.

        U1(n1, t) = |x ⋆ ψ_n1|(t)

    Beyond its ends, the signal is continued according to the `pad_mode` of `bank`.

    Args:
        bank: Filters from `filterbank`.
        x: Real signals of `bank.n_samples` samples on the last axis; other axes are batch. They are
            cast to the precision of `bank`.

    Returns:
        `U1 (*batch, n1, time)`, in the units of `x`, from high to low frequency;
        `wavelet_frequencies` gives the center frequencies of the rows.

    Raises:
        ValueError: At trace time, if `x` is not real or does not have `bank.n_samples` samples.

    Example:
        >>> import jax.numpy as jnp
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8)
        >>> jtfs_jax.scalogram(bank, jnp.ones(4096)).shape
        (54, 4096)

    References:
        Lostanlen & Han, Musical Metamerism with Time–Frequency Scattering, 2024, section 2.1.

    See Also:
        time_scattering: its `S1` is the scalogram averaged over time.
    """
    x, batch = _checks.signal(x, bank.n_samples, bank.dtype)
    u1 = of_any_level(_scalogram, x, bank)
    return u1.reshape(*batch, *u1.shape[-2:])


def _scalogram(x: Float[Array, "*batch time"], bank: FilterBank) -> Float[Array, "*batch n1 time"]:
    return scalogram_of_padded(padded(bank, x), bank)


def scalogram_of_padded(
    x: Float[Array, "*batch time"], bank: FilterBank
) -> Float[Array, "*batch n1 n"]:
    """Compute the scalogram of signals with context."""
    return full_rate_scalogram(bank, _fft.rfft(x))
