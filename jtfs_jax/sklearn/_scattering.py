"""Transformers of sounds into scattering coefficients."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import jax
import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._paths import require_joint
from jtfs_jax._time_scattering import time_scattering

from ._names import features, names

_base: Any = require("sklearn.base", "sklearn")
_validation: Any = require("sklearn.utils.validation", "sklearn")


class _Scattering(_base.TransformerMixin, _base.BaseEstimator):
    """A transform of sounds of one length, that of the training set."""

    _transform: ClassVar[Callable[..., Any]]
    _joint: ClassVar[bool]

    sample_rate: float | None
    batch_size: int
    bank_: FilterBank

    def fit(self, X: Any, y: Any = None) -> Any:
        """Make the filterbank for sounds `(sound, time)`; `y` is ignored.

        Raises:
            ValueError: If a parameter is out of its range, or `X` is not real, and finite in
                float32.
        """
        _checks.positive_integer("batch_size", self.batch_size)
        _checks.sample_rate(self.sample_rate)
        X = _validation.validate_data(self, X, dtype=np.float32, ensure_min_features=2)
        of_bank = self.get_params(deep=False)
        del of_bank["sample_rate"], of_bank["batch_size"]
        bank = filterbank(X.shape[1], **of_bank)
        if self._joint:
            require_joint(bank)
        self.bank_ = bank
        return self

    def transform(self, X: Any) -> Float[np.ndarray, "sound feature"]:
        """Coefficients of sounds `(sound, time)`, as long as those given to `fit`.

        Returns:
            Features `(sound, feature)` in float32, named by `get_feature_names_out`; or a table, as
            `set_output` says.

        Raises:
            ValueError: If `X` has another length, or is not real, and finite in float32.
        """
        _validation.check_is_fitted(self)
        X = _validation.validate_data(self, X, dtype=np.float32, reset=False)
        found = [
            self._features_of(X[start : start + self.batch_size])
            for start in range(0, len(X), self.batch_size)
        ]
        return np.concatenate(found)

    def _features_of(
        self, x: Float[np.ndarray, "sound time"]
    ) -> Float[np.ndarray, "sound feature"]:
        batch = np.zeros((self.batch_size, x.shape[1]), np.float32)  # one program for all
        batch[: len(x)] = x
        S = jax.tree.map(np.asarray, type(self)._transform(self.bank_, batch))
        return features(self.bank_, S)[: len(x)]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """What each feature measures, in Hz, cycles/octave and seconds.

        Without a sample rate, in cycles/sample, cycles/octave and samples. Where T or F is
        "global", there is no time, or no frequency of the band.

        Args:
            input_features: Ignored; scikit-learn gives the names of samples.

        Returns:
            Strings, all different.
        """
        _validation.check_is_fitted(self)
        of_bank = names(self.bank_, joint=self._joint, sample_rate=self.sample_rate)
        return np.array(list(of_bank), dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Features are float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class JTFS(_Scattering):
    """Joint time–frequency scattering of sounds as features: `jtfs_jax.jtfs`.

    Features are S0, S1 and the paths of S2 in the order of `jtfs_jax.path_table`; each from high
    to low frequency, then from early to late. Rows of S2 that no first-order wavelet feeds are left
    out. A sound's features do not depend on the sounds beside it, to the bit.

    Args:
        J: log2 of the duration of the longest wavelets, in samples; it, and what follows up to
            `oversampling`, are the arguments of `jtfs_jax.filterbank`, whose documentation has
            their ranges.
        Q: Wavelets an octave.
        T: Width of the averaging over time, in samples; "global" for one frame; None for 2**J.
        stride: Samples between frames.
        J_fr: log2 of the length of the longest wavelets along log-frequency, in rows.
        Q_fr: Wavelets an octave along log-frequency.
        F: Width of the averaging over log-frequency, in rows; "global" for one band; None for
            2**J_fr.
        stride_fr: Rows between bands.
        preset: What the options below are where None.
        analytic: Whether wavelets have almost no negative frequencies.
        pad_mode: How sounds are continued beyond their ends.
        pad_mode_fr: How the scalogram is continued beyond its highest and lowest rows.
        normalize: Norm of the wavelets.
        r_psi: Overlap of neighboring wavelets.
        oversampling: Log2 of how much more densely than by default moduli are sampled.
        sample_rate: In Hz, for names of features. None: cycles/sample and samples.
        batch_size: How many sounds are transformed at once. Memory grows with it; a single sound
            takes as long as that many.

    Attributes:
        bank_: The filterbank, which `jtfs_jax.path_table` and others take.
        n_features_in_: Number of samples of a sound.

    Example:
        >>> import numpy as np
        >>> scattering = JTFS(J=5, Q=4, J_fr=2, T="global", F="global", sample_rate=8000)
        >>> scattering.fit_transform(np.ones((3, 1024))).shape
        (3, 44)
        >>> list(scattering.get_feature_names_out()[[0, 1, -1]])
        ['S0', 'S1 frequency=2983.08 Hz', 'S2 spin=-1 rate=87.5 Hz scale=0.35 c/o']

    References:
        Andén, Lostanlen & Mallat, Joint Time–Frequency Scattering, 2019, arXiv:1807.08869.

    See Also:
        MuLog: what comes next in a pipeline.
    """

    _transform = jtfs
    _joint = True

    def __init__(
        self,
        J: int | tuple[int, int] = 8,
        Q: int | tuple[int, int] = 8,
        *,
        T: _checks.Width = None,
        stride: int | None = None,
        J_fr: int = 3,
        Q_fr: int = 1,
        F: _checks.Width = None,
        stride_fr: int | None = None,
        preset: Literal["kymatio", "sharp"] = "kymatio",
        analytic: bool | None = None,
        pad_mode: Literal["reflect", "conj-reflect", "zero", "periodic"] | None = None,
        pad_mode_fr: Literal["zero", "conj-reflect"] | None = None,
        normalize: Literal["l1", "energy"] | None = None,
        r_psi: float | None = None,
        oversampling: int = 0,
        sample_rate: float | None = None,
        batch_size: int = 8,
    ) -> None:
        self.J = J
        self.Q = Q
        self.T = T
        self.stride = stride
        self.J_fr = J_fr
        self.Q_fr = Q_fr
        self.F = F
        self.stride_fr = stride_fr
        self.preset = preset
        self.analytic = analytic
        self.pad_mode = pad_mode
        self.pad_mode_fr = pad_mode_fr
        self.normalize = normalize
        self.r_psi = r_psi
        self.oversampling = oversampling
        self.sample_rate = sample_rate
        self.batch_size = batch_size


class TimeScattering(_Scattering):
    """The second-order time scattering transform of sounds: `jtfs_jax.time_scattering`.

    Features are S0, S1 and the paths of S2 in the order of `jtfs_jax.time_path_table`, each from
    early to late.

    Args:
        J: log2 of the duration of the longest wavelets, in samples; it, and what follows up to
            `oversampling`, are the arguments of `jtfs_jax.filterbank`, as in `JTFS`.
        Q: Wavelets an octave.
        T: Width of the averaging over time, in samples; "global" for one frame; None for 2**J.
        stride: Samples between frames.
        preset: What the options below are where None.
        analytic: Whether wavelets have almost no negative frequencies.
        pad_mode: How sounds are continued beyond their ends.
        normalize: Norm of the wavelets.
        r_psi: Overlap of neighboring wavelets.
        oversampling: Log2 of how much more densely than by default moduli are sampled.
        sample_rate: In Hz, for names of features. None: cycles/sample and samples.
        batch_size: How many sounds are transformed at once.

    Attributes:
        bank_: The filterbank.
        n_features_in_: Number of samples of a sound.

    Example:
        >>> import numpy as np
        >>> scattering = TimeScattering(J=5, Q=4, T="global", sample_rate=8000)
        >>> scattering.fit_transform(np.ones((3, 1024))).shape
        (3, 46)

    References:
        Andén & Mallat, Deep Scattering Spectrum, 2014, arXiv:1304.6763.

    See Also:
        JTFS: wavelets over time and log-frequency in the second order.
    """

    _transform = time_scattering
    _joint = False

    def __init__(
        self,
        J: int | tuple[int, int] = 8,
        Q: int | tuple[int, int] = 8,
        *,
        T: _checks.Width = None,
        stride: int | None = None,
        preset: Literal["kymatio", "sharp"] = "kymatio",
        analytic: bool | None = None,
        pad_mode: Literal["reflect", "conj-reflect", "zero", "periodic"] | None = None,
        normalize: Literal["l1", "energy"] | None = None,
        r_psi: float | None = None,
        oversampling: int = 0,
        sample_rate: float | None = None,
        batch_size: int = 8,
    ) -> None:
        self.J = J
        self.Q = Q
        self.T = T
        self.stride = stride
        self.preset = preset
        self.analytic = analytic
        self.pad_mode = pad_mode
        self.normalize = normalize
        self.r_psi = r_psi
        self.oversampling = oversampling
        self.sample_rate = sample_rate
        self.batch_size = batch_size
