"""The linter's list of private modules, forbidden in notebooks and experiments, is complete."""

import tomllib
from pathlib import Path

import jtfs_jax

CONFIGURATION = Path(__file__).parents[2] / "notebooks" / "ruff.toml"


def private_modules():
    """Modules and packages with a leading underscore, but not modules within such packages."""
    folder = Path(jtfs_jax.__path__[0])
    for file in folder.rglob("*.py"):  # present even if their libraries are not
        parts = file.relative_to(folder.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts[-1].startswith("_") and not any(part.startswith("_") for part in parts[:-1]):
            yield ".".join(parts)


def test_all_private_modules_are_banned():
    lint = tomllib.loads(CONFIGURATION.read_text())["lint"]
    expected = sorted(set(private_modules()) - {"jtfs_jax.__main__"})
    assert sorted(lint["flake8-tidy-imports"]["banned-api"]) == expected
