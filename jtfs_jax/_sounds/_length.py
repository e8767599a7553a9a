"""The length of a sound by its file's own account."""

from typing import NamedTuple

from ._view import Edit


class Length(NamedTuple):
    """What a file says of its length, and the header that it should have.

    Attributes:
        stated: The length that is stated, in the unit of `there`; None if none is.
        there: The length that the file has, in any unit; None if it is not known before the end,
            and `stated` is in samples.
        edits: Replacements in the header, with which libsndfile reads all that is there.
        doubt: Why the end of what can be read may not be the end of the sound, if so.
        least: Number of samples that a decoder should find, by count of what is there.
        is_joined: Whether other sounds follow the first, which libsndfile does not read.
    """

    stated: int | None = None
    there: int | None = None
    edits: tuple[Edit, ...] = ()
    doubt: str = ""
    least: int = 0
    is_joined: bool = False
