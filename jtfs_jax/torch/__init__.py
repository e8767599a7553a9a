"""The transforms for PyTorch tensors, with PyTorch's derivatives.

`jtfs`, `time_scattering`, `scalogram` and `segmented` have the same arguments as in `jtfs_jax`;
`Scattering` wraps one of them in a `torch.nn.Module`. Derivatives are exact, to every order:
`backward`, `torch.autograd.grad` with `create_graph=True`, forward mode, and `torch.func` with
`vmap`, `grad`, `jvp`, `jacrev` and `hessian`. Import this package explicitly; it requires the extra
`torch`.

PyTorch and JAX exchange tensors through DLPack, without a copy if they are contiguous and, on a
CPU, aligned to 64 bytes, as is all memory that PyTorch allocates itself. Coefficients are on the
device of `x`. For a GPU, install JAX with GPU support (`pip install 'jax[cuda12]'`); the
environment variable `XLA_PYTHON_CLIENT_PREALLOCATE=false` leaves GPU memory to PyTorch.

`x`, even in half precision, is cast to the precision of the filterbank; the gradient has the dtype
of `x`. For float64, call `jax.config.update("jax_enable_x64", True)` before
`filterbank(…, dtype="float64")`; this does not affect PyTorch.

JAX compiles one program for each shape of `x` at the first call, and two more at the first call
that needs a gradient. After that, `backward` reuses intermediate results of the forward call, which
take about as much memory as the scalogram until PyTorch frees the graph. Within `torch.compile`,
transforms cause graph breaks and run unchanged.

Each library has one thread per core. The two libraries take turns, but PyTorch's threads keep cores
busy for a moment after each operation. On two cores, a short transform after a matrix product takes
about a fifth less time with `torch.set_num_threads(1)`.

A forked process cannot use JAX once its parent has used it. If a data set calls a transform, pass
`multiprocessing_context="spawn"` to its `DataLoader`, or call the transform on batches in the
training loop. Workers that call only PyTorch or NumPy may be forked, but JAX then warns.

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
