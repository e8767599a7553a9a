"""Kinds of files, recognized by their first bytes: sounds, and files mistaken for sounds."""

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
        "a web page (HTML), as servers send in place of a file",
        "download the sound itself",
    ),
    (
        rb"version https://git-lfs",
        "a Git LFS pointer in place of the file",
        "run `git lfs pull`",
    ),
    (rb"PK\x03\x04", "a ZIP archive", "unpack it"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd", "a compressed file", "unpack it"),
    (rb"%PDF", "a PDF document", "name a sound file"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP", "a picture", "name a sound file"),
    (rb"\x93NUMPY", "a NumPy array", "write it to a sound file with `jtfs_jax.audio.save`"),
    (rb"\x89HDF", "an HDF5 file", "write its content to a sound file"),
    (rb"MThd", "MIDI, which has notes but no sound", "render it with a synthesizer"),
)
_SAMPLE = 4096
_LEAST = 12  # bytes that any header has


class Kind(NamedTuple):
    """Kind of a file.

    Attributes:
        name: Name for messages.
        cure: What to do with a file that is not a sound; None for sounds.
    """

    name: str
    cure: str | None = None


def kind_of(path: Path) -> Kind | None:
    """Return the kind of a file, or None if it is not known."""
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
        return Kind("a text file", "name a sound file")
    return None


def _is_text(start: bytes) -> bool:
    """Return whether all bytes are printable text in UTF-8."""
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= _SAMPLE - 3  # a character cut in two
    return True
