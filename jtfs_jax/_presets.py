"""Options for the filters and for the continuation of signals, and presets of these options."""

from typing import NamedTuple

from . import _checks
from ._wavelets import R_PSI

# To add a padding mode, name it here, continue signals accordingly in `_context`, set the length of
# padding that it needs in `_sampling`, and add its behavior at the ends to `analysis._quadrature`.
_CHOICES = {
    "analytic": (False, True),
    "pad_mode": ("reflect", "conj-reflect", "zero", "periodic"),
    "pad_mode_fr": ("zero", "conj-reflect"),
    "normalize": ("l1", "energy"),
}


class Options(NamedTuple):
    """Arguments of `filterbank`, which describes them; the defaults are Kymatio's choices."""

    analytic: bool = False
    pad_mode: str = "reflect"
    pad_mode_fr: str = "zero"
    normalize: str = "l1"
    r_psi: float = R_PSI
    oversampling: int = 0

    @property
    def tight(self) -> bool:
        """Whether the wavelets of an order form a tight frame."""
        return self.normalize == "energy"


PRESETS = {"kymatio": Options(), "sharp": Options(analytic=True, pad_mode="conj-reflect")}


def resolve(preset: str, **given: object) -> Options:
    """Return the given options, with values of the preset in place of None."""
    preset = _checks.choice("preset", preset, PRESETS)
    given = {name: value for name, value in given.items() if value is not None}
    for name in _CHOICES.keys() & given.keys():
        given[name] = _checks.choice(name, given[name], _CHOICES[name])
    if "oversampling" in given:
        given["oversampling"] = _checks.index("oversampling", given["oversampling"], 64)
    if "r_psi" in given:
        given["r_psi"] = _checks.fraction("r_psi", given["r_psi"])
    return Options(**{**PRESETS[preset]._asdict(), **given})
