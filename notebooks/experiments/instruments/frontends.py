"""Three frontends that compute features of sounds for a network to classify.

    CQT             a constant-Q transform in decibels, standardized and averaged
    TimeScattering  S1 and S2, compressed and standardized
    JTFS            S1 and S2 of joint scattering, compressed and standardized

Each has a `transform` from sounds to coefficients, which `coefficients.extract` stores on disk;
`fit`, which estimates constants from the coefficients of the training set; and `features`, which
computes features from these constants and the coefficients of some sounds.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jtfs_jax
from jtfs_jax import analysis

from .coefficients import Coefficients, chunks
from .medley import SAMPLE_RATE

EPSILON = jtfs_jax.configurations.CLASSIFICATION.compression["epsilon"]


class Features(NamedTuple):
    """Input of a network."""

    maps: Float[Array, "sound channel *axis"]  # over bands and frames, or over frames
    rows: Float[Array, "sound n1 frame"] | None = None  # S1, with rows instead of bands


class CQT:
    """Constant-Q transform in decibels, standardized, as one map of 32 × 32 cells."""

    settings: ClassVar = {"frontend": "cqt", "hop_length": 256, "fmin": 32.7, "n_bins": 96}
    cell = (3, 8)  # bins and frames that are averaged

    def transform(self, x: Float[np.ndarray, "sound time"]) -> Coefficients:
        """Return levels in decibels, down to 80 dB below the highest level of each sound."""
        import librosa  # slow to import, and not needed for anything else

        options = {name: value for name, value in self.settings.items() if name != "frontend"}
        moduli = [np.abs(librosa.cqt(sound, sr=SAMPLE_RATE, **options)) for sound in x]
        levels = np.stack([librosa.amplitude_to_db(modulus) for modulus in moduli])
        n_frames = x.shape[-1] // options["hop_length"]
        return {"level": levels[..., :n_frames].astype(np.float32)}

    def fit(self, rows: np.ndarray) -> Any:
        """Return the mean and standard deviation of each bin."""

        def moments(found: Coefficients):
            return found["level"].mean((0, 2)), jnp.square(found["level"]).mean((0, 2))

        return _mean_and_std(*_average(moments, rows))

    @staticmethod
    def features(constants: Any, found: Coefficients) -> Features:
        """Return standardized levels, averaged over cells."""
        mean, std = (statistic[None, :, None] for statistic in constants)
        levels = (found["level"] - mean) / std
        n, n_bins, n_frames = levels.shape
        (height, width) = CQT.cell
        cells = levels.reshape(n, 1, n_bins // height, height, n_frames // width, width)
        return Features(cells.mean((3, 5)))


class Scattering:
    """Base class of time scattering and JTFS; stored coefficients are not compressed."""

    kind: type
    name: str

    def __init__(self, filterbank: dict[str, Any]):
        self.settings = {"frontend": self.name, **filterbank}
        self.bank = jtfs_jax.filterbank(**filterbank)

    def fit(self, rows: np.ndarray) -> Any:
        """Return levels µ of paths for compression, and the standardization that follows it."""

        def levels(found: Coefficients):
            return analysis.fit_levels(self.bank, self.kind(**found))

        def moments(found: Coefficients):
            compressed = analysis.mu_log(self.kind(**found), level, epsilon=EPSILON)
            fitted = analysis.fit_standardization(self.bank, compressed)
            squares = jax.tree.map(lambda m, s: m**2 + s**2, fitted.mean, fitted.std)
            return fitted.mean, squares

        level = _average(levels, rows)
        return level, analysis.Standardization(*_mean_and_std(*_average(moments, rows)))

    @classmethod
    def standardized(cls, constants: Any, found: Coefficients) -> Any:
        """Apply µ-log compression, then standardization."""
        level, standardization = constants
        compressed = analysis.mu_log(cls.kind(**found), level, epsilon=EPSILON)
        return analysis.standardize(compressed, standardization)


class TimeScattering(Scattering):
    """Time scattering: paths of both orders are channels over time."""

    kind, name = jtfs_jax.TimeScattering, "time"

    def __init__(self, filterbank: dict[str, Any]):
        joint_only = {"J_fr", "Q_fr", "F", "stride_fr"}
        super().__init__({name: filterbank[name] for name in filterbank if name not in joint_only})

    def transform(self, x: Float[np.ndarray, "sound time"]) -> Coefficients:
        """Return S0, S1 and S2."""
        return vars(jtfs_jax.time_scattering(self.bank, jnp.asarray(x)))

    @classmethod
    def features(cls, constants: Any, found: Coefficients) -> Features:
        """Return both orders as channels."""
        S = cls.standardized(constants, found)
        return Features(jnp.concatenate([S.S1, S.S2], axis=1))


class JTFS(Scattering):
    """Joint scattering: second-order paths are channels over bands and time; S1 is separate."""

    kind, name = jtfs_jax.JointScattering, "jtfs"

    def transform(self, x: Float[np.ndarray, "sound time"]) -> Coefficients:
        """Return S0, S1 and S2."""
        return vars(jtfs_jax.jtfs(self.bank, jnp.asarray(x)))

    @classmethod
    def features(cls, constants: Any, found: Coefficients) -> Features:
        """Return the second order as channels, and the first as rows."""
        S = cls.standardized(constants, found)
        return Features(S.S2, S.S1)


def _average(statistic: Callable[[Coefficients], Any], rows: np.ndarray) -> Any:
    """Average a statistic over all sounds, chunk by chunk."""
    found = [(statistic(chunk), n) for chunk, n in chunks(rows)]
    parts, sizes = zip(*found, strict=True)

    def average(*leaves: Array) -> Array:
        return jnp.asarray(np.average(leaves, axis=0, weights=sizes), leaves[0].dtype)

    return jax.tree.map(average, *parts)


def _mean_and_std(mean: Any, square: Any) -> tuple[Any, Any]:
    """Return mean and standard deviation from the means of values and their squares."""
    return mean, jax.tree.map(lambda m, s: jnp.sqrt(jnp.maximum(s - m**2, 0)), mean, square)
