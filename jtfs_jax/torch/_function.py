"""JAX programs as functions of tensors that PyTorch can differentiate and batch."""

import dataclasses
from typing import Any

import jax
from jax.tree_util import treedef_tuple
from jaxtyping import Array, PyTree

from jtfs_jax._filterbank import FilterBank

from ._programs import PULL, Program
from ._torch import Tensor, torch


@dataclasses.dataclass
class Call:
    """One call of a program without its tensors; also records what PyTorch does not pass on.

    Attributes:
        program, bank: The program, and its first argument.
        structure: Pytree structure of the tensors.
        keeps: Whether the call keeps residuals for its pullback, which is impossible if
            `torch.func` batches its tensors.
        shortcut: For a pullback, `PULL`, possibly batched, and the residuals of the forward call,
            to use instead of `program`.
        found: Pytree structure of the values, once known.
        kept: Residuals of this call: the function of cotangents.
    """

    program: Program
    bank: FilterBank
    structure: Any
    keeps: bool = False
    shortcut: tuple[Program, PyTree[Array]] | None = None
    found: Any = None
    kept: PyTree[Array] = None

    def __call__(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Compute the leaves of the values."""
        arrays = _arrays(self.structure, tensors)
        if self.shortcut is not None:
            pull, kept = self.shortcut
            values = pull(None, (kept, arrays[1]))
        elif self.keeps:
            values, self.kept = self.program.with_pullback(self.bank, arrays)
        else:
            values = self.program(self.bank, arrays)
        leaves, self.found = jax.tree.flatten(values)
        return tuple(map(torch.from_dlpack, leaves))

    def derivative(self, program: Program, of: Any, **options: Any) -> "Call":
        """The call of a derivative, with the tensors of this call and tensors of structure `of`."""
        return Call(program, self.bank, treedef_tuple((self.structure, of)), **options)

    def batched(self, axes: tuple[int | None, ...]) -> "Call":
        """The call for tensors with one more axis at `axes` (or none)."""
        program, shortcut = self.program.batched(self.structure, axes), None
        if self.shortcut is not None:
            pull, kept = self.shortcut
            n_primals = self.structure.children()[0].num_leaves
            if all(axis is None for axis in axes[:n_primals]):
                of_kept = jax.tree.structure(kept)
                structure = treedef_tuple((of_kept, self.structure.children()[1]))
                axes = (None,) * of_kept.num_leaves + axes[n_primals:]
                shortcut = pull.batched(structure, axes), kept
        return Call(program, self.bank, self.structure, shortcut=shortcut)


class Apply(torch.autograd.Function):
    """Application of a call to its tensors; derivatives are calls, too."""

    @staticmethod
    def forward(call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        return call(tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.call, *tensors = inputs
        ctx.call.shortcut = None  # already used by `forward`
        ctx.save_for_forward(*tensors)
        if ctx.call.kept is not None:
            # A tensor carries the residuals, because PyTorch frees tensors with the graph.
            carrier = torch.empty(0)
            carrier.kept, ctx.call.kept = ctx.call.kept, None
            tensors.append(carrier)
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        n, saved = ctx.call.structure.num_leaves, ctx.saved_tensors  # can be read only once
        tensors, carriers = saved[:n], saved[n:]
        # Hooks for saved tensors replace them, so the carrier may be lost.
        kept = next((getattr(carrier, "kept", None) for carrier in carriers), None)
        shortcut = None if kept is None else (PULL, kept)
        call = ctx.call.derivative(ctx.call.program.pullback, ctx.call.found, shortcut=shortcut)
        return None, *Apply.apply(call, *tensors, *cotangents)

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor) -> Any:
        tensors = ctx.saved_tensors
        pairs = zip(tensors, tangents, strict=True)
        tangents = tuple(torch.zeros_like(x) if d_x is None else d_x for x, d_x in pairs)
        call = ctx.call.derivative(ctx.call.program.pushforward, ctx.call.structure)
        return Apply.apply(call, *tensors, *tangents)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], call: Call, *tensors: Tensor) -> Any:
        batched = call.batched(in_dims[1:])
        leaves = Apply.apply(batched, *tensors)
        call.found = batched.found
        return leaves, (0,) * len(leaves)


def _arrays(structure: Any, tensors: tuple[Tensor, ...]) -> PyTree[Array]:
    arrays = [jax.dlpack.from_dlpack(t.detach().resolve_neg().contiguous()) for t in tensors]
    return jax.tree.unflatten(structure, arrays)
