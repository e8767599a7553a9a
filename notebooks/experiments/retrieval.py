"""Chirps, their nearest neighbors under one representation or another, and what these tell.

    python -m experiments.retrieval              # in notebooks/: all 16³, the settings of the code
    python -m experiments.retrieval paper --values 8 --neighbors 5
    python -m experiments.retrieval paper --values 8 --neighbors 5 --variants

The experiment of Muradeli et al., Differentiable Time–Frequency Scattering on GPU, DAFx 2022,
section 3: chirps with amplitude modulation, whose three parameters are to be read off from their
neighbors, and from a map of all of them (Isomap). Features are kept in the folder
`notebooks/cache`, from which a run that was stopped goes on.
"""

import argparse
import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from sklearn.manifold import Isomap
from tqdm.auto import tqdm

import jtfs_jax
from jtfs_jax import baselines, synth
from jtfs_jax.configurations import RETRIEVAL

from .storage import save_arrays

CACHE = Path(__file__).parents[1] / "cache"
PARAMETERS = ("f_c", "f_m", "gamma")
BOUNDS = ((0.9, 1.1), (0.75, 1.5), (0.75, 1.25))  # of error ratios that count as right
N_NEIGHBORS = 40
BATCH = 16


@dataclass(frozen=True)
class Setting:
    """What the publication and its code differ in.

    Attributes:
        f_m: Lowest and highest frequency of modulation, in Hz.
        J: log2 of the longest wavelets, of both orders.
        T: Over how many samples JTFS is averaged; time scattering is over all of them.
        mean: How neighbors are averaged.
        n_samples: Length of the chirps, at the sample rate of the publication.
    """

    f_m: tuple[float, float]
    J: int
    T: int | Literal["global"]
    mean: Literal["arithmetic", "geometric"]
    n_samples: int = RETRIEVAL.filterbank["n_samples"]


SETTINGS = {
    "code": Setting(f_m=(4.0, 16.0), J=12, T="global", mean="geometric"),
    "paper": Setting(f_m=(4.0, 32.0), J=14, T=8192, mean="arithmetic"),
}


def grid(setting: Setting, n_values: int = 16) -> Float[np.ndarray, "sound 3"]:
    """Parameters (f_c, f_m, γ) of all chirps: `n_values` of each, at equal ratios."""
    ranges = {**RETRIEVAL.ranges, "f_m": setting.f_m}
    axes = [np.geomspace(*ranges[name], n_values) for name in PARAMETERS]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@partial(jax.jit, static_argnames="n_samples")
def chirps(theta: Float[Array, "sound 3"], n_samples: int) -> Float[Array, "sound time"]:
    """Chirps of given parameters, with a norm of 1."""
    sample_rate = RETRIEVAL.sample_rate
    x = synth.am_chirp(*theta.T, n_samples=n_samples, sample_rate=sample_rate)
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def mfcc(x: Float[Array, "sound time"]) -> Float[np.ndarray, "sound feature"]:
    """20 Mel-frequency cepstral coefficients with librosa's defaults, averaged over time."""
    import librosa  # which is slow to come, and not needed for anything else

    return librosa.feature.mfcc(y=np.asarray(x), sr=RETRIEVAL.sample_rate).mean(axis=-1)


@partial(jax.jit, static_argnames="transform")
def scattering(transform: Callable, bank: jtfs_jax.FilterBank, x: Array) -> Array:
    """All coefficients of each sound, as one vector."""
    leaves = jax.tree.leaves(transform(bank, x))
    return jnp.concatenate([leaf.reshape(len(x), -1) for leaf in leaves], axis=1)


@jax.jit
def modulation_spectrum(bank: jtfs_jax.FilterBank, x: Array) -> Array:
    """Modulus of the Fourier transform of the log-scalogram over time and log-frequency.

    Rates up to 64 Hz, twice the fastest modulation, and all scales. At a rate of 0 it is the
    average log-scalogram itself, for there is no f_c in moduli. 40 dB below the peak of a sound,
    its scalogram ends.
    """
    u = jtfs_jax.time_scattering(bank, x).S1
    u = jnp.log1p(u / (0.01 * u.max(axis=(1, 2), keepdims=True)))
    spectrum = jnp.fft.rfft(u)[..., : 64 * bank.n_samples // int(RETRIEVAL.sample_rate)]
    moduli = jnp.abs(jnp.fft.fft(spectrum[..., 1:], axis=1, norm="ortho"))
    return jnp.concatenate([spectrum[..., 0].real, moduli.reshape(len(x), -1)], axis=1)


# Of the toolkit that the publication takes its spectrotemporal receptive fields from: frames of
# 4 ms, integration over 8 ms, rates in Hz and scales in cycles/octave.
STRF_RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 5.7, 8.0, 11.3, 16.0, 22.6, 32.0)
STRF_SCALES = (0.71, 1.0, 1.41, 2.0, 2.83, 4.0, 5.66, 8.0)
# The same with other settings: what its neighbors tell about f_m depends on them. Beats of the
# chirps are at twice f_m.
VARIANTS = {
    "cortical model": {},
    "cortical model, rates up to 16 Hz": {"rates": STRF_RATES[:9]},
    "cortical model, rates up to 8 Hz": {"rates": STRF_RATES[:7]},
    "cortical model, rates from 4 Hz": {"rates": STRF_RATES[4:]},
    "cortical model, narrow channels": {"quality": 32.5, "lateral_inhibition": False},
}


@jax.jit
def cortical(
    ear: baselines.AuditoryFilterBank, cortex: baselines.CorticalFilterBank, x: Array
) -> Array:
    """Cortical model, averaged over time; one sound at a time, for memory."""

    def of_one(x: Array) -> Array:
        y = baselines.auditory_spectrogram(ear, x)
        return baselines.cortical(cortex, y, output="mean").ravel()

    return jax.lax.map(of_one, x)


def cortical_filters(
    setting: Setting, *, rates: tuple[float, ...] = STRF_RATES, **options: Any
) -> tuple[baselines.AuditoryFilterBank, baselines.CorticalFilterBank]:
    """Filters of the cortical model for these chirps."""
    sample_rate = RETRIEVAL.sample_rate
    ear = baselines.auditory_filterbank(
        setting.n_samples, sample_rate=sample_rate, frame_s=0.004, **options
    )
    size, frame_rate = (ear.n_channels, ear.n_frames), ear.frame_rate
    cortex = baselines.cortical_filterbank(
        *size, frame_rate=frame_rate, rates=rates, scales=STRF_SCALES
    )
    return ear, cortex


@jax.jit
def gabor(mel: baselines.MelFilterBank, filters: baselines.GaborFilterBank, x: Array) -> Array:
    """Moduli of Gabor features, averaged over time: without the moduli, all but one are near 0."""
    features = baselines.gabor_features(filters, baselines.log_mel_spectrogram(mel, x))
    return jnp.abs(features).mean(axis=-1)


NAMES = (
    "MFCC",
    "modulation spectrum",
    "cortical model",
    "Gabor features",
    "time scattering, Q=1",
    "time scattering, Q=8",
    "JTFS, Q=8",
)


@lru_cache
def representation(setting: Setting, name: str) -> Callable[[Array], Array | np.ndarray]:
    """The function from sounds to features of one of `NAMES`."""
    options = {"n_samples": setting.n_samples, "J": setting.J, "T": "global"}
    match name:
        case "MFCC":
            return mfcc
        case "modulation spectrum":
            bank = jtfs_jax.filterbank(**{**options, "T": 8}, Q=8)  # 1 ms
            return partial(modulation_spectrum, bank)
        case name if name in VARIANTS:
            return partial(cortical, *cortical_filters(setting, **VARIANTS[name]))
        case "Gabor features":
            mel = baselines.mel_filterbank(setting.n_samples, sample_rate=RETRIEVAL.sample_rate)
            filters = baselines.gabor_filterbank(frame_rate=mel.frame_rate)
            return partial(gabor, mel, filters)
        case "time scattering, Q=1" | "time scattering, Q=8":
            bank = jtfs_jax.filterbank(**options, Q=int(name[-1]))
            return partial(scattering, jtfs_jax.time_scattering, bank)
        case "JTFS, Q=8":
            bank = jtfs_jax.filterbank(**{**RETRIEVAL.filterbank, **options, "T": setting.T})
            return partial(scattering, jtfs_jax.jtfs, bank)
    raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}.")


def remembered(path: Path, compute: Callable[[], dict]) -> dict[str, np.ndarray]:
    """What `compute` returns, from a file if there is one; else computed, and written whole."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(path, compute())
    with np.load(path) as arrays:
        return dict(arrays)


def folder(cache: Path, setting: Setting, name: str, n_values: int) -> Path:
    """Where results of these settings are kept; those of other settings are elsewhere."""
    key = repr((RETRIEVAL.filterbank, setting, name, n_values))
    return cache / f"{name} {hashlib.sha256(key.encode()).hexdigest()[:8]}"


class Features(NamedTuple):
    """Features of all chirps, in the order of `grid`."""

    values: Float[np.ndarray, "sound feature"]
    seconds: float  # to compute all, from the median over blocks of equal f_c


def extract(setting: Setting, name: str, n_values: int = 16, cache: Path = CACHE) -> Features:
    """Features of all chirps under one of `NAMES`, a batch at a time, and a file for each f_c."""
    kept = folder(cache, setting, name, n_values)
    with tqdm(total=n_values**3, desc=name, unit="sound") as bar:

        def compute(theta: np.ndarray) -> dict:
            start, rows = time.perf_counter(), []
            for batch in np.array_split(theta, math.ceil(len(theta) / BATCH)):
                x = chirps(jnp.asarray(batch, jnp.float32), setting.n_samples)
                rows.append(np.asarray(representation(setting, name)(x), np.float32))
                bar.update(len(batch))
            return {"values": np.concatenate(rows), "seconds": time.perf_counter() - start}

        blocks = []
        for number, theta in enumerate(np.split(grid(setting, n_values), n_values)):
            blocks.append(remembered(kept / f"{number:02}.npz", partial(compute, theta)))
            bar.update((number + 1) * len(theta) - bar.n)
    seconds = n_values * float(np.median([block["seconds"] for block in blocks]))
    return Features(np.concatenate([block["values"] for block in blocks]), seconds)


class Neighborhoods(NamedTuple):
    """The nearest neighbors of each sound, and a map that keeps the ways between them."""

    neighbors: Int[np.ndarray, "sound neighbor"]
    coordinates: Float[np.ndarray, "sound 3"]


def neighborhoods(
    values: Float[np.ndarray, "sound feature"], n_neighbors: int = N_NEIGHBORS
) -> Neighborhoods:
    """Nearest neighbors by Euclidean distance, a sound itself left out, and their Isomap."""
    isomap = Isomap(n_components=3, n_neighbors=n_neighbors)
    coordinates = isomap.fit_transform(values)
    return Neighborhoods(isomap.nbrs_.kneighbors(return_distance=False), coordinates)


def error_ratios(
    theta: Float[np.ndarray, "sound parameter"],
    neighbors: Int[np.ndarray, "sound neighbor"],
    mean: Literal["arithmetic", "geometric"],
) -> Float[np.ndarray, "sound parameter"]:
    """Mean of the parameters of a sound's neighbors, divided by its own."""
    if mean == "geometric":
        return np.exp(np.log(theta)[neighbors].mean(axis=1)) / theta
    return theta[neighbors].mean(axis=1) / theta


def linear_fits(
    coordinates: Float[np.ndarray, "sound 3"], theta: Float[np.ndarray, "sound parameter"]
) -> Float[np.ndarray, " parameter"]:
    """Correlation of the logarithm of each parameter with its best linear fit on a map."""
    design = np.column_stack([coordinates, np.ones(len(theta))])
    wanted = np.log(theta)
    found = design @ np.linalg.lstsq(design, wanted)[0]
    return np.array([np.corrcoef(*pair)[0, 1] for pair in zip(found.T, wanted.T, strict=True)])


def main() -> None:
    """Print what neighbors tell about parameters, and how well an axis of the map follows each."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.retrieval", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("setting", nargs="?", default="code", choices=SETTINGS)
    parser.add_argument("--values", type=int, default=16, help="of each parameter (default: 16)")
    parser.add_argument(
        "--neighbors", type=int, default=N_NEIGHBORS, help="of each chirp (default: 40)"
    )
    parser.add_argument(
        "--variants", action="store_true", help="the cortical model alone, in several settings"
    )
    options = parser.parse_args()
    setting = SETTINGS[options.setting]
    theta = grid(setting, options.values)
    for name in VARIANTS if options.variants else NAMES:
        features = extract(setting, name, options.values)
        found = neighborhoods(features.values, options.neighbors)
        ratios = error_ratios(theta, found.neighbors, setting.mean)
        axes = np.corrcoef(found.coordinates.T, np.log(theta.T))[:3, 3:]
        rows = zip(PARAMETERS, BOUNDS, ratios.T, np.abs(axes).max(axis=0), strict=True)
        text = ", ".join(
            f"{parameter} right {np.mean((low <= ratio) & (ratio <= high)):.1%} (axis {axis:.2f})"
            for parameter, (low, high), ratio, axis in rows
        )
        print(f"{name}: {features.seconds:.0f} s; {text}", flush=True)


if __name__ == "__main__":
    main()
