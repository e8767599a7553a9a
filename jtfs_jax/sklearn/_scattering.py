"""Transformers from sounds to scattering coefficients."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree

from jtfs_jax import _checks
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._paths import require_joint
from jtfs_jax._time_scattering import time_scattering

from ._names import features, names

_base: Any = require("sklearn.base", "sklearn")
_validation: Any = require("sklearn.utils.validation", "sklearn")


@functools.partial(jax.jit, static_argnums=0)
def _of_each(
    transform: Callable[..., Any], bank: FilterBank, x: Float[Array, "sound time"]
) -> PyTree[Float[Array, "sound ..."]]:
    """Transform sounds one after another on a CPU, and at once elsewhere.

    On a CPU, a batch is not faster, and its last bits depend on the place of a sound in it.
    """
    if bank.layout.n_at_once > 1:
        return transform(bank, x)
    return jax.lax.map(functools.partial(transform, bank), x)


class _Scattering(_base.TransformerMixin, _base.BaseEstimator):
    """Transformer of sounds that all have the same length as in the training set."""

    _transform: ClassVar[Callable[..., Any]]
    _joint: ClassVar[bool]

    sample_rate: float | None
    batch_size: int
    bank_: FilterBank

    def fit(self, X: Any, y: Any = None) -> Any:
        """Compute the filterbank for sounds `(sound, time)`; `y` is ignored.

        Raises:
            ValueError: If a parameter is out of range, or if `X` is not real and finite in float32.
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
        """Compute the features of sounds `(sound, time)` of the same length as in `fit`.

        Returns:
            Features `(sound, feature)` in float32, named by `get_feature_names_out`; a data frame
            if `set_output` selects one.

        Raises:
            ValueError: If `X` has another length, or if it is not real and finite in float32.
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
        batch = np.zeros((self.batch_size, x.shape[1]), np.float32)  # one shape, so one program
        batch[: len(x)] = x
        S = jax.tree.map(np.asarray, _of_each(type(self)._transform, self.bank_, batch))
        return features(self.bank_, S)[: len(x)]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the features' names, with coordinates in Hz, cycles/octave and seconds.

        Without `sample_rate`, the units are cycles/sample, cycles/octave and samples. If T is
        "global", names have no time; if F is "global", names of S2 have no band frequency.

        Args:
            input_features: Ignored; scikit-learn passes the names of samples.

        Returns:
            Names, one per feature, all different.
        """
        _validation.check_is_fitted(self)
        of_bank = names(self.bank_, joint=self._joint, sample_rate=self.sample_rate)
        return np.array(list(of_bank), dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the transformer: features are float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class JTFS(_Scattering):
    """Joint time–frequency scattering features of sounds, from `jtfs_jax.jtfs`.

    Features are S0, S1 and the paths of S2 in the order of `jtfs_jax.path_table`, each from high
    to low frequency, then from early to late. Bands of S2 to which no first-order wavelet
    contributes are omitted. The features of a sound do not depend on the other sounds in `X`:
    on a CPU, they are the same bit for bit.

    Args:
        J: log2 of the duration of the longest wavelets, in samples. This and all parameters up to
            `oversampling` are arguments of `jtfs_jax.filterbank`, which documents their ranges.
        Q: Wavelets per octave.
        T: Width of the averaging over time, in samples; "global" for one frame; None for 2**J.
        stride: Samples between frames.
        J_fr: log2 of the length of the longest wavelets along log-frequency, in rows.
        Q_fr: Wavelets per octave along log-frequency.
        F: Width of the averaging over log-frequency, in rows; "global" for one band; None for
            2**J_fr.
        stride_fr: Rows between bands.
        preset: Defaults for the options below that are None.
        analytic: Whether wavelets have almost no response at negative frequencies.
        pad_mode: Padding of sounds beyond their ends.
        pad_mode_fr: Padding of the scalogram beyond its highest and lowest rows.
        normalize: Normalization of the wavelets.
        r_psi: Fraction of their peaks at which neighboring wavelets cross.
        oversampling: log2 of the factor by which moduli are sampled more densely than by default.
        sample_rate: Sample rate in Hz, for feature names. None: names are in cycles/sample and
            samples.
        batch_size: Number of sounds per call. Memory grows with it, and a single sound takes as
            long as a full batch.

    Attributes:
        bank_: The filterbank, for functions such as `jtfs_jax.path_table`.
        n_features_in_: Number of samples per sound.

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
        MuLog: the next step of a pipeline.
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
    """Second-order time scattering features of sounds, from `jtfs_jax.time_scattering`.

    Features are S0, S1 and the paths of S2 in the order of `jtfs_jax.time_path_table`, each from
    early to late.

    Args:
        J: log2 of the duration of the longest wavelets, in samples. This and all parameters up to
            `oversampling` are arguments of `jtfs_jax.filterbank`, as in `JTFS`.
        Q: Wavelets per octave.
        T: Width of the averaging over time, in samples; "global" for one frame; None for 2**J.
        stride: Samples between frames.
        preset: Defaults for the options below that are None.
        analytic: Whether wavelets have almost no response at negative frequencies.
        pad_mode: Padding of sounds beyond their ends.
        normalize: Normalization of the wavelets.
        r_psi: Fraction of their peaks at which neighboring wavelets cross.
        oversampling: log2 of the factor by which moduli are sampled more densely than by default.
        sample_rate: Sample rate in Hz, for feature names. None: names are in cycles/sample and
            samples.
        batch_size: Number of sounds per call.

    Attributes:
        bank_: The filterbank.
        n_features_in_: Number of samples per sound.

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
