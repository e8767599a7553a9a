"""Logarithmic compression of features."""

from typing import Any, Literal

import numpy as np

from jtfs_jax import _checks
from jtfs_jax._extras import require

_base: Any = require("sklearn.base", "sklearn")
_validation: Any = require("sklearn.utils.validation", "sklearn")


class MuLog(_base.OneToOneFeatureMixin, _base.TransformerMixin, _base.BaseEstimator):
    """Logarithmic compression with one level per feature: log(1 + S / (ε µ)).

    µ is the mean or the median of the feature's magnitude over the training set. A feature is one
    band and frame of a path, so bands and frames do not share levels, unlike in
    `jtfs_jax.analysis.mu_log`. The compression is odd: negative values, which S0 may have, keep
    their sign.

    For a single level for all features, use
    `FunctionTransformer(jtfs_jax.analysis.log_compress, kw_args={"level": 1e-3})`.

    Args:
        epsilon: Fraction ε of µ above which compression is logarithmic, positive.
        statistic: "mean", or "median", which is robust to single loud sounds.

    Attributes:
        levels_: µ of each feature. A feature with µ = 0 is mapped to 0.
        n_features_in_: Number of features.

    Raises:
        ValueError: From `fit`, if a parameter is out of range.

    Example:
        >>> import numpy as np
        >>> MuLog(epsilon=0.5).fit_transform([[0.0, 1.0], [0.0, 3.0]]).round(2)
        array([[0.  , 0.69],
               [0.  , 1.39]])

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, equation 10,
        arXiv:2204.08269; for the median, Andén, Lostanlen & Mallat, Joint Time–Frequency
        Scattering, 2019, section VI, arXiv:1807.08869.
    """

    def __init__(
        self, epsilon: float = 0.1, *, statistic: Literal["mean", "median"] = "mean"
    ) -> None:
        self.epsilon = epsilon
        self.statistic = statistic

    def fit(self, X: Any, y: None = None) -> "MuLog":
        """Compute the levels of features `(sound, feature)`."""
        _checks.positive_number("epsilon", self.epsilon)
        statistic = _checks.choice("statistic", self.statistic, ["mean", "median"])
        X = _validation.validate_data(self, X, dtype=[np.float64, np.float32])
        self.levels_ = getattr(np, statistic)(np.abs(X), axis=0)
        return self

    def transform(self, X: Any) -> Any:
        """Compress features `(sound, feature)`."""
        _validation.check_is_fitted(self)
        X = _validation.validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        levels = np.asarray(self.epsilon * self.levels_, X.dtype)
        safe = np.where(levels > 0, levels, 1)
        return np.where(levels > 0, np.sign(X) * np.log1p(np.abs(X) / safe), 0)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the transformer: float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
