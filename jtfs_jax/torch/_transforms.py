"""The library's transforms for PyTorch tensors."""

import functools
from collections.abc import Callable
from typing import Any

import jax

import jtfs_jax
from jtfs_jax._coefficients import JointScattering, TimeScattering
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank

from ._function import Apply, Call
from ._programs import Program
from ._torch import Tensor, torch

_nodes: Any = require("torch.utils._pytree", "torch")
for _node in (JointScattering, TimeScattering):  # so that `torch.func` looks into them
    _nodes.register_pytree_node(
        _node, jax.tree.flatten, lambda leaves, structure: jax.tree.unflatten(structure, leaves)
    )


def jtfs(bank: FilterBank, x: Tensor) -> JointScattering:
    """Joint time–frequency scattering of tensors; see `jtfs_jax.jtfs`.

    Args:
        bank: Filters from `jtfs_jax.filterbank`, with `J_fr`.
        x: Real signals `(*batch, time)` of `bank.n_samples` samples, on a CPU or a GPU.

    Returns:
        `S0 (*batch, frame)`, `S1 (*batch, n1, frame)` and `S2 (*batch, path, band, frame)`, tensors
        on the device of `x` in the precision of `bank`. S2 is a dictionary of tensors if T=0 or
        F=0. `jtfs_jax.path_table` and other tables of `bank` describe the coefficients.
        `jtfs_jax.by_path` accepts these tensors as they are, and so does `jtfs_jax.to_xarray` once
        they are detached and on the CPU.

    Raises:
        ValueError: If `x` is not a floating-point tensor on a device available to JAX, or for the
            same reasons as in `jtfs_jax.jtfs`.

    Example:
        >>> import torch, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=5, Q=4, J_fr=2)
        >>> S = jtfs(bank, torch.ones(3, 1024))
        >>> S.S0.shape, S.S1.shape, S.S2.shape
        (torch.Size([3, 32]), torch.Size([3, 18, 32]), torch.Size([3, 25, 5, 32]))
    """
    return _of_tensors(_PROGRAMS["jtfs"], bank, x)


def time_scattering(bank: FilterBank, x: Tensor) -> TimeScattering:
    """Second-order time scattering transform of tensors; see `jtfs_jax.time_scattering`.

    Args:
        bank: Filters from `jtfs_jax.filterbank`.
        x: Real signals `(*batch, time)` of `bank.n_samples` samples, on a CPU or a GPU.

    Returns:
        `S0 (*batch, frame)`, `S1 (*batch, n1, frame)` and `S2 (*batch, path, frame)`, tensors as
        from `jtfs`.

    Raises:
        ValueError: For the same reasons as in `jtfs`.

    Example:
        >>> import torch, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=5, Q=4)
        >>> time_scattering(bank, torch.ones(1024)).S2.shape
        torch.Size([27, 32])
    """
    return _of_tensors(_PROGRAMS["time_scattering"], bank, x)


def scalogram(bank: FilterBank, x: Tensor) -> Tensor:
    """Scalogram of tensors; see `jtfs_jax.scalogram`.

    Args:
        bank: Filters from `jtfs_jax.filterbank`.
        x: Real signals `(*batch, time)` of `bank.n_samples` samples, on a CPU or a GPU.

    Returns:
        U1 `(*batch, n1, time)`, a tensor as from `jtfs`.

    Raises:
        ValueError: For the same reasons as in `jtfs`.

    Example:
        >>> import torch, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=5, Q=4)
        >>> scalogram(bank, torch.ones(1024)).shape
        torch.Size([18, 1024])
    """
    return _of_tensors(_PROGRAMS["scalogram"], bank, x)


def segmented(transform: Callable[..., Any]) -> Callable[..., Any]:
    """Extend a transform of this package to signals of any length; see `jtfs_jax.segmented`.

    On a CPU and without a gradient, one program serves all lengths. Otherwise JAX compiles one per
    length.

    Args:
        transform: `jtfs`, `time_scattering` or `scalogram` of this package.

    Returns:
        A picklable function of a filterbank and signals `(*batch, time)` of at least 2 samples.

    Raises:
        ValueError: If `transform` is another function. The returned function raises it for the same
            reasons as `jtfs` and `jtfs_jax.segmented`.

    Example:
        >>> import torch, jtfs_jax
        >>> bank = jtfs_jax.filterbank(None, J=5, Q=4)
        >>> segmented(time_scattering)(bank, torch.ones(10_001)).S1.shape
        torch.Size([18, 313])
    """
    if transform not in (jtfs, time_scattering, scalogram):
        raise ValueError(
            f"transform must be jtfs, time_scattering or scalogram of jtfs_jax.torch, got "
            f"{transform!r}; pass one of these."
        )
    return functools.partial(_of_segments, transform.__name__)


def _of_segments(name: str, bank: FilterBank, x: Tensor) -> Any:
    return _of_tensors(_SEGMENTED[name], bank, x)


_PROGRAMS: dict[str, Program] = {}
_SEGMENTED: dict[str, Program] = {}
for _transform in (jtfs_jax.jtfs, jtfs_jax.time_scattering, jtfs_jax.scalogram):
    _PROGRAMS[_transform.__name__] = Program(_transform)
    _SEGMENTED[_transform.__name__] = Program(jtfs_jax.segmented(_transform), in_turn=True)


@torch.compiler.disable
def _of_tensors(program: Program, bank: FilterBank, x: Tensor) -> Any:
    x = _signal(bank, x)
    keeps = torch.is_grad_enabled() and x.requires_grad
    call = Call(program, bank, jax.tree.structure(0), keeps=keeps)
    leaves = Apply.apply(call, x)
    return jax.tree.unflatten(call.found, leaves)


def _signal(bank: FilterBank, x: Tensor) -> Tensor:
    """Real signals on a device available to JAX, in the precision of the filterbank."""
    if not isinstance(x, torch.Tensor):
        raise ValueError(
            f"x must be a tensor, got {type(x).__name__}; wrap it in torch.as_tensor, or use "
            f"jtfs_jax.{{jtfs, time_scattering, scalogram}} for arrays."
        )
    if not x.is_floating_point():
        raise ValueError(
            f"x must contain floating-point numbers, got dtype {x.dtype}; convert it first with "
            f"x.float()."
        )
    platforms = {"cpu": "cpu", "cuda": "gpu"}
    try:
        jax.local_devices(backend=platforms.get(x.device.type, x.device.type))
    except RuntimeError as error:
        cure = "install JAX for it" if x.device.type in platforms else "put it on a CPU or a GPU"
        raise ValueError(
            f"x must be on a device available to JAX, got {x.device}; {cure}."
        ) from error
    return x.to(torch.float64 if bank.dtype == "float64" else torch.float32)
