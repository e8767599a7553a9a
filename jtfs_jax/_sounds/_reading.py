"""A sound file, opened by the first decoder that can read it."""

import contextlib
import shlex
from collections.abc import Iterator

from . import _ffmpeg, _libsndfile
from ._decoded import Decoded, Undecodable
from ._kinds import Kind, kind_of
from ._source import Source


@contextlib.contextmanager
def reading(source: Source) -> Iterator[Decoded]:
    """Open the sound of a file; raise a `ValueError` that says why it cannot be read."""
    kind = kind_of(source.path)
    if kind is not None and kind.cure is not None:
        raise ValueError(
            f"{source.name}: this cannot be read as audio: it is {kind.name}; {kind.cure}."
        )
    if kind is None and source.path.suffix.lower() == ".raw":
        raise ValueError(
            f"{source.name}: it has no header, so its rate, channels and format are unknown; "
            f"specify them, as in: ffmpeg -f s16le -ar 44100 -ac 1 -i in.raw out.wav"
        )
    with contextlib.ExitStack() as stack:
        yield _opened(stack, source, kind)


def _opened(stack: contextlib.ExitStack, source: Source, kind: Kind | None) -> Decoded:
    try:
        return stack.enter_context(_libsndfile.decoded(source.path))
    except Undecodable as error:
        reasons = f"libsndfile: {error}"
    convert = f"ffmpeg -i {shlex.quote(source.name)} out.wav"
    what = "its format is unknown" if kind is None else f"it begins as {kind.name} files do"
    if not _ffmpeg.is_installed():
        raise ValueError(
            f"{source.name}: this cannot be read as audio; {what} ({reasons}). The program "
            f"ffmpeg, which reads many more formats, is not installed; install it, or convert the "
            f"file where ffmpeg is installed: {convert}"
        )
    try:
        return stack.enter_context(_ffmpeg.decoded(source.path))
    except Undecodable as error:
        raise ValueError(
            f"{source.name}: this cannot be read as audio; {what} ({reasons}; ffmpeg: {error}). "
            f"It is damaged or not a sound; use another copy of it."
        ) from error
