"""What is said of errors, and which of them are told in a line."""

import jax

from ._pipes import with_names


def error_line(command: str, error: BaseException) -> str:
    """What went wrong, in one line."""
    return f"jtfs-jax {command}: error: {with_names(' '.join(str(error).split()))}"


def expected(error: Exception) -> Exception:
    """The error, if it is one of input or of the machine; others are raised, as they are bugs."""
    if isinstance(error, ValueError | ImportError | OSError):
        return error
    is_shortage = isinstance(error, jax.errors.JaxRuntimeError) and (
        "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)
    )
    if is_shortage or isinstance(error, MemoryError):
        return MemoryError("not enough memory; lower --duration")
    raise error
