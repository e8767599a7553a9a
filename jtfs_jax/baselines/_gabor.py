"""Gabor features: spectrograms filtered by the Gabor filterbank."""

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
    """Gabor features: a spectrogram filtered at many rates and scales, in selected bands.

        G(i, p) = Σ_k Σ_n g_i(k, n) Y(k_i + k, p + n)

    for the filters g_i and bands k_i of `gabor_filterbank`. The outermost bands and frames are
    repeated beyond the edges. Features are linear and signed. Adding a constant to Y, as a gain
    does to logarithms, changes only the feature with rate 0 and scale 0. Features are not
    standardized.

    Args:
        gabor: Filters from `gabor_filterbank`.
        y: Real spectrograms with `gabor.n_bands` bands, from high to low frequency, usually from
            `log_mel_spectrogram`; other axes are batch.

    Returns:
        `G (*batch, feature, frame)`. The coordinates of the features are `gabor.rates`,
        `gabor.scales`, `gabor.spins` and `gabor.bands`.

    Raises:
        ValueError: At trace time, if `y` is not real or does not have `gabor.n_bands` bands.

    Example:
        >>> from jtfs_jax.baselines import gabor_filterbank
        >>> gabor = gabor_filterbank()
        >>> gabor_features(gabor, jnp.ones((3, 23, 100))).shape
        (3, 311, 100)

    References:
        Schädler, Meyer & Kollmeier, Spectro-Temporal Modulation Subspace-Spanning Filter Bank
        Features for Robust Automatic Speech Recognition, 2012, section II.

    See Also:
        cortical: takes the modulus of the outputs of complex filters.
    """
    y = spectrogram("y", y, gabor.n_bands, None).astype(gabor.kernels.dtype)
    *batch, n_bands, n_frames = y.shape
    reach = gabor.kernels.shape[-1] // 2
    y = jnp.pad(y.reshape(-1, n_bands, n_frames), [(0, 0), (0, 0), (reach, reach)], mode="edge")
    found = jax.lax.conv_general_dilated(
        y, gabor.kernels, (1,), "VALID", precision=jax.lax.Precision.HIGHEST
    )
    return found.reshape(*batch, *found.shape[1:])
