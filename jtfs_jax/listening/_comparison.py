"""Comparison of a target with its metamers: sounds, errors and settings, checked when built."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks

TARGET = "target"  # its name on the page
_MAX_CHANNELS = 8  # of FLAC


@dataclass(frozen=True, eq=False)
class Comparison:
    """A target and its metamers, all of the same shape.

    Attributes:
        title: Title on the page, such as "crow, T=8192, J_fr=3".
        target: Samples, full scale ±1: (time), or (channel, time) with at most 8 channels.
        metamers: Sounds by name, at least one. The target is called "target".
        errors: Relative error at each step, by the name of the metamer: 0.013 is 1.3 %. NaN and
            infinity leave gaps in the curves. Metamers without errors have no curves.
        settings: Values by name, shown in a table as converted by `str`.

    Raises:
        ValueError: If a sound has fewer than two samples, or samples that are not finite or not
            floating-point; if shapes differ; if metamers, errors or settings are not mappings, or
            there are no metamers; if names are empty or duplicated; if errors do not belong to a
            metamer, are negative or are not one-dimensional.

    Example:
        >>> import numpy as np
        >>> x = np.linspace(-1, 1, 1000)
        >>> Comparison("ramp", x, {"falling": -x}, settings={"T": 256}).names
        ('target', 'falling')
    """

    title: str
    target: Float[np.ndarray, "*channel time"]
    metamers: Mapping[str, Float[np.ndarray, "*channel time"]]
    errors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the fields."""
        different("title", [self.title])
        for name, kind in {"metamers": "sounds", "errors": "errors", "settings": "values"}.items():
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(
                    f"{name} must be a mapping from names to {kind}, got "
                    f"{type(getattr(self, name)).__name__}; give a dictionary."
                )
        if not self.metamers:
            raise ValueError(
                f"metamers must have at least one sound to compare with the target, got "
                f"{_checks.shown(self.metamers)}; give {{name: sound}}."
            )
        different("names of metamers", self.names)
        shape = _checked("target", self.target)
        for name, sound in self.metamers.items():
            if (found := _checked(f"metamers[{name!r}]", sound)) != shape:
                raise ValueError(
                    f"metamers[{name!r}] must have the shape of the target, {shape}, got {found}; "
                    f"cut or pad one of them."
                )
        for name, errors in self.errors.items():
            _check_errors(name, errors, self.metamers)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the target and of the metamers, in the order of `sounds`."""
        return (TARGET, *self.metamers)

    @property
    def sounds(self) -> Float[np.ndarray, "sound channel time"]:
        """The target and the metamers, in float32."""
        sounds = [np.asarray(sound, np.float32) for sound in (self.target, *self.metamers.values())]
        return np.stack([np.atleast_2d(sound) for sound in sounds])


def different(what: str, names: Iterable[str]) -> None:
    """Raise a `ValueError` unless the names are strings that a reader can distinguish."""
    seen: set[str] = set()
    for name in names:
        read = " ".join(name.split()) if isinstance(name, str) else ""
        if not read:
            raise ValueError(f"{what} must be text that is not empty, got {_checks.shown(name)}.")
        if read in seen:
            raise ValueError(
                f"{what} must differ from each other, got {_checks.shown(name)} twice; rename one"
                + (f", as {TARGET!r} is the name of the target." if read == TARGET else ".")
            )
        seen.add(read)


def _checked(name: str, sound: object) -> tuple[int, ...]:
    """Return the shape of a sound, after checking that it can be played."""
    x = np.asarray(sound)
    if not np.issubdtype(x.dtype, np.floating) or not x.ndim:
        raise ValueError(
            f"{name} must be an array of floating-point samples, full scale ±1, got dtype "
            f"{x.dtype}; convert it first."
        )
    channels = x.shape[:-1]
    if len(channels) > 1 or not all(1 <= n <= _MAX_CHANNELS for n in channels) or x.shape[-1] < 2:
        raise ValueError(
            f"{name} must be (time) or (channel, time) with 1 to {_MAX_CHANNELS} channels and at "
            f"least 2 samples, got an array of shape {x.shape}."
        )
    if not np.isfinite(x).all():
        raise ValueError(
            f"{name} must have finite samples, got {np.count_nonzero(~np.isfinite(x))} that are "
            f"NaN or infinite; leave this sound out."
        )
    return x.shape


def _check_errors(name: str, errors: object, metamers: Mapping[str, object]) -> None:
    if name not in metamers:
        raise ValueError(
            f"errors must belong to metamers, which are {_checks.shown(list(metamers))}, got "
            f"{_checks.shown(name)}; rename one of them."
        )
    try:
        values = np.asarray(errors, np.float64)
    except (TypeError, ValueError):
        values = np.zeros(())
    if values.ndim != 1 or not values.size or (values < 0).any():
        raise ValueError(
            f"errors[{name!r}] must be a sequence of at least one number, none of them negative, "
            f"got {_checks.shown(errors)}; give a column of Resynthesis.error."
        )
