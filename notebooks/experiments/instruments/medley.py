"""Medley-solos-DB as published: clips of eight instruments, and their metadata.

    Lostanlen, Cella, Bittner & Essid, Medley-solos-DB, Zenodo, doi:10.5281/zenodo.1344103
    (21,571 clips, 5 GB; version 1.2 is doi:10.5281/zenodo.3464194)

Layout: `Medley-solos-DB_metadata.csv` with the columns subset, instrument, instrument_id, song_id
and uuid4; for each row, `Medley-solos-DB_<subset>-<instrument_id>_<uuid4>.wav`, in the same folder
or in a folder `Medley-solos-DB` or `audio`. The table may be in a folder `annotation`, as in
mirdata.

Clips last 2.97 s: 2^16 samples at 22,050 Hz. The DAFx 2022 paper also says about 3 s, but 44.1 kHz.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float, Int

from jtfs_jax import audio

SAMPLE_RATE, N_SAMPLES = 22_050, 2**16
SUBSETS = ("training", "validation", "test")
INSTRUMENTS = (  # by instrument_id
    "clarinet",
    "distorted electric guitar",
    "female singer",
    "flute",
    "piano",
    "tenor saxophone",
    "trumpet",
    "violin",
)
METADATA = "Medley-solos-DB_metadata.csv"
COLUMNS = ("subset", "instrument", "instrument_id", "song_id", "uuid4")
_HELP = (
    f"get Medley-solos-DB from Zenodo (doi:10.5281/zenodo.3464194), put {METADATA} into a folder "
    f"and unpack Medley-solos-DB.tar.gz there, so that its files "
    f"Medley-solos-DB_<subset>-<instrument_id>_<uuid4>.wav are in the same folder"
)


class Clip(NamedTuple):
    """A row of the table."""

    subset: str
    instrument: str
    instrument_id: int
    song_id: int
    uuid4: str

    @property
    def name(self) -> str:
        """File name of the clip."""
        return f"Medley-solos-DB_{self.subset}-{self.instrument_id}_{self.uuid4}.wav"


class Subset(NamedTuple):
    """The clips of one subset."""

    paths: tuple[Path, ...]
    label: Int[np.ndarray, " clip"]  # instrument_id
    song: Int[np.ndarray, " clip"]


def load(folder: str | Path) -> dict[str, Subset]:
    """Return the files and labels of each subset; `read` reads the sounds.

    Raises:
        ValueError: If the folder, its table, a column or a file is missing, or a row is wrong.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder; {_HELP}.")
    table = _first_file(METADATA, folder, folder / "annotation")
    if table is None:
        raise ValueError(f"{folder}: there is no {METADATA} in it; {_HELP}.")
    clips = _clips(table)
    places = [path for path in _places(folder) if path.is_dir()]
    existing = {path.name: path for place in reversed(places) for path in place.glob("*.wav")}
    missing = [clip.name for clip in clips if clip.name not in existing]
    if missing:
        raise ValueError(
            f"{folder}: {len(missing)} of the {len(clips)} files that {METADATA} lists are "
            f"missing, such as {missing[0]}; {_HELP}."
        )
    return {subset: _subset(subset, clips, existing, table) for subset in SUBSETS}


def read(path: Path) -> Float[np.ndarray, " time"]:
    """Read the samples of a clip.

    Raises:
        ValueError: If the file is corrupt or silent, or has another length or sample rate.
    """
    x = audio.load(path, SAMPLE_RATE)
    found = soundfile.info(path)
    if (found.samplerate, found.frames) != (SAMPLE_RATE, N_SAMPLES):
        raise ValueError(
            f"{path}: a clip has {N_SAMPLES} samples at {SAMPLE_RATE} Hz, but this file has "
            f"{found.frames} at {found.samplerate} Hz; unpack Medley-solos-DB.tar.gz again."
        )
    return x


def counts(subset: Subset) -> Int[np.ndarray, " instrument"]:
    """Return the number of clips of each instrument."""
    return np.bincount(subset.label, minlength=len(INSTRUMENTS))


def _places(folder: Path) -> tuple[Path, ...]:
    return folder, folder / "Medley-solos-DB", folder / "audio"


def _first_file(name: str, *folders: Path) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _clips(table: Path) -> list[Clip]:
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{table}: the table must have the columns {', '.join(COLUMNS)}, but "
                f"{', '.join(missing)} is not among its {reader.fieldnames}; {_HELP}."
            )
        return [_clip(row, f"{table}, line {reader.line_num}") for row in reader]


def _clip(row: dict[str, str], where: str) -> Clip:
    try:
        clip = Clip(
            row["subset"],
            row["instrument"],
            int(row["instrument_id"]),
            int(row["song_id"]),
            row["uuid4"],
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{where}: instrument_id and song_id must be integers ({error}); {_HELP}."
        ) from error
    if clip.subset not in SUBSETS or clip.instrument_id not in range(len(INSTRUMENTS)):
        raise ValueError(
            f"{where}: subset must be {' or '.join(SUBSETS)}, and instrument_id from 0 to "
            f"{len(INSTRUMENTS) - 1}, got {clip.subset!r} and {clip.instrument_id}; {_HELP}."
        )
    return clip


def _subset(name: str, clips: list[Clip], existing: dict[str, Path], table: Path) -> Subset:
    members = [clip for clip in clips if clip.subset == name]
    if not members:
        raise ValueError(f"{table}: this table has no clips for {name}; {_HELP}.")
    return Subset(
        paths=tuple(existing[clip.name] for clip in members),
        label=np.array([clip.instrument_id for clip in members]),
        song=np.array([clip.song_id for clip in members]),
    )
