"""scikit-learn transformers: its checks, pipelines, and features and names against the tables."""

import importlib
import inspect
import sys
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import imports, noise
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import jtfs_jax
from jtfs_jax.sklearn import JTFS, MuLog, TimeScattering

N, FS = 256, 8000.0
OPTIONS: dict[str, dict[str, Any]] = {
    "averaged": {"T": 16, "F": 2},
    "global": {"T": "global", "F": "global"},
    "every row": {"T": 16, "F": 0},
    "every sample": {"T": 0, "F": 2},
}
# Sounds in these checks have few samples; these wavelets are short enough.
TINY = {
    "JTFS": JTFS(J=2, Q=1, J_fr=1),
    "TimeScattering": TimeScattering(J=2, Q=1),
    "MuLog": MuLog(),
}

pytestmark = pytest.mark.usefixtures("quick_compile")


def chirps(n=24, seed=0):
    """Rising and falling chirps, each from a different frequency and at a different rate."""
    rng = np.random.default_rng(seed)
    rising = np.arange(n) % 2 == 0
    slope = rng.uniform(1, 2, n) * np.where(rising, 1, -1)
    frequency = rng.uniform(0.05, 0.15, n)
    t = np.linspace(-1, 1, N)
    phase = 2 * np.pi * (frequency / slope)[:, None] * N / 2 / np.log(2) * 2 ** np.outer(slope, t)
    return np.sin(phase), rising


# ---- scikit-learn's checks -----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TINY)
def test_checks_of_scikit_learn(name):
    checks: Any = estimator_checks_generator(TINY[name])
    for estimator, check in checks:
        if check.func.__name__ != "check_array_api_input":  # requires another package and a switch
            check(estimator)


@pytest.mark.parametrize(("estimator", "without"), [(JTFS, set()), (TimeScattering, None)])
def test_parameters_are_those_of_the_filterbank(estimator, without):
    of_bank = dict(inspect.signature(jtfs_jax.filterbank).parameters)
    if without is None:
        without = {"J_fr", "Q_fr", "F", "stride_fr", "pad_mode_fr"}
    found = dict(inspect.signature(estimator).parameters)
    own = {"sample_rate", "batch_size"}
    # float64 would need JAX's 64-bit mode in every process; the platform depends on the process.
    not_here = {"n_samples", "dtype", "platform"}
    assert found.keys() - own == of_bank.keys() - not_here - without
    for name in found.keys() - own - {"J", "Q", "J_fr"}:
        assert found[name].default == of_bank[name].default


# ---- Features ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_features_are_coefficients_by_name(options):
    """A few features of each order, found by the words of their names."""
    x = noise(2, N)
    scattering = JTFS(J=4, Q=4, J_fr=2, sample_rate=FS, batch_size=2, **options)
    table = scattering.set_output(transform="pandas").fit_transform(x)
    assert table.columns.is_unique
    bank = jtfs_jax.filterbank(N, J=4, Q=4, J_fr=2, **options)
    S = jtfs_jax.jtfs(bank, x)
    times = jtfs_jax.frame_times(bank, sample_rate=FS)
    at = "" if bank.T == "global" else f" time={times[-1]:.6g} s"
    np.testing.assert_allclose(table["S0" + at], S.S0[:, -1], rtol=1e-5)
    frequency = jtfs_jax.wavelet_frequencies(bank, sample_rate=FS)[3]
    np.testing.assert_allclose(table[f"S1 frequency={frequency:.6g} Hz{at}"], S.S1[:, 3, -1])
    paths = jtfs_jax.path_table(bank, sample_rate=FS)
    n_features = S.S0.size // 2 + S.S1.size // 2
    for index, s2 in enumerate(jtfs_jax.by_path(bank, S).values()):
        n_features += s2.size // 2
        n2, n_fr = int(paths.n2[index]), int(paths.n_fr[index])
        name = f"S2 spin={paths.spin[index]:+d}".replace("+0", "0")
        name += f" rate={paths.rate[index]:.6g} Hz scale={paths.scale[index]:.6g} c/o"
        if bank.F != "global":
            bands = jtfs_jax.band_frequencies(bank, sample_rate=FS, n_fr=n_fr)
            name += f" frequency={bands[s2.shape[-2] - 1]:.6g} Hz"
        if bank.T != "global":
            name += f" time={jtfs_jax.frame_times(bank, sample_rate=FS, n2=n2)[0]:.6g} s"
        np.testing.assert_allclose(table[name], s2[:, -1, 0], rtol=1e-5)
    assert table.shape == (2, n_features)


@pytest.mark.parametrize("T", [16, 0, "global"])
def test_features_of_time_scattering(T):
    x = noise(2, N)
    scattering = TimeScattering(J=4, Q=4, T=T, batch_size=2).fit(x)
    bank = jtfs_jax.filterbank(N, J=4, Q=4, T=T)
    S = jtfs_jax.time_scattering(bank, x)
    table = pd.DataFrame(scattering.transform(x), columns=scattering.get_feature_names_out())
    assert table.columns.is_unique
    paths = jtfs_jax.time_path_table(bank)
    for index, s2 in enumerate(jtfs_jax.by_path(bank, S).values()):
        name = f"S2 rate={paths.rate[index]:.6g} cycles/sample"
        name += f" frequency={paths.frequency[index]:.6g} cycles/sample"
        if T != "global":
            name += f" time={jtfs_jax.frame_times(bank, n2=int(paths.n2[index]))[-1]:.6g} samples"
        np.testing.assert_allclose(table[name], s2[:, -1], rtol=1e-5)


def test_a_sound_does_not_depend_on_those_beside_it():
    """To the bit, as the docstring promises for a CPU."""
    x = noise(5, N)
    scattering = TimeScattering(J=4, Q=4, batch_size=3).fit(x)
    together = scattering.transform(x)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(scattering.transform(x[4:]), together[4:])
    np.testing.assert_array_equal(scattering.transform(x[::-1]), together[::-1])


def test_compression_is_that_of_each_feature():
    S = np.random.default_rng(0).gamma(2, size=(50, 7)) * 10.0 ** np.arange(7)
    S[:, 3] = 0
    S[0, 0] = -1
    for statistic in ("mean", "median"):
        compress = MuLog(epsilon=0.2, statistic=statistic).fit(S)
        level = 0.2 * getattr(np, statistic)(np.abs(S), axis=0)
        level[3] = 1
        found = compress.transform(S)
        np.testing.assert_allclose(np.expm1(np.abs(found)) * level * np.sign(S), S, rtol=1e-9)
        np.testing.assert_allclose(MuLog(0.2, statistic=statistic).fit_transform(3 * S), found)
        assert compress.transform(S.astype(np.float32)).dtype == np.float32


# ---- Pipelines -----------------------------------------------------------------------------------


def pipeline(**options) -> Any:
    options = {"J": 4, "Q": 4, "J_fr": 2, "T": "global", "F": "global"} | options
    return make_pipeline(JTFS(**options), MuLog(), StandardScaler(), LogisticRegression())


def test_rising_and_falling_chirps():
    model = pipeline().fit(*chirps())
    assert model.score(*chirps(seed=1)) == 1
    names = model[:-1].get_feature_names_out()
    largest = names[np.argsort(model[-1].coef_[0])]
    assert "spin=+1" in largest[-1]
    assert "spin=-1" in largest[0]


def test_one_level_for_all():
    compress = FunctionTransformer(jtfs_jax.analysis.log_compress, kw_args={"level": 1e-3})
    model = make_pipeline(pipeline()[0], compress, StandardScaler(), LogisticRegression())
    assert model.fit(*chirps()).score(*chirps(seed=1)) == 1


def test_grid_search_by_two_processes():
    model = make_pipeline(
        TimeScattering(J=3, Q=1, T="global"), MuLog(), StandardScaler(), LogisticRegression()
    )
    x = np.concatenate([noise(6, N), np.cumsum(noise(6, N, seed=1), axis=1)])
    grid: Any = {"timescattering__Q": [1, 2], "mulog__epsilon": [0.1, 1.0]}
    search = GridSearchCV(model, grid, n_jobs=2, cv=2)
    search.fit(x, np.arange(12) < 6)
    assert search.best_score_ == 1


def test_saved_and_cloned(tmp_path):
    x, rising = chirps()
    model = pipeline(sample_rate=FS).fit(x, rising)
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    copy: Any = clone(model[0])
    assert copy.get_params() == model[0].get_params()
    assert not hasattr(copy, "bank_")


# ---- Errors --------------------------------------------------------------------------------------

ERRORS: dict[str, tuple[Any, str]] = {
    "too long wavelets": (lambda: JTFS(J=20).fit(noise(2, N)), "J must be such that"),
    "no frequential wavelets": (lambda: JTFS(J_fr=None).fit(noise(2, N)), "must have frequential"),  # pyright: ignore
    "batch": (lambda: JTFS(batch_size=0).fit(noise(2, N)), "batch_size must be an integer"),
    "sample rate": (
        lambda: JTFS(sample_rate=-1).fit(noise(2, N)),
        "sample_rate must be a positive",
    ),
    "one sound": (lambda: JTFS().fit(noise(N)), "Expected 2D array"),
    "NaN": (lambda: JTFS().fit(np.full((2, N), np.nan)), "contains NaN"),
    "too loud": (lambda: TINY["JTFS"].fit(np.full((2, N), 1e60)), "infinity or a value too large"),
    "epsilon": (lambda: MuLog(0).fit([[1.0]]), "epsilon must be a positive number"),
    "statistic": (lambda: MuLog(statistic="max").fit([[1.0]]), "statistic must be 'mean' or"),  # pyright: ignore
    "another length": (
        lambda: TimeScattering(J=3, Q=1).fit(noise(2, N)).transform(noise(2, N + 1)),
        "X has 257 features, but TimeScattering is expecting 256",
    ),
}


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    call, match = ERRORS[name]
    with pytest.raises(ValueError, match=match):
        call()


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"jtfs_jax\[sklearn\]"):
        importlib.reload(sys.modules["jtfs_jax.sklearn._compression"])


def test_the_library_does_not_import_it():
    assert not imports("jtfs_jax", "sklearn")
