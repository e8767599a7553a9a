"""The transforms for PyTorch: tensors in, tensors out, with PyTorch's derivatives.

`jtfs`, `time_scattering`, `scalogram` and `segmented` are those of `jtfs_jax`, with the same
arguments; `Scattering` is a `torch.nn.Module` of one of them. Their derivatives are exact and of
every order: `backward`, `torch.autograd.grad` with `create_graph=True`, forward mode, and
`torch.func` with `vmap`, `grad`, `jvp`, `jacrev` and `hessian`. The library does not import this
package by itself; it needs the extra `torch`.

Tensors pass from one library to the other by DLPack, without a copy, where they are contiguous and,
on a CPU, aligned to 64 bytes, as those are that PyTorch allocates itself. Coefficients are on the
device of `x`. On a GPU, JAX must be installed for it (`pip install 'jax[cuda12]'`), and the
environment variable `XLA_PYTHON_CLIENT_PREALLOCATE=false` leaves memory to PyTorch.

The precision is that of the filterbank, and x is cast to it, half precision too; the gradient has
the dtype of `x`. For float64, call `jax.config.update("jax_enable_x64", True)` before
`filterbank(…, dtype="float64")`; nothing of PyTorch changes by that.

JAX compiles a program for each shape of `x`, at the first call, and another two at the first call
that needs a gradient. From then on `backward` uses what the forward call has kept: about as much as
the scalogram takes, until PyTorch frees the graph. Within `torch.compile`, transforms are called as
they are, as breaks in the graph.

The two libraries have threads of their own, as many each as there are cores, and take turns; but
those of PyTorch keep cores busy for a moment after each of its operations. On two cores, a short
transform after a product of matrices takes about a fifth less time with `torch.set_num_threads(1)`.

Processes that are forked cannot use JAX once their parent has: give a `DataLoader` whose data sets
call a transform `multiprocessing_context="spawn"`, or call it in the training loop, on batches.
Workers that call PyTorch or NumPy alone may be forked, at which JAX warns.

Example:
    >>> import torch
    >>> import jtfs_jax
    >>> from jtfs_jax.torch import jtfs
    >>> bank = jtfs_jax.filterbank(1024, J=5, Q=4, J_fr=2)
    >>> x = torch.ones(2, 1024, requires_grad=True)
    >>> S = jtfs(bank, x)
    >>> S.S2.shape
    torch.Size([2, 25, 5, 32])
    >>> S.S2.square().sum().backward()
    >>> x.grad.shape
    torch.Size([2, 1024])
"""

from ._module import Scattering
from ._transforms import jtfs, scalogram, segmented, time_scattering

__all__ = [
    "Scattering",
    "jtfs",
    "scalogram",
    "segmented",
    "time_scattering",
]
