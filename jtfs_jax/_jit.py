"""Compilation of functions that accept NumPy arrays of any byte order and precision."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np


def jit(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile like `jax.jit`, for NumPy arrays of any byte order and precision.

    Once a function is compiled for native byte order, JAX misreads arrays in the other order. This
    wrapper passes arrays in native byte order, of a precision that JAX supports, and raises a
    `ValueError` for arrays of other libraries, and for anything but filters where the first
    argument is annotated as such.
    """
    compiled = jax.jit(function, **options)
    first = next(iter(inspect.signature(function).parameters.values()))
    takes_filters = inspect.isclass(first.annotation) and issubclass(first.annotation, eqx.Module)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if takes_filters and (args or first.name in kwargs):
            require_filters(first.name, args[0] if args else kwargs[first.name], first.annotation)
        if not all(map(_is_plain, jax.tree.leaves((args, kwargs)))):
            bound = inspect.signature(function).bind(*args, **kwargs)
            for name, value in bound.arguments.items():
                plain = functools.partial(native, name)
                bound.arguments[name] = jax.tree.map(plain, value)
            return compiled(*bound.args, **bound.kwargs)
        return compiled(*args, **kwargs)

    for name in ("clear_cache", "eval_shape", "lower", "trace"):
        setattr(checked, name, getattr(compiled, name))
    return checked


def require_filters(name: str, value: Any, kind: type) -> None:
    """Raise a `ValueError` unless the value is of this kind of filters."""
    if not isinstance(value, kind):
        raise ValueError(
            f"{name} must be of type {kind.__name__}, got {type(value).__name__}; filters are the "
            f"first argument."
        )


def _is_plain(leaf: Any) -> bool:
    if type(leaf) is np.ndarray:
        return leaf.dtype.isnative and leaf.dtype.char not in "gGOSUMm" and not leaf.dtype.names
    is_known = isinstance(leaf, jax.Array | np.generic) or hasattr(leaf, "__jax_array__")
    return is_known or not hasattr(leaf, "__array__")


def native(name: str, leaf: Any) -> Any:
    """Convert NumPy arrays to a form that JAX can read; return what it can read unchanged."""
    if _is_plain(leaf):
        return leaf
    if not isinstance(leaf, np.ndarray):
        raise ValueError(
            f"{name} must be a JAX or NumPy array, got {type(leaf).__name__}; "
            f"convert it with np.asarray."
        )
    if np.ma.is_masked(leaf):
        raise ValueError(
            f"{name} must not have masked elements; fill them, for example with {name}.filled(0)."
        )
    array = np.ma.getdata(leaf).view(np.ndarray)
    if array.dtype.kind not in "biufcV" or array.dtype.names:
        raise ValueError(f"{name} must have numbers, got dtype {array.dtype}; convert it first.")
    if array.dtype.char in "gG":  # more precise than JAX supports
        return array.astype(np.float64 if array.dtype.char == "g" else np.complex128)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
