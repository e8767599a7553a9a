"""Compilation, for arguments as users have them."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def jit(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`jax.jit` for NumPy arrays of any kind, and a `ValueError` for arrays of others.

    JAX itself reads the bytes of an array in the wrong order if it has compiled the function for
    the right one. Here it gets arrays in the order of this machine, of a precision that it knows.
    """
    compiled = jax.jit(function, **options)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
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


def _is_plain(leaf: Any) -> bool:
    if type(leaf) is np.ndarray:
        return leaf.dtype.isnative and leaf.dtype.char not in "gGOSUMm" and not leaf.dtype.names
    is_known = isinstance(leaf, jax.Array | np.generic) or hasattr(leaf, "__jax_array__")
    return is_known or not hasattr(leaf, "__array__")


def native(name: str, leaf: Any) -> Any:
    """Arrays of NumPy as JAX can read them; all that it can read as it is."""
    if _is_plain(leaf):
        return leaf
    if not isinstance(leaf, np.ndarray):
        raise ValueError(
            f"{name} must be an array of JAX or NumPy, got {type(leaf).__name__}; "
            f"convert it by np.asarray."
        )
    if np.ma.is_masked(leaf):
        raise ValueError(
            f"{name} must not have masked elements; give them numbers, as {name}.filled(0) does."
        )
    array = np.ma.getdata(leaf).view(np.ndarray)
    if array.dtype.kind not in "biufcV" or array.dtype.names:
        raise ValueError(f"{name} must have numbers, got dtype {array.dtype}; convert it first.")
    if array.dtype.char in "gG":  # more precise than JAX knows
        return array.astype(np.float64 if array.dtype.char == "g" else np.complex128)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
