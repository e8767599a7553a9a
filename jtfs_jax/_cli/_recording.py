"""What commands share: their recording, the filterbank for it, and where they may write."""

import argparse
from pathlib import Path

from jtfs_jax import audio
from jtfs_jax._files import check_writable
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._options import Options

from ._pipes import as_file, with_names

_BUNDLED = "guitar_slide"


def source_of(path: Path | None) -> Path:
    """The recording; the bundled one if none was given."""
    return audio.bundled(_BUNDLED) if path is None else as_file(path)


def name_of(path: Path | None) -> str:
    """The recording as records call it."""
    return f"bundled: {_BUNDLED}" if path is None else with_names(str(as_file(path)))


def check_output(output: Path, source: Path) -> Path:
    """The output, or a `ValueError` that says why it cannot be written there."""
    check_writable(output)
    if source.exists() and output.exists() and output.samefile(source):
        raise ValueError(f"{output}: this is the recording itself; give another --output.")
    return output


def joint_filterbank(source: Path, n_samples: int, options: argparse.Namespace) -> FilterBank:
    """Filters for `jtfs`, as the options want them; errors name the recording."""
    others = {name: getattr(options, name) for name in ("T", "J_fr", "Q_fr", "F", "preset")}
    return first_order_filterbank(source, n_samples, options, **others)


def first_order_filterbank(
    source: Path, n_samples: int, options: argparse.Namespace, **others
) -> FilterBank:
    """Filters for `scalogram`, if there are no others."""
    if n_samples < 2**options.J:
        raise ValueError(
            f"{source}: --J {options.J} needs at least 2^{options.J} = {2**options.J} samples, and "
            f"the recording has {n_samples} at {options.sample_rate} Hz; take a longer one, or a "
            f"lower --J."
        )
    try:
        return filterbank(n_samples, options.J, options.Q, **others)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def settings_of(bank: FilterBank, sample_rate: int) -> dict[str, object]:
    """What coefficients depend on, beside the recording."""
    return {
        "sample_rate": sample_rate,
        "n_samples": bank.n_samples,
        "J": bank.J[0],
        "Q": bank.Q[0],
        "T": bank.T,
        "J_fr": bank.J_fr,
        "Q_fr": bank.Q_fr,
        "F": bank.F,
        **{name: getattr(bank, name) for name in Options._fields},
    }
