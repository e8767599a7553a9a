"""Programs of JAX as functions of tensors that PyTorch derives and batches."""

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
    """One call of a program, all but its tensors; it also learns what PyTorch does not pass on.

    Attributes:
        program, bank: What is called.
        structure: The pytree whose leaves the tensors are.
        keeps: Whether it keeps something for its pullback. It cannot, where `torch.func` batches
            its tensors.
        shortcut: If it is a pullback, `PULL` and what the forward call kept, to use instead of
            `program`; `PULL` may be batched.
        found: The structure of the values, once they are known.
        kept: What this call kept: the function of cotangents.
    """

    program: Program
    bank: FilterBank
    structure: Any
    keeps: bool = False
    shortcut: tuple[Program, PyTree[Array]] | None = None
    found: Any = None
    kept: PyTree[Array] = None

    def __call__(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The leaves of the values."""
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
        """The call of a derivative, with tensors of this call and those of structure `of`."""
        return Call(program, self.bank, treedef_tuple((self.structure, of)), **options)

    def batched(self, axes: tuple[int | None, ...]) -> "Call":
        """The call for tensors that have one more axis each, unless None."""
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
    """A call with its tensors; derivatives are calls, too."""

    @staticmethod
    def forward(call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        return call(tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.call, *tensors = inputs
        ctx.call.shortcut = None  # it was used
        ctx.save_for_forward(*tensors)
        if ctx.call.kept is not None:
            # Carried by a tensor, as PyTorch frees these with the graph.
            carrier = torch.empty(0)
            carrier.kept, ctx.call.kept = ctx.call.kept, None
            tensors.append(carrier)
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        n, saved = ctx.call.structure.num_leaves, ctx.saved_tensors  # which may be read once
        tensors, carriers = saved[:n], saved[n:]
        # It may be lost, as hooks for saved tensors replace them.
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
