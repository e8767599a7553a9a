"""Errors of stereo metamers, and the image between their channels. In notebooks/:

    python -m experiments.stereo

There are four recordings of 2^16 samples at 22,050 Hz. Two are in stereo; of the others, one is
panned and has an echo on either side, and one moves from left to right. Metamers of both channels
together, with their sums and differences, are compared with metamers of each channel alone. The
table has medians over seeds, and takes about fifteen minutes on two cores.

Images are compared in each band and in each eighth of the duration, by level differences between
the channels (dB) and by their correlation, averaged with the power of the recording as weights.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

import jtfs_jax
from jtfs_jax import audio
from jtfs_jax.analysis import interchannel_image
from jtfs_jax.resynthesis import interchannel, metamer

from .display import Table

RATE, N_SAMPLES, N_PARTS = 22050, 2**16, 8
_RECORDINGS = Path(__file__).parents[1] / "sounds"
NAMES = {"guitar chord": "guit_em9", "percussion": "loop_safari"}


def load(name: str) -> np.ndarray:
    """Load a stereo recording, `(2, time)`."""
    if name in NAMES:
        path = _RECORDINGS / f"{NAMES[name]}.flac"
        return audio.load(path, RATE, N_SAMPLES / RATE, channels="each")
    if name == "slide in a room":
        x = audio.load(audio.bundled("guitar_slide"), RATE, N_SAMPLES / RATE)
        rng = np.random.default_rng(0)
        echoes = 0.06 * rng.standard_normal((2, 8000)) * np.exp(-np.arange(8000) / 4000)
        dry = np.array([[0.88], [0.48]]) * x
        return dry + np.array([np.convolve(x, echo)[:N_SAMPLES] for echo in echoes])
    x = audio.load(_RECORDINGS / "loop_tabla.flac", RATE, N_SAMPLES / RATE)
    angle = np.linspace(0, np.pi / 2, N_SAMPLES)
    return np.stack([np.cos(angle) * x, np.sin(angle) * x])


SOUNDS = [*NAMES, "slide in a room", "moving tabla"]


def image_errors(bank, y, x) -> tuple[float, float]:
    """Return mean errors of level differences, in dB, and of correlations."""
    found, wanted = (
        interchannel_image(bank, jnp.asarray(z, bank.dtype), n_parts=N_PARTS) for z in (y, x)
    )
    weight = wanted.power / wanted.power.sum()

    def mean(error):
        return float(jnp.sum(weight * jnp.abs(error)))

    # If a channel is almost silent in a band, 40 dB sounds as far to the side as 60 dB.
    levels = (jnp.clip(image.level_difference, -40, 40) for image in (found, wanted))
    return mean(next(levels) - next(levels)), mean(found.correlation - wanted.correlation)


def together(bank, x, seed: int, n_steps: int):
    """Return a metamer of both channels, and its errors."""
    key = jax.random.key(seed)
    result = metamer(bank, x, transform=interchannel(jtfs_jax.jtfs), key=key, n_steps=n_steps)
    return result.y[0], np.asarray(result.error[:, 0])


def apart(bank, x, seed: int, n_steps: int):
    """Return metamers of each channel, made from different noises, and the larger errors."""
    keys = jax.random.split(jax.random.key(seed))
    results = [metamer(bank, x[c], key=keys[c], n_steps=n_steps) for c in range(2)]
    errors = np.maximum(*(np.asarray(result.error[:, 0]) for result in results))
    return jnp.concatenate([result.y for result in results]), errors


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    bank = jtfs_jax.filterbank(N_SAMPLES, J=12, Q=12, T=2**13, J_fr=3)
    names = ("recording", "channels", "error (%)", "level difference (dB)", "correlation")
    rows = []
    for name in tqdm(SOUNDS):
        x = load(name)
        for how in (together, apart):
            found = []
            for seed in range(options.seeds):
                y, errors = how(bank, x, seed, options.steps)
                found.append((100 * errors[-1], *image_errors(bank, y, x)))
            rows.append((name, how.__name__, *np.median(found, axis=0).round(2).tolist()))
    print(Table(names, rows))


if __name__ == "__main__":
    main()
