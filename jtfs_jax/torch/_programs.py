"""Functions of JAX as PyTorch's autograd asks for them: derivatives, and batches of these."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, PyTree

from jtfs_jax._filterbank import FilterBank


class Program:
    """A compiled function of a filterbank and of a pytree of arrays, to derive by these.

    Derivatives are programs, too, so that they can be derived; those of one program are made once.

    Args:
        function: Takes the filterbank and the arrays, returns a pytree of arrays.
        in_turn: Whether it is not compiled as a whole on a CPU, as it calls compiled programs.
    """

    def __init__(self, function: Callable[..., PyTree[Array]], *, in_turn: bool = False) -> None:
        self._function = function
        self._compiled = jax.jit(function)
        self._in_turn = in_turn
        self._batched: dict[Any, Program] = {}

    def __call__(self, bank: FilterBank | None, arrays: PyTree[Array]) -> PyTree[Array]:
        """The function's values."""
        if self._in_turn:
            (device,) = jax.tree.leaves(arrays)[0].devices()
            if device.platform == "cpu":
                with jax.default_device(device):
                    return self._function(bank, arrays)
        return self._compiled(bank, arrays)

    @functools.cached_property
    def with_pullback(self) -> Callable[..., tuple[PyTree[Array], PyTree[Array]]]:
        """The values, and the function of cotangents for `PULL`: a pytree of what it needs."""

        def function(bank: FilterBank, arrays: PyTree[Array]) -> Any:
            return jax.vjp(functools.partial(self._function, bank), arrays)

        return jax.jit(function)

    @functools.cached_property
    def pullback(self) -> "Program":
        """Of arrays and cotangents of the values: cotangents of the arrays."""

        def function(bank: FilterBank, pair: tuple[PyTree[Array], PyTree[Array]]) -> PyTree[Array]:
            arrays, cotangents = pair
            _, pull = jax.vjp(functools.partial(self._function, bank), arrays)
            return pull(cotangents)[0]

        return Program(function)

    @functools.cached_property
    def pushforward(self) -> "Program":
        """Of arrays and their tangents: tangents of the values."""

        def function(bank: FilterBank, pair: tuple[PyTree[Array], PyTree[Array]]) -> PyTree[Array]:
            arrays, tangents = pair
            return jax.jvp(functools.partial(self._function, bank), (arrays,), (tangents,))[1]

        return Program(function)

    def batched(self, structure: Any, axes: tuple[int | None, ...]) -> "Program":
        """Of arrays with one more axis each, unless None: values have it in front."""
        if (structure, axes) not in self._batched:

            def of_leaves(bank: FilterBank | None, *leaves: Array) -> PyTree[Array]:
                return self._function(bank, jax.tree.unflatten(structure, leaves))

            of_batch = jax.vmap(of_leaves, (None, *axes))
            program = Program(lambda bank, arrays: of_batch(bank, *jax.tree.leaves(arrays)))
            self._batched[structure, axes] = program
        return self._batched[structure, axes]


# Of a function of cotangents that a program gave, and of these: cotangents of that program's arrays
PULL = Program(lambda _, pair: pair[0](pair[1])[0])
