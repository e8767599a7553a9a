"""Decoding by libsndfile, through soundfile, to the actual end of the file."""

import contextlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from jtfs_jax._extras import require

from ._decoded import Block, Decoded, Undecodable
from ._headers import length_of
from ._view import View

_BLOCK = 2**17  # numbers, of all channels together
_TRUSTED = (".mp3", ".au", ".snd")  # libsndfile trusts these suffixes, whatever the content
_NO_END = 2**62  # libsndfile's number of samples is greater if it does not know it
_MEANINGS = {
    "File does not exist or is not a regular file (possibly a pipe?)": "no sound is found in it",
    "Internal error : SF_INFO struct incomplete": "its rate or number of channels is impossible",
    "Format not recognised": "the format is not recognized",
    "Supported file format but file is malformed": "the file is malformed",
}


@contextlib.contextmanager
def decoded(path: Path) -> Iterator[Decoded]:
    """Open the sound of a file; raise `Undecodable` if libsndfile cannot read it."""
    soundfile = require("soundfile", "audio")
    errors = (OSError, TypeError, ValueError, soundfile.SoundFileError)
    with path.open("rb") as file:
        length = length_of(file)
        if length.is_joined:
            raise Undecodable("it reads only the first of the sounds joined in this file")
        is_edited = bool(length.edits) or path.suffix.lower() in _TRUSTED
        source = View(file, length.edits) if is_edited else os.fsencode(path)
        try:
            reader = _reader_class()(source)
        except errors as error:
            raise Undecodable(_words(error)) from error
        with reader:
            n_known = reader.frames if reader.frames < _NO_END else None
            stated = length.stated
            if length.there is None and stated is None:
                stated = n_known
            elif length.there is not None and stated is not None and n_known is not None:
                stated = n_known * stated / length.there
            sound = Decoded(reader.samplerate, reader.channels, iter(()), stated, length.doubt)
            sound.blocks = _blocks(reader, sound, length.least, errors)
            yield sound


@lru_cache(None)
def _reader_class() -> Any:
    class Reader(require("soundfile", "audio").SoundFile):
        """Reader that neither seeks after each block nor stops at `frames`."""

        def seekable(self) -> bool:
            return False

    return Reader


def _blocks(reader: Any, sound: Decoded, least: int, errors: tuple) -> Iterator[Block]:
    n_samples, n_read = max(_BLOCK // reader.channels, 1), 0
    while True:
        block = np.full((n_samples, reader.channels), np.nan, np.float32)
        try:
            block = reader.read(out=block)
        except errors as error:
            sound.damage = _words(error)
            block = block[: int(np.isnan(block[:, -1]).argmax())]  # what was decoded before
        n_read += len(block)
        if not len(block) and n_read < least:
            sound.damage = "libsndfile stopped decoding"
        if len(block):
            yield block
        if not len(block) or sound.damage:
            return


def _words(error: Exception) -> str:
    """Return the message from libsndfile, or its meaning."""
    words = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return _MEANINGS.get(words, words.removeprefix("Error : "))
