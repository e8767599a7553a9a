"""PyTorch, or an error that names the extra which brings it."""

from typing import TYPE_CHECKING, Any, TypeAlias

from jtfs_jax._extras import require

torch: Any = require("torch", "torch")

if TYPE_CHECKING:
    Tensor: TypeAlias = Any  # who checks types need not have PyTorch
else:
    Tensor = torch.Tensor
