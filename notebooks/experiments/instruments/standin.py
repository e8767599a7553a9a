"""A SYNTHETIC stand-in for Medley-solos-DB: eight instruments rendered from soundfonts.

    python -m experiments.instruments.standin FOLDER --soundfonts SOUNDFONTS

writes WAV files and a table in the layout of Medley-solos-DB, so that the same code reads both.
Results with the stand-in are not results on Medley-solos-DB. As in the original, test sounds come
from a separate collection, validation has other songs from the training collections, and the
training set is just as imbalanced. The soundfont for the test shares no samples with the
soundfonts for training. This is not true of all soundfonts: among Debian's, csound-soundfont shares
many samples with timgm6mb-soundfont.

The soundfonts come in packages that can be unpacked without root:

    mkdir soundfonts && cd soundfonts
    apt-get download fluidr3mono-gm-soundfont timgm6mb-soundfont
    for package in *.deb; do dpkg -x "$package" .; done
    npm pack @coderline/alphatab@1.8.4 && tar -xf coderline-alphatab-1.8.4.tgz

tinysoundfont renders them: pip install --no-deps tinysoundfont (its dependency PyAudio plays
sounds, and is not needed here).
"""

import argparse
import csv
import hashlib
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from tqdm import tqdm

from experiments.storage import replacing
from jtfs_jax import audio

from .medley import COLUMNS, INSTRUMENTS, METADATA, N_SAMPLES, SAMPLE_RATE, Clip
from .phrases import VOICES, phrase, style
from .player import Player

_SOUNDFONTS = ("FluidR3Mono_GM.sf3", "sonivox.sf2")
SOUNDFONTS = {"training": _SOUNDFONTS, "validation": _SOUNDFONTS, "test": ("TimGM6mb.sf2",)}
TRAINING_COUNTS = (251, 404, 318, 155, 2401, 123, 149, 2040)  # of Medley-solos-DB
CLIPS_A_SONG = 4
MARKER = "SYNTHETIC.txt"


def make(
    folder: str | Path,
    soundfonts: str | Path,
    *,
    n_training: int = 704,
    n_validation: int = 256,
    n_test: int = 512,
    seed: int = 0,
) -> None:
    """Write the stand-in to a folder; the table is last, so an interrupted stand-in has none.

    Args:
        folder: Output folder, created if missing.
        soundfonts: A folder with the soundfonts, at any depth.
        n_training: Approximate number of training clips, with the original shares of instruments.
        n_validation: Number of validation clips, in equal shares.
        n_test: Number of test clips, in equal shares.
        seed: Another seed gives other sounds.

    Raises:
        ValueError: If a soundfont is missing or lacks one of the eight instruments.
    """
    folder = Path(folder)
    needed = sorted({name for names in SOUNDFONTS.values() for name in names})
    files = [_find(name, Path(soundfonts)) for name in needed]
    players = {file.name: Player(file) for file in files}
    folder.mkdir(parents=True, exist_ok=True)
    names = "; ".join(f"{subset} from {', '.join(names)}" for subset, names in SOUNDFONTS.items())
    (folder / MARKER).write_text(f"Synthetic sounds, rendered from soundfonts: {names}.\n")
    sizes = {
        "training": training_counts(n_training),
        "validation": np.full(len(INSTRUMENTS), n_validation // len(INSTRUMENTS)),
        "test": np.full(len(INSTRUMENTS), n_test // len(INSTRUMENTS)),
    }
    clips = []
    with tqdm(total=int(sum(n.sum() for n in sizes.values())), unit="clip") as bar:
        for song, (subset, instrument, font, n_clips) in enumerate(_songs(sizes)):
            random = np.random.default_rng([seed, song])
            for x in song_clips(players[font], instrument, n_clips, random):
                clips.append(_clip(subset, instrument, song, x))
                audio.save(folder / clips[-1].name, x, SAMPLE_RATE)
                bar.update()
    with replacing(folder / METADATA) as partial, partial.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *clips])


def is_synthetic(folder: str | Path) -> bool:
    """Return whether `make` wrote the folder."""
    return (Path(folder) / MARKER).is_file()


def training_counts(n_clips: int) -> Int[np.ndarray, " instrument"]:
    """Return numbers of clips with the original shares, adding up to about `n_clips`."""
    shares = np.array(TRAINING_COUNTS) / sum(TRAINING_COUNTS)
    return np.maximum(np.rint(n_clips * shares), 1).astype(int)


def song_clips(player: Player, instrument: int, n_clips: int, random: np.random.Generator):
    """Yield clips of one musician on one instrument in one room."""
    voice = VOICES[instrument]
    how, level = style(random, voice), random.uniform(-20, -1)
    response = room(random)
    for _ in range(n_clips):
        notes = phrase(random, voice, how, N_SAMPLES / SAMPLE_RATE)
        x = np.fft.irfft(np.fft.rfft(player.play(notes, how), 2 * N_SAMPLES) * response)[:N_SAMPLES]
        yield (x * 10 ** (level / 20) / np.abs(x).max()).astype(np.float32)


def room(random: np.random.Generator) -> np.ndarray:
    """Draw the frequency response of a room and a microphone: reverberation and spectral tilt."""
    time = np.arange(N_SAMPLES) / SAMPLE_RATE
    decay = random.uniform(0.15, 0.8)  # seconds to −60 dB
    tail = random.normal(size=N_SAMPLES) * 10 ** (-3 * time / decay)
    tail *= 10 ** (random.uniform(-24, -6) / 20) / np.linalg.norm(tail)
    tail[0] += 1
    frequency = np.fft.rfftfreq(2 * N_SAMPLES, 1 / SAMPLE_RATE)
    tilt = np.clip(frequency / 1000, 0.05, 10) ** random.normal(0, 0.2)
    return np.fft.rfft(tail, 2 * N_SAMPLES) * tilt


def _songs(sizes: dict[str, Int[np.ndarray, " instrument"]]) -> Iterator[tuple[str, int, str, int]]:
    """Yield subset, instrument, soundfont and number of clips of each song, rotating soundfonts."""
    for subset, of_instruments in sizes.items():
        for instrument, n_clips in enumerate(of_instruments):
            fonts = itertools.cycle(SOUNDFONTS[subset])
            for first in range(0, n_clips, CLIPS_A_SONG):
                yield subset, instrument, next(fonts), min(CLIPS_A_SONG, n_clips - first)


def _clip(subset: str, instrument: int, song: int, x: Float[np.ndarray, " time"]) -> Clip:
    """Return a row of the table; its uuid4 is derived from the samples, and unique to them."""
    digest = hashlib.sha256(x.tobytes()).digest()
    identity = str(uuid.UUID(bytes=digest[:16], version=4))
    return Clip(subset, INSTRUMENTS[instrument], instrument, song, identity)


def _find(name: str, folder: Path) -> Path:
    found = next(folder.rglob(name), None)
    if found is None:
        raise ValueError(
            f"{folder}: there is no {name} in it; the docstring of "
            f"experiments.instruments.standin gives the commands to download the soundfonts."
        )
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.instruments.standin",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="output folder for the sounds")
    parser.add_argument(
        "--soundfonts",
        type=Path,
        default=Path("soundfonts"),
        metavar="FOLDER",
        help="folder of the soundfonts (default: %(default)s)",
    )
    for subset, n in {"training": 704, "validation": 256, "test": 512}.items():
        parser.add_argument(
            f"--{subset}", type=int, default=n, metavar="N", help="clips (default: %(default)s)"
        )
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed gives other sounds (default: %(default)s)"
    )
    given = parser.parse_args()
    make(
        given.folder,
        given.soundfonts,
        n_training=given.training,
        n_validation=given.validation,
        n_test=given.test,
        seed=given.seed,
    )


if __name__ == "__main__":
    main()
