"""The length that files state in their headers, and corrections of it.

Programs that are killed, write to a pipe, or copy half a file leave headers that state too much or
too little. libsndfile stops where the header says, so it is given a corrected header.
"""

import os
from typing import BinaryIO, Literal, NamedTuple

from . import _mpeg
from ._length import Length
from ._view import Edit

_MANY_CHUNKS = 10_000  # more than any valid file has; the search ends there
_FEW_BYTES = 8  # fewer bytes than this after the sound are padding, not a chunk
_TAG = 128  # bytes of a tag (ID3v1)


class _Layout(NamedTuple):
    """Layout of the chunks of a file format, each with an id, a size and content."""

    first: int  # where the first chunk begins
    id: int  # bytes of an id
    size: int  # bytes of a size
    order: Literal["little", "big"]
    own: int  # bytes of id and size that the size includes
    align: int  # chunks begin at multiples of it
    sound: bytes  # how the id of the sound begins
    before: int  # bytes of content before the samples


_RIFF = _Layout(12, 4, 4, "little", 0, 2, b"data", 0)
_LAYOUTS = {
    b"RIFF": _RIFF,
    b"RF64": _RIFF,
    b"BW64": _RIFF,
    b"RIFX": _RIFF._replace(order="big"),
    b"FORM": _RIFF._replace(order="big", sound=b"SSND", before=8),
    b"riff": _Layout(40, 16, 8, "little", 24, 8, b"data", 0),
    b"caff": _Layout(8, 4, 8, "big", 0, 1, b"data", 4),
}


def length_of(file: BinaryIO) -> Length:
    """Return the length stated by the file, if its format states one."""
    file.seek(0)
    start = file.read(12)
    if start[:4] in _LAYOUTS and (start[:4] != b"FORM" or start[8:11] == b"AIF"):
        return _chunked(file, start[:4], _LAYOUTS[start[:4]])
    if start[:4] == b".snd":
        return _au(file, start)
    if start[:4] == b"OggS":
        return _ogg(file)
    tags_end = _mpeg.after_tags(file)
    file.seek(tags_end)
    if file.read(4) == b"fLaC":
        return _flac(file, tags_end)
    return _mpeg.length_of(file, tags_end)


def _chunked(file: BinaryIO, kind: bytes, layout: _Layout) -> Length:
    """Return the length of a WAV (also RIFX, RF64 and BW64), AIFF, Wave64 or CAF file."""
    found = _find_sound(file, kind, layout)
    if found is None:
        return Length()
    size_at, first, stated, is_known = found
    end = _before_tag(file)
    there, after = end - first, first + stated
    if there <= 0 or stated == there:
        return Length()
    if after < end and _are_chunks(file, after, end, layout):
        return _followed(file, kind, _aligned(after, layout))
    return Length(stated if is_known else None, there, _with_size(size_at, there, layout))


def _find_sound(file: BinaryIO, kind: bytes, layout: _Layout) -> tuple[int, int, int, bool] | None:
    """Find the positions of the sound's size and first byte, the size, and whether it is known."""
    at, large = layout.first, None
    for _ in range(_MANY_CHUNKS):
        id, size = _chunk(file, at, layout)
        if not id or size is None:
            return None
        content = at + layout.id + layout.size
        if id.startswith(layout.sound):
            if large is not None and kind in (b"RF64", b"BW64"):
                size, bits = large, 64
            else:
                bits = 8 * layout.size
            stated = max(size - layout.before, 0)
            is_known = stated > 0 and not _is_placeholder(size, bits)
            return at + layout.id, content + layout.before, stated, is_known
        if id == b"ds64":
            file.seek(content + 8)
            large = int.from_bytes(file.read(8), "little")
        at = _aligned(content + size, layout)
    return None


def _with_size(size_at: int, there: int, layout: _Layout) -> tuple[Edit, ...]:
    """Return edits of the header for a sound that extends to the end of the file."""
    if layout.sound == b"data" and layout.size == 4:
        # libsndfile takes this for a file that was not closed, and reads it to the end, even if 32
        # bits are too few for the actual size.
        return (
            Edit(0, 4, b"RIFX" if layout.order == "big" else b"RIFF"),
            Edit(4, 8, (8).to_bytes(4, layout.order)),
            Edit(size_at, size_at + 4, bytes(4)),
        )
    size = min(there + layout.before + layout.own, 2 ** (8 * layout.size - 1) - 1)
    return (Edit(size_at, size_at + layout.size, size.to_bytes(layout.size, layout.order)),)


def _followed(file: BinaryIO, kind: bytes, at: int) -> Length:
    """Return the length if chunks follow the sound, possibly including a second file."""
    file.seek(at)
    if file.read(4) != kind:
        return Length()
    rest = Edit(at, file.seek(0, os.SEEK_END), b"")
    return Length(edits=(rest,), doubt="where another file begins: split them to read both")


def _before_tag(file: BinaryIO) -> int:
    """Return the position of the end of the file, or of a tag (ID3v1) at the end."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - _TAG, 0))
    return end - _TAG if file.read(3) == b"TAG" else end


def _chunk(file: BinaryIO, at: int, layout: _Layout) -> tuple[bytes, int | None]:
    """Return the id of the chunk and the size of its content, None if the file ends before."""
    file.seek(at)
    header = file.read(layout.id + layout.size)
    if len(header) < layout.id + layout.size:
        return b"", None
    size = int.from_bytes(header[layout.id :], layout.order)
    return header[: layout.id], size - layout.own if size >= layout.own else None


def _aligned(at: int, layout: _Layout) -> int:
    return at + -at % layout.align


def _is_placeholder(size: int, bits: int) -> bool:
    """Return whether a size means "unknown": nearly the largest number, signed or unsigned."""
    return any(0 <= 2**n - 1 - size < 4096 for n in (bits, bits - 1))


def _are_chunks(file: BinaryIO, at: int, end: int, layout: _Layout) -> bool:
    """Return whether chunks follow one another from `at` to the end, as they do after the sound."""
    for start in {at, _aligned(at, layout)}:
        chunk = start
        for _ in range(_MANY_CHUNKS):
            if end - chunk < _FEW_BYTES:
                return True
            id, size = _chunk(file, chunk, layout)
            if size is None or not all(32 <= byte < 127 for byte in id[:4]):
                break
            chunk = _aligned(chunk + layout.id + layout.size + size, layout)
            if chunk > end + layout.align:
                break
    return False


def _au(file: BinaryIO, start: bytes) -> Length:
    """Return the length of an AU file, the format of Sun and NeXT."""
    offset, stated = (int.from_bytes(start[at : at + 4], "big") for at in (4, 8))
    there = file.seek(0, os.SEEK_END) - offset
    if there <= 0 or stated in (there, 2**32 - 1):
        return Length()
    return Length(stated or None, there, (Edit(8, 12, b"\xff" * 4),))


def _flac(file: BinaryIO, at: int) -> Length:
    """Return the length of a FLAC file; libsndfile reads to the end if it states 0 samples."""
    at += 18
    file.seek(at)
    field = int.from_bytes(file.read(8), "big")
    n_samples = field % 2**36
    if n_samples == 0:
        return Length()
    return Length(n_samples, None, (Edit(at, at + 8, (field - n_samples).to_bytes(8, "big")),))


def _ogg(file: BinaryIO) -> Length:
    """Return the length of an Ogg file, which has marks on its first pages and on its last page.

    libsndfile stops if another stream follows.
    """
    end = file.seek(0, os.SEEK_END)
    at, is_last, are_first = 0, False, True
    while at + 27 <= end:
        file.seek(at)
        page = file.read(27)
        if page[:4] != b"OggS":
            break
        is_first, is_last = bool(page[5] & 2), bool(page[5] & 4)
        if is_first and not are_first:
            return Length(is_joined=True)
        are_first = is_first
        at += 27 + page[26] + sum(file.read(page[26]))
    if is_last and at <= end:
        return Length()
    return Length(doubt="without an end marker: the rest may be missing")
