"""The length of a sound as stated by its file."""

from typing import NamedTuple

from ._view import Edit


class Length(NamedTuple):
    """The length stated by a file, and the header that it should have.

    Attributes:
        stated: The stated length, in the unit of `there`; None if none is stated.
        there: The actual length, in any unit; None if it is not known before the end, and `stated`
            is in samples.
        edits: Replacements in the header that make libsndfile read everything in the file.
        doubt: Why the end of the readable part may not be the end of the sound, if there is a
            doubt.
        least: Minimum number of samples that a decoder should find, from a count of the content.
        is_joined: Whether other sounds follow the first, which libsndfile does not read.
    """

    stated: int | None = None
    there: int | None = None
    edits: tuple[Edit, ...] = ()
    doubt: str = ""
    least: int = 0
    is_joined: bool = False
