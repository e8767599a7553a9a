"""Kinds of files, known by their first bytes: sounds, and what is mistaken for them."""

import re
from pathlib import Path
from typing import NamedTuple

_SOUNDS = (
    (rb"RIFF....WAVE|RIFX....WAVE|RF64|BW64|riff\x2e\x91\xcf\x11", "WAV"),
    (rb"FORM....AIF", "AIFF"),
    (rb"fLaC|ID3.*fLaC", "FLAC"),
    (rb"OggS", "Ogg"),
    (rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]", "MP3"),
    (rb"\.snd", "AU"),
    (rb"caff", "CAF"),
    (rb"....ftyp", "MP4 or M4A"),
    (rb"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (rb"\x30\x26\xb2\x75", "WMA"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "AAC"),
    (rb"#!AMR", "AMR"),
    (rb"wvpk", "WavPack"),
    (rb"MAC ", "Monkey's Audio"),
    (rb"DSD |FRM8", "DSD"),
    (rb"\.RMF|\.ra\xfd", "RealAudio"),
    (rb"RIFF....AVI ", "AVI"),
    (rb"FLV\x01", "Flash Video"),
)
_OTHERS = (
    (
        rb"(\xef\xbb\xbf)?\s*(<!--.*)?<(!doctype html|html|head|body)",
        "a web page (HTML), as servers send it in place of a file",
        "download the sound itself",
    ),
    (
        rb"version https://git-lfs",
        "a pointer of Git LFS, in place of the file",
        "run `git lfs pull`",
    ),
    (rb"PK\x03\x04", "a ZIP archive", "unpack it"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd", "a compressed file", "unpack it"),
    (rb"%PDF", "a PDF document", "name a sound"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP", "a picture", "name a sound"),
    (rb"\x93NUMPY", "an array of NumPy", "write it as a sound with `jtfs_jax.audio.save`"),
    (rb"\x89HDF", "an HDF5 file", "write what is in it as a sound"),
    (rb"MThd", "MIDI, which has notes but no sound", "render it with a synthesizer"),
)
_SAMPLE = 4096
_LEAST = 12  # bytes that any header has


class Kind(NamedTuple):
    """What a file is.

    Attributes:
        name: As a person would say.
        cure: What to do with one that is no sound; None for sounds.
    """

    name: str
    cure: str | None = None


def kind_of(path: Path) -> Kind | None:
    """The kind of a file; None if it is not known."""
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    for pattern, name, cure in _OTHERS:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return Kind(name, cure)
    for pattern, name in _SOUNDS:
        if re.match(pattern, start, re.DOTALL):
            return Kind(name)
    if len(start) < _LEAST:
        return Kind(f"a file of {len(start)} bytes, too few for a sound", "copy it again")
    if _is_text(start):
        return Kind("a text", "name a sound")
    return None


def _is_text(start: bytes) -> bool:
    """Whether all of it is printable, in UTF-8."""
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= _SAMPLE - 3  # a character cut in two
    return True
