"""PyTorch, or an error that names the extra that installs it."""

from typing import TYPE_CHECKING, Any, TypeAlias

from jtfs_jax._extras import require

torch: Any = require("torch", "torch")

if TYPE_CHECKING:
    Tensor: TypeAlias = Any  # checking types does not require PyTorch
else:
    Tensor = torch.Tensor
