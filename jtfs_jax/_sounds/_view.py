"""A file with some of its bytes replaced, for a decoder that trusts them."""

import io
import os
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple


class Edit(NamedTuple):
    """Replacement of the bytes from `start` to `stop` by any number of other bytes."""

    start: int
    stop: int
    new: bytes


class View(io.RawIOBase):
    """An open file with edits applied on reading; the file itself is unchanged.

    Args:
        file: A seekable file, open for reading bytes.
        edits: Edits in order of their position in the file, without overlaps.
    """

    def __init__(self, file: BinaryIO, edits: Iterable[Edit]):
        self._file = file
        self._pieces: list[tuple[int, bytes | range]] = []  # where each begins in the view
        self._size = self._position = 0
        old, end = 0, file.seek(0, os.SEEK_END)
        for edit in [*edits, Edit(end, end, b"")]:
            for piece in (range(old, edit.start), edit.new):
                self._pieces.append((self._size, piece))
                self._size += len(piece)
            old = edit.stop

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the view."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in the view, or to its beginning if the position is before it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(origin + offset, 0)
        return self._position

    def readinto(self, buffer) -> int:
        """Fill the buffer, unless the view ends first."""
        target = memoryview(buffer).cast("B")
        filled = 0
        for begin, piece in self._pieces:
            skip = self._position - begin
            if not 0 <= skip < len(piece) or filled == len(target):
                continue
            wanted = piece[skip : skip + len(target) - filled]
            if isinstance(wanted, range):
                self._file.seek(wanted.start)
                wanted = self._file.read(len(wanted))
            target[filled : filled + len(wanted)] = wanted
            filled += len(wanted)
            self._position += len(wanted)
        return filled
