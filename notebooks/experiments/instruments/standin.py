"""A SYNTHETIC stand-in for Medley-solos-DB: eight instruments rendered from soundfonts.

    python -m experiments.instruments.standin FOLDER --soundfonts SOUNDFONTS

writes WAV files and a table in the layout of Medley-solos-DB, so that all that reads the one reads
the other. Numbers found with it are not numbers of Medley-solos-DB. As there, test sounds come from
a collection of their own, and validation has other songs of the collections for training. The
training set is as imbalanced as the original. No sample of the soundfont for the test is in those
for training, which is not so of all soundfonts: of Debian's, csound-soundfont has many samples of
timgm6mb-soundfont.

The soundfonts come by package, and no root is needed to unpack them:

    mkdir soundfonts && cd soundfonts
    apt-get download fluidr3mono-gm-soundfont timgm6mb-soundfont
    for package in *.deb; do dpkg -x "$package" .; done
    npm pack @coderline/alphatab@1.8.4 && tar -xf coderline-alphatab-1.8.4.tgz

and tinysoundfont renders them: pip install --no-deps tinysoundfont (it requires PyAudio, which
plays sounds, and which is not needed here).
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
    """Write the stand-in into a folder, the table last, so that an interrupted one has none.

    Args:
        folder: Where it goes; it is made if it is not there.
        soundfonts: A folder with the soundfonts, at any depth.
        n_training: Clips for training, about; shares of instruments are those of the original.
        n_validation: Clips for validation, in equal shares; so is `n_test`.
        n_test: Clips to test with.
        seed: Another seed gives other sounds.

    Raises:
        ValueError: If a soundfont is not there, or has not the eight instruments.
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
    """Whether a folder is what `make` has written."""
    return (Path(folder) / MARKER).is_file()


def training_counts(n_clips: int) -> Int[np.ndarray, " instrument"]:
    """About so many clips, in the shares of the original."""
    shares = np.array(TRAINING_COUNTS) / sum(TRAINING_COUNTS)
    return np.maximum(np.rint(n_clips * shares), 1).astype(int)


def song_clips(player: Player, instrument: int, n_clips: int, random: np.random.Generator):
    """Clips that one musician plays on one instrument, in one room."""
    voice = VOICES[instrument]
    how, level = style(random, voice), random.uniform(-20, -1)
    response = room(random)
    for _ in range(n_clips):
        notes = phrase(random, voice, how, N_SAMPLES / SAMPLE_RATE)
        x = np.fft.irfft(np.fft.rfft(player.play(notes, how), 2 * N_SAMPLES) * response)[:N_SAMPLES]
        yield (x * 10 ** (level / 20) / np.abs(x).max()).astype(np.float32)


def room(random: np.random.Generator) -> np.ndarray:
    """Frequency response of a room and a microphone: reverberation, and a tilt of the spectrum."""
    time = np.arange(N_SAMPLES) / SAMPLE_RATE
    decay = random.uniform(0.15, 0.8)  # seconds to −60 dB
    tail = random.normal(size=N_SAMPLES) * 10 ** (-3 * time / decay)
    tail *= 10 ** (random.uniform(-24, -6) / 20) / np.linalg.norm(tail)
    tail[0] += 1
    frequency = np.fft.rfftfreq(2 * N_SAMPLES, 1 / SAMPLE_RATE)
    tilt = np.clip(frequency / 1000, 0.05, 10) ** random.normal(0, 0.2)
    return np.fft.rfft(tail, 2 * N_SAMPLES) * tilt


def _songs(sizes: dict[str, Int[np.ndarray, " instrument"]]) -> Iterator[tuple[str, int, str, int]]:
    """Subset, instrument, soundfont and number of clips of each song; soundfonts take turns."""
    for subset, of_instruments in sizes.items():
        for instrument, n_clips in enumerate(of_instruments):
            fonts = itertools.cycle(SOUNDFONTS[subset])
            for first in range(0, n_clips, CLIPS_A_SONG):
                yield subset, instrument, next(fonts), min(CLIPS_A_SONG, n_clips - first)


def _clip(subset: str, instrument: int, song: int, x: Float[np.ndarray, " time"]) -> Clip:
    """A row of the table; its uuid4 is made of the samples, so that other sounds have another."""
    digest = hashlib.sha256(x.tobytes()).digest()
    identity = str(uuid.UUID(bytes=digest[:16], version=4))
    return Clip(subset, INSTRUMENTS[instrument], instrument, song, identity)


def _find(name: str, folder: Path) -> Path:
    found = next(folder.rglob(name), None)
    if found is None:
        raise ValueError(
            f"{folder}: there is no {name} in it; the docstring of "
            f"experiments.instruments.standin has the commands that fetch the soundfonts."
        )
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.instruments.standin",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the sounds go")
    parser.add_argument(
        "--soundfonts",
        type=Path,
        default=Path("soundfonts"),
        metavar="FOLDER",
        help="where the soundfonts are (default: %(default)s)",
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
