"""The length of MPEG audio (MP3), from a count of its frames.

libsndfile trusts the number of frames stated in the first frame, the Xing or Info frame. Without
one, it assumes that all frames have the bit rate of the first, and stops too early.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ._length import Length
from ._view import Edit

_KBIT_PER_S = {  # by whether the version is 1, and by layer
    (True, 1): range(32, 449, 32),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)
_SEARCHED = 2**16  # bytes searched for the first frame
_DELAYS = 10_000  # samples that a decoder may drop at both ends, as stated by the encoder
_IN_A_ROW = 3  # frames in a row that are no coincidence


class _Frame(NamedTuple):
    at: int
    size: int
    header: bytes

    @property
    def is_mono(self) -> bool:
        """Whether the frame has one channel."""
        return self.header[3] >> 6 == 3

    @property
    def layer(self) -> int:
        """Layer of the format: 1, 2 or 3."""
        return 4 - ((self.header[1] >> 1) & 3)

    @property
    def n_samples(self) -> int:
        """Samples of each channel."""
        if self.layer == 1:
            return 384
        return 1152 if self.layer == 2 or self.header[1] & 0b1000 else 576

    @property
    def stream(self) -> tuple[int, int, bool]:
        """Version, layer, rate and number of channels, which all frames of a stream share."""
        return self.header[1] & 0b11110, self.header[2] & 0b1100, self.is_mono

    @property
    def tag(self) -> int:
        """Position of the Xing tag in the frame."""
        if self.header[1] & 0b1000:
            return 4 + (17 if self.is_mono else 32)
        return 4 + (9 if self.is_mono else 17)


def length_of(file: BinaryIO, tags_end: int) -> Length:
    """Return the stated and the actual number of frames; `tags_end` is from `after_tags`."""
    first = _first(file, tags_end)
    if first is None:
        return Length()
    n_frames, stop = 0, first.at
    for frame in _frames(file, first):
        n_frames, stop = n_frames + 1, frame.at + frame.size
    file.seek(first.at)
    content = file.read(first.size)
    tag = content[first.tag : first.tag + 16]
    has_tag = tag[:4] in (b"Xing", b"Info")
    n_frames -= has_tag or content[36:40] == b"VBRI"
    stated = int.from_bytes(tag[8:12], "big") if has_tag and tag[7] & 1 else None
    # libsndfile does not recognize a file with other bytes before the first frame.
    leading = () if first.at == tags_end else (Edit(0, first.at, b""),)
    rest = {
        "least": n_frames * first.n_samples - _DELAYS,
        "is_joined": _first(file, stop) is not None,  # of another rate, or with other channels
    }
    if n_frames == 0 or (stated is not None and abs(stated - n_frames) <= 1):
        return Length(None, n_frames, leading, **rest)
    numbers = n_frames.to_bytes(4, "big") + (stop - first.at).to_bytes(8, "big")[4:]
    if stated is not None:
        at = first.at + first.tag + 8
        size = 8 if tag[7] & 2 else 4
        edit = Edit(at, at + size, numbers[:size])
    elif first.layer == 3:  # the only layer with Xing frames
        is_replaced = has_tag or content[36:40] == b"VBRI"
        edit = Edit(first.at, first.at + first.size * is_replaced, _xing_frame(first, numbers))
    else:
        return Length(None, n_frames, leading, **rest)
    return Length(stated, n_frames, (*leading, edit), **rest)


def after_tags(file: BinaryIO) -> int:
    """Return the position after the tags at the beginning (ID3v2: title, pictures)."""
    file.seek(0)
    at, tag = 0, file.read(10)
    while tag[:3] == b"ID3" and len(tag) == 10:
        at += 10 + sum((byte & 127) << 7 * (3 - k) for k, byte in enumerate(tag[6:]))
        file.seek(at)
        tag = file.read(10)
    return at


def _first(file: BinaryIO, at: int) -> _Frame | None:
    """Return the first frame at or soon after a position that is followed by other frames."""
    file.seek(at)
    searched = file.read(_SEARCHED)
    end = file.seek(0, os.SEEK_END)
    found = searched.find(b"\xff")
    while found >= 0:
        frame = _parse(searched[found : found + 4], at + found)
        if frame is not None and _followed(file, frame, end):
            return frame
        found = searched.find(b"\xff", found + 1)
    return None


def _followed(file: BinaryIO, first: _Frame, end: int) -> bool:
    """Return whether enough frames of the same stream follow, or as many as fit into the file."""
    frame = first
    for _ in range(_IN_A_ROW - 1):
        at = frame.at + frame.size
        if at + 4 > end:
            return frame is not first
        file.seek(at)
        frame = _parse(file.read(4), at)
        if frame is None or frame.stream != first.stream:
            return False
    return True


def _frames(file: BinaryIO, first: _Frame) -> Iterator[_Frame]:
    """Yield all complete frames of the stream, including frames after other bytes."""
    end = file.seek(0, os.SEEK_END)
    at = first.at
    while at is not None and at + 4 <= end:
        file.seek(at)
        frame = _parse(file.read(4), at)
        if frame is None or frame.stream != first.stream:
            at = _next(file, at + 1, first, end)
            continue
        if at + frame.size <= end:
            yield frame
        at += frame.size


def _next(file: BinaryIO, at: int, first: _Frame, end: int) -> int | None:
    """Return the position of the next frame of the stream that is followed by another."""
    while at + 4 <= end:
        file.seek(at)
        block = file.read(_SEARCHED)
        found = block.find(b"\xff")
        while 0 <= found <= len(block) - 4:
            frame = _parse(block[found : found + 4], at + found)
            if frame and frame.stream == first.stream and _followed(file, frame, end):
                return frame.at
            found = block.find(b"\xff", found + 1)
        at += len(block) - 3
    return None


def _parse(header: bytes, at: int) -> _Frame | None:
    """Return the frame of a header, or None if it is not valid or in free format (unknown size)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = (header[1] >> 3) & 3, 4 - ((header[1] >> 1) & 3)
    bit_rate, rate, padding = header[2] >> 4, (header[2] >> 2) & 3, (header[2] >> 1) & 1
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    is_first = version == 3
    hz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = 1000 * _KBIT_PER_S[is_first, layer][bit_rate - 1]
    if layer == 1:
        return _Frame(at, 4 * (12 * bits // hz + padding), header)
    return _Frame(at, (144 if is_first or layer == 2 else 72) * bits // hz + padding, header)


def _xing_frame(first: _Frame, numbers: bytes) -> bytes:
    """Return a silent frame of the stream that states the numbers of frames and bytes."""
    header = bytearray(first.header)
    header[1] |= 1  # without a checksum
    header[2] = (header[2] & 0b1100) | 0b10010000
    frame = _parse(bytes(header), 0)
    assert frame is not None
    has_both = (3).to_bytes(4, "big")
    content = bytes(header) + bytes(frame.tag - 4) + b"Xing" + has_both + numbers
    return content.ljust(frame.size, b"\0")
