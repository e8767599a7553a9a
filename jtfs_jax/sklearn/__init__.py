"""scikit-learn transformers that turn sounds into named features.

`JTFS` and `TimeScattering` are transformers for pipelines, cross-validation and grid searches; the
arguments of `jtfs_jax.filterbank` are their parameters. `MuLog` compresses their features in a
later step. Import this package explicitly; it requires the extra `sklearn`.

Each process that `n_jobs` starts compiles its own programs, which takes a few seconds per program.
Keep joblib's default backend, "loky", which starts new processes: forked processes cannot use JAX.

Example:
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from jtfs_jax.sklearn import JTFS, MuLog
    >>> scattering = JTFS(J=5, Q=4, J_fr=2, T="global", sample_rate=8000)
    >>> model = make_pipeline(scattering, MuLog(), StandardScaler(), LogisticRegression())
    >>> slopes = np.concatenate([np.linspace(1, 2, 10), np.linspace(-2, -1, 10)])
    >>> chirps = np.sin(120 * 2 ** np.outer(slopes, np.linspace(-1, 1, 512)))
    >>> model.fit(chirps, slopes > 0).score(chirps, slopes > 0)
    1.0
    >>> str(scattering.get_feature_names_out()[-1])
    'S2 spin=-1 rate=87.5 Hz scale=0.35 c/o frequency=372.885 Hz'
"""

from ._compression import MuLog
from ._scattering import JTFS, TimeScattering

__all__ = [
    "JTFS",
    "MuLog",
    "TimeScattering",
]
