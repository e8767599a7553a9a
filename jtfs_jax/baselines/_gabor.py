"""Gabor features: a spectrogram through the Gabor filterbank."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jtfs_jax._jit import jit

from ._arguments import spectrogram
from ._gabor_filters import GaborFilterBank


@jit
@jax.named_scope("jtfs_jax.baselines.gabor_features")
def gabor_features(
    gabor: GaborFilterBank, y: Float[Array, "*batch band frame"]
) -> Float[Array, "*batch feature frame"]:
    """Gabor features: a spectrogram through filters of many rates and scales, some bands of each.

        G(i, p) = Σ_k Σ_n g_i(k, n) Y(k_i + k, p + n)

    for the filters g_i and bands k_i of `gabor_filterbank`. Beyond its edges the spectrogram goes
    on as its outermost bands and frames. The features are linear, with a sign; and but for that of
    rate 0 and scale 0, they do not change where a constant is added to Y, which a gain does to
    logarithms. There is no standardization.

    Args:
        gabor: Filters from `gabor_filterbank`.
        y: Real spectrograms of as many bands, from high to low frequency, usually from
            `log_mel_spectrogram`; other axes are batch.

    Returns:
        `G (*batch, feature, frame)`: `gabor.rates`, `gabor.scales`, `gabor.spins` and
        `gabor.bands` are the coordinates of the features.

    Raises:
        ValueError: At trace time, if `y` is not real or has not as many bands.

    Example:
        >>> from jtfs_jax.baselines import gabor_filterbank
        >>> gabor = gabor_filterbank()
        >>> gabor_features(gabor, jnp.ones((3, 23, 100))).shape
        (3, 311, 100)

    References:
        Schädler, Meyer & Kollmeier, Spectro-Temporal Modulation Subspace-Spanning Filter Bank
        Features for Robust Automatic Speech Recognition, 2012, section II.

    See Also:
        cortical: with complex filters, whose modulus it takes.
    """
    y = spectrogram("y", y, gabor.n_bands, None).astype(gabor.kernels.dtype)
    *batch, n_bands, n_frames = y.shape
    reach = gabor.kernels.shape[-1] // 2
    y = jnp.pad(y.reshape(-1, n_bands, n_frames), [(0, 0), (0, 0), (reach, reach)], mode="edge")
    found = jax.lax.conv_general_dilated(
        y, gabor.kernels, (1,), "VALID", precision=jax.lax.Precision.HIGHEST
    )
    return found.reshape(*batch, *found.shape[1:])
