"""Coefficients that the transforms return: access by path, and checks against a filterbank.

S2 is an array if all paths have the same shape, and otherwise a dictionary keyed by path. This
module handles the difference; other modules use `by_path` and `map_paths`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ._arrays import of_rank
from ._filterbank import FilterBank
from ._nodes import ByPath, exportable, exportable_paths
from ._path_tables import path_table
from ._paths import joint_paths, require_joint, time_paths


@exportable
class JointScattering(eqx.Module):
    """Coefficients of `jtfs`.

    Attributes:
        S0: The signal averaged over time.
        S1: The scalogram averaged over time, from high to low frequency.
        S2: Second-order coefficients, in the order of `path_table`. Without averaging over time or
            log-frequency (T=0 or F=0), resolutions differ between paths, and S2 is a dictionary
            keyed by `(n2, n_fr)`, in the same order.
    """

    S0: Float[Array, "*batch frame"]
    S1: Float[Array, "*batch n1 frame"]
    S2: (
        Float[Array, "*batch path band frame"]
        | dict[tuple[int, int], Float[Array, "*batch band frame"]]
    ) = eqx.field(converter=exportable_paths)


@exportable
class TimeScattering(eqx.Module):
    """Coefficients of `time_scattering`.

    Attributes:
        S0: The signal averaged over time.
        S1: The scalogram averaged over time, from high to low frequency.
        S2: Second-order coefficients, in the order of `time_path_table`. Without averaging (T=0),
            resolutions differ between paths, and S2 is a dictionary keyed by `(n1, n2)`, in the
            same order.
    """

    S0: Float[Array, "*batch frame"]
    S1: Float[Array, "*batch n1 frame"]
    S2: Float[Array, "*batch path frame"] | dict[tuple[int, int], Float[Array, "*batch frame"]] = (
        eqx.field(converter=exportable_paths)
    )


Scattering = TypeVar("Scattering", bound=JointScattering | TimeScattering)


def is_by_path(s2: Any) -> TypeGuard[Mapping[tuple[int, int], Array]]:
    """Return whether S2 is a dictionary of paths with different shapes."""
    return isinstance(s2, Mapping)


def stacked(s2: Any) -> Array:
    """Return S2, which must be an array of all paths."""
    assert not is_by_path(s2)
    return s2


def n_paths(S: JointScattering | TimeScattering) -> int:
    """Return the number of second-order paths."""
    return len(S.S2) if is_by_path(S.S2) else stacked(S.S2).shape[_path_axis(S)]


def _path_axis(S: JointScattering | TimeScattering) -> int:
    return -3 if isinstance(S, JointScattering) else -2


def by_path(
    bank: FilterBank, S: JointScattering | TimeScattering
) -> dict[tuple[int, int], Float[Array, "..."]]:
    """Return the second-order coefficients as a dictionary keyed by path.

    Args:
        bank: The filterbank that `S` was computed with.
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes. With many paths, pass
            NumPy arrays: slicing them is faster.

    Returns:
        For `jtfs`, arrays `(*batch, band, frame)` keyed by `(n2, n_fr)`, in the order of
        `path_table`, with only the bands that first-order wavelets feed. For `time_scattering`,
        arrays `(*batch, frame)` keyed by `(n1, n2)`, in the order of `time_path_table`.

    Raises:
        ValueError: If `S` does not have the paths of `bank`.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S2 = jtfs_jax.by_path(bank, jtfs_jax.jtfs(bank, jnp.ones(4096)))
        >>> S2[7, 2].shape
        (6, 16)
    """
    require_coefficients(bank, S)
    is_joint = isinstance(S, JointScattering)
    paths = joint_paths(bank) if is_joint else time_paths(bank)
    if is_by_path(S.S2):
        return ByPath((path, S.S2[path]) for path in paths)
    s2 = stacked(S.S2)
    if not is_joint:
        return ByPath((path, s2[..., index, :]) for index, path in enumerate(paths))
    n_rows = path_table(bank).n_rows.tolist()
    cut = [s2[..., index, :n, :] for index, n in enumerate(n_rows)]
    return ByPath(zip(paths, cut, strict=True))


def map_paths(
    function: Callable[..., Array],
    S: JointScattering | TimeScattering,
    *per_path: Float[Array, " path"],
) -> Any:
    """Apply `function(s2, *numbers)` to each path, with the numbers of that path in `per_path`."""
    if is_by_path(S.S2):
        entries = zip(S.S2.items(), *per_path, strict=True)
        return ByPath((path, function(s2, *numbers)) for (path, s2), *numbers in entries)
    s2, shape = stacked(S.S2), (-1, *[1] * (-_path_axis(S) - 1))
    return function(s2, *(of_rank(numbers.reshape(shape), s2.ndim) for numbers in per_path))


def reorder_paths(S: JointScattering | TimeScattering, order: Sequence[int]) -> Any:
    """Return S2 with path `order[p]` in place of path p, for paths of the same shape."""
    if is_by_path(S.S2):
        values = list(S.S2.values())
        return ByPath((path, values[index]) for path, index in zip(S.S2, order, strict=True))
    return jnp.take(stacked(S.S2), np.array(order), axis=_path_axis(S))


def broadcast_weights(weights: PyTree, coefficients: PyTree[Array]) -> PyTree[Array]:
    """Broadcast weights, given for leaves or subtrees of the coefficients, to the leaves."""

    def over(weight, part):
        def to(leaf):
            return jnp.broadcast_to(jnp.asarray(weight, leaf.dtype), leaf.shape)

        return jax.tree.map(to, part)

    try:
        # A plain dictionary of paths stands for the `ByPath` node of S2.
        alike = exportable_paths(weights) if isinstance(coefficients, ByPath) else weights
        return jax.tree.map(over, alike, coefficients)
    except ValueError as error:
        raise ValueError(
            f"weights must be numbers, or a pytree with the structure of the coefficients and "
            f"leaves that broadcast to theirs, got a mismatch: {error}"
        ) from error


def require_paths(bank: FilterBank, S: JointScattering) -> list[tuple[int, int]]:
    """Return the paths of the filterbank, after checking that the coefficients have them."""
    require_joint(bank)
    paths = joint_paths(bank)
    if not isinstance(S, JointScattering):
        raise ValueError(
            f"S must be the result of jtfs, a JointScattering, got a {type(S).__name__}."
        )
    if is_by_path(S.S2):
        matches, found = set(S.S2) == set(paths), f"a dictionary of {len(S.S2)} paths"
    else:
        shape = stacked(S.S2).shape
        matches, found = shape[-3:-2] == (len(paths),), f"an array of shape {shape}"
    if not matches:
        raise ValueError(
            f"S must have the {len(paths)} paths of bank, but its S2 is {found}; pass the "
            f"filterbank that S was computed with."
        )
    return paths


def require_coefficients(bank: FilterBank, S: JointScattering | TimeScattering) -> None:
    """Require that the coefficients have the paths of the filterbank."""
    if isinstance(S, JointScattering):
        require_paths(bank, S)
        return
    if not isinstance(S, TimeScattering):
        raise ValueError(
            f"S must be the result of jtfs or time_scattering, got a {type(S).__name__}."
        )
    expected, found = len(time_paths(bank)), n_paths(S)
    if found != expected:
        raise ValueError(
            f"S must have the {expected} paths of bank, but its S2 has {found}; pass the "
            f"filterbank that S was computed with."
        )
