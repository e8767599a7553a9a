"""Arrays of NumPy, JAX and PyTorch, and derivatives through them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

NAMES = ("numpy", "jax", "torch", "sklearn")


class Backend:
    """Array functions that Kymatio's tests require."""

    def __init__(self, name: str) -> None:
        self.name = name

    def shape(self, x: Any) -> tuple[int, ...]:
        return tuple(x.shape)

    def reshape_input(self, x: Any, signal_shape: tuple[int, ...]) -> Any:
        return x.reshape(-1, 1, *signal_shape)

    def pad(self, x: Any, pad_left: int, pad_right: int) -> Any:
        if self.name == "torch":
            import torch  # pyright: ignore[reportMissingImports]

            return torch.nn.functional.pad(x, (pad_left, pad_right), mode="reflect")
        return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(pad_left, pad_right)], mode="reflect")

    def modulus(self, x: Any) -> Any:
        return abs(x)

    def stack(self, arrays: list[Any], dim: int = 1) -> Any:
        if self.name == "torch":
            import torch  # pyright: ignore[reportMissingImports]

            return torch.stack(arrays, dim)
        return (jnp if self.name == "jax" else np).stack(arrays, axis=dim)


def call(function: Callable, x: Any) -> Any:
    """Call a JAX function with arrays of any library, differentiably for PyTorch tensors."""
    if isinstance(x, jax.Array):
        return function(x)
    if isinstance(x, np.ndarray):
        return np.asarray(function(x)).astype(x.dtype)
    import torch  # pyright: ignore[reportMissingImports]

    if not x.requires_grad:
        return torch.from_numpy(np.array(function(x.numpy()))).to(x.dtype)

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y, ctx.vjp = jax.vjp(function, jnp.asarray(x.detach().numpy(), jnp.float64))
            return torch.from_numpy(np.array(y)).to(x.dtype)

        @staticmethod
        def backward(ctx, *gradients):
            gradient = jnp.asarray(gradients[0].numpy(), jnp.float64)
            return torch.from_numpy(np.array(ctx.vjp(gradient)[0])).to(x.dtype)

    return Function.apply(x)
