"""Import of optional packages."""

import importlib
from typing import Any


def require(module: str, extra: str) -> Any:
    """Import a module, or raise an `ImportError` that names the extra to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} could not be imported ({error}); "
            f"to install it: pip install 'jtfs_jax[{extra}]'"
        ) from error
