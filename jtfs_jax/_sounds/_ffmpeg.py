"""Decoding by the program ffmpeg, if installed: M4A, WebM, WMA, sound tracks of videos."""

import contextlib
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from ._decoded import Block, Decoded, Undecodable

_BLOCK = 2**17  # numbers, of all channels together
_HEADER = struct.Struct(">4s5I")  # of an AU file: mark, offset, size, encoding, rate, channels


def is_installed() -> bool:
    """Return whether a program named ffmpeg is found."""
    return shutil.which("ffmpeg") is not None


@contextlib.contextmanager
def decoded(path: Path) -> Iterator[Decoded]:
    """Open the first sound track of a file; raise `Undecodable` if there is none."""
    program = shutil.which("ffmpeg")
    assert program is not None
    command = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file"]
    command += ["-i", f"file:{path}", "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
        ) as process,
    ):
        assert process.stdout is not None
        try:
            header = process.stdout.read(_HEADER.size)
            if len(header) < _HEADER.size:
                process.wait()
                raise Undecodable(_reason(messages))
            _, offset, _, _, sample_rate, n_channels = _HEADER.unpack(header)
            process.stdout.read(offset - _HEADER.size)
            sound = Decoded(sample_rate, n_channels, iter(()))
            sound.blocks = _blocks(process, sound, messages)
            yield sound
        finally:
            process.kill()


def _blocks(process: subprocess.Popen, sound: Decoded, messages: BinaryIO) -> Iterator[Block]:
    size = 4 * sound.n_channels
    n_bytes = max(_BLOCK // sound.n_channels, 1) * size
    assert process.stdout is not None
    while block := process.stdout.read(n_bytes):
        whole = len(block) // size * size
        numbers = np.frombuffer(block[:whole], ">f4").astype(np.float32)
        yield numbers.reshape(-1, sound.n_channels)
    if process.wait() != 0:
        sound.damage = _reason(messages)


def _reason(messages: IO[bytes]) -> str:
    """Return the first message from ffmpeg, which names the cause of later ones."""
    messages.seek(0)
    lines = messages.read(2**16).decode("utf-8", "replace").split("\n")
    if "matches no streams" in lines[0]:
        return "there is no sound track in it"
    return re.sub(r"^\[[^]]*\]", "", lines[0]).strip().rstrip(".") or "no reason given"
