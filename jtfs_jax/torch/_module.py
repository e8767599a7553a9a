"""A transform as a PyTorch module."""

from collections.abc import Callable
from typing import Any

from jtfs_jax._filterbank import FilterBank

from ._torch import Tensor, torch
from ._transforms import jtfs


class Scattering(torch.nn.Module):
    """A transform and its filterbank as a PyTorch module.

    The filterbank is fixed: it is neither a parameter nor a buffer, so it does not appear in
    `state_dict`, and optimizers, `DistributedDataParallel` and `double()` ignore it. It need not be
    moved between devices: transforms run on the device of `x`. `copy.deepcopy`, `pickle` and
    `torch.save` of the module include the filterbank.

    Args:
        bank: Filters from `jtfs_jax.filterbank`, with `J_fr` for `jtfs`.
        transform: `jtfs`, `time_scattering` or `scalogram` of this package, or `segmented` of one
            of these. It is called with `bank` and the signals.

    Example:
        >>> import torch, jtfs_jax, jtfs_jax.torch
        >>> bank = jtfs_jax.filterbank(1024, J=5, Q=4, J_fr=2, T="global", F="global")
        >>> scattering = jtfs_jax.torch.Scattering(bank)
        >>> class Network(torch.nn.Module):
        ...     def __init__(self, n_classes):
        ...         super().__init__()
        ...         self.scattering = scattering
        ...         self.linear = torch.nn.LazyLinear(n_classes)
        ...
        ...     def forward(self, x):
        ...         S = self.scattering(x)
        ...         return self.linear(torch.log1p(S.S2.flatten(1) / 1e-3))
        >>> Network(3)(torch.randn(5, 1024)).shape
        torch.Size([5, 3])
    """

    def __init__(self, bank: FilterBank, transform: Callable[..., Any] = jtfs) -> None:
        super().__init__()
        self.bank = bank
        self.transform = transform

    def forward(self, x: Tensor) -> Any:
        """Transform signals `(*batch, time)`."""
        return self.transform(self.bank, x)

    def extra_repr(self) -> str:
        """Return the length and settings shown by `print`."""
        bank = self.bank
        of_rows = f", J_fr={bank.J_fr}, F={bank.F}" if bank.J_fr is not None else ""
        return f"n_samples={bank.n_samples}, J={bank.J}, Q={bank.Q}, T={bank.T}{of_rows}"
