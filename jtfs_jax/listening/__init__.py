"""Listening pages: sounds and their metamers in one self-contained HTML file.

`write_page` writes a page that a browser plays without a network: targets and metamers to switch
between during playback, their scalograms, the errors, and a blind test (A/B/X). Nothing else in the
library imports this package; it needs the extras `audio` (soundfile) and `plot` (matplotlib).

Example:
    >>> import tempfile, numpy as np
    >>> from jtfs_jax import listening
    >>> x, y = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 8000))
    >>> comparison = listening.Comparison("noise", x, {"seed 0": y}, errors={"seed 0": [1.0, 0.01]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = listening.write_page(f"{folder}/noise.html", [comparison], sample_rate=8000)
    ...     path.name
    'noise.html'
"""

from ._comparison import Comparison
from ._page import write_page

__all__ = [
    "Comparison",
    "write_page",
]
