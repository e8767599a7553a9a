"""JAX functions with the derivatives and batching that PyTorch's autograd needs."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, PyTree

from jtfs_jax._filterbank import FilterBank


class Program:
    """A compiled function of a filterbank and a pytree of arrays, differentiable in the arrays.

    Derivatives are programs, too, and can be differentiated; each program builds them only once.

    Args:
        function: Takes the filterbank and the arrays, returns a pytree of arrays.
        in_turn: Whether to skip compiling the function as a whole on a CPU, because it calls
            compiled programs.
    """

    def __init__(self, function: Callable[..., PyTree[Array]], *, in_turn: bool = False) -> None:
        self._function = function
        self._compiled = jax.jit(function)
        self._in_turn = in_turn
        self._batched: dict[Any, Program] = {}

    def __call__(self, bank: FilterBank | None, arrays: PyTree[Array]) -> PyTree[Array]:
        """Compute the function's values."""
        if self._in_turn:
            (device,) = jax.tree.leaves(arrays)[0].devices()
            if device.platform == "cpu":
                with jax.default_device(device):
                    return self._function(bank, arrays)
        return self._compiled(bank, arrays)

    @functools.cached_property
    def with_pullback(self) -> Callable[..., tuple[PyTree[Array], PyTree[Array]]]:
        """The values and, for `PULL`, the function of cotangents as a pytree of its residuals."""

        def function(bank: FilterBank, arrays: PyTree[Array]) -> Any:
            return jax.vjp(functools.partial(self._function, bank), arrays)

        return jax.jit(function)

    @functools.cached_property
    def pullback(self) -> "Program":
        """Map arrays and cotangents of the values to cotangents of the arrays."""

        def function(bank: FilterBank, pair: tuple[PyTree[Array], PyTree[Array]]) -> PyTree[Array]:
            arrays, cotangents = pair
            _, pull = jax.vjp(functools.partial(self._function, bank), arrays)
            return pull(cotangents)[0]

        return Program(function)

    @functools.cached_property
    def pushforward(self) -> "Program":
        """Map arrays and their tangents to tangents of the values."""

        def function(bank: FilterBank, pair: tuple[PyTree[Array], PyTree[Array]]) -> PyTree[Array]:
            arrays, tangents = pair
            return jax.jvp(functools.partial(self._function, bank), (arrays,), (tangents,))[1]

        return Program(function)

    def batched(self, structure: Any, axes: tuple[int | None, ...]) -> "Program":
        """The program for arrays with one more axis at `axes` (or none); values have it first."""
        if (structure, axes) not in self._batched:

            def of_leaves(bank: FilterBank | None, *leaves: Array) -> PyTree[Array]:
                return self._function(bank, jax.tree.unflatten(structure, leaves))

            of_batch = jax.vmap(of_leaves, (None, *axes))
            program = Program(lambda bank, arrays: of_batch(bank, *jax.tree.leaves(arrays)))
            self._batched[structure, axes] = program
        return self._batched[structure, axes]


# Maps a function of cotangents from a program, and cotangents, to cotangents of its arrays.
PULL = Program(lambda _, pair: pair[0](pair[1])[0])
