"""The PyTorch transforms against JAX: values, derivatives of all kinds, modules, tensors."""

import copy
import doctest
import gc
import importlib
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import TRANSFORMS, energy, imports, noise, relative_error

import jtfs_jax

torch: Any = pytest.importorskip("torch")
bridge: Any = importlib.import_module("jtfs_jax.torch")

N = 128
TOLERANCE = 1e-6
pytestmark = [
    pytest.mark.usefixtures("quick_compile"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),  # of torch.func.jvp
]


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=3, Q=1, J_fr=1)


@pytest.fixture(params=TRANSFORMS)
def transform(request):
    return request.param


def tensor(*shape, seed=0, requires_grad=False) -> Any:
    return torch.from_numpy(noise(*shape, seed=seed)).requires_grad_(requires_grad)


def arrays(tree):
    return jax.tree.map(lambda t: t.detach().numpy(), tree)


def energy_of(bank, x, transform="time_scattering") -> Any:
    leaves = jax.tree.leaves(getattr(bridge, transform)(bank, x))
    return sum(leaf.square().sum() for leaf in leaves)


def derived(bank, x, v=None, transform="time_scattering"):
    """Gradient of the energy in JAX, and its directional derivative along v."""
    gradient = jax.grad(lambda x: energy(TRANSFORMS[transform], bank, x))
    return gradient(x) if v is None else jax.jvp(gradient, (x,), (v,))[1]


# ---- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"T": 0, "F": 0}], ids=str)
def test_values_are_those_of_jax(transform, options):
    bank, x = jtfs_jax.filterbank(N, J=3, Q=1, J_fr=1, **options), tensor(2, 3, N)
    found = getattr(bridge, transform)(bank, x)
    expected = TRANSFORMS[transform](bank, x.numpy())
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    assert relative_error(arrays(found), expected) <= TOLERANCE


def test_of_any_length():
    bank, x = jtfs_jax.filterbank(None, J=3, Q=1), tensor(2, 1501)
    segmented = bridge.segmented(bridge.time_scattering)
    expected = jtfs_jax.segmented(jtfs_jax.time_scattering)(bank, x.numpy())
    assert relative_error(arrays(segmented(bank, x)), expected) <= TOLERANCE
    x.requires_grad_()  # another program, which contains the segments
    S = segmented(bank, x)
    assert relative_error(arrays(S), expected) <= TOLERANCE
    S.S1.sum().backward()
    assert 0 < x.grad.abs().max() < torch.inf


def test_double_precision(x64):
    bank = jtfs_jax.filterbank(N, J=3, Q=1, dtype="float64")
    x = torch.randn(N, dtype=torch.float64, requires_grad=True)

    def s1(x):
        return bridge.time_scattering(bank, x).S1

    assert s1(x).dtype == torch.float64
    # Finite differences do not depend on either library's rules.
    assert torch.autograd.gradcheck(s1, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(s1, x, fast_mode=True)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_are_cast(bank, dtype):
    x = tensor(N).to(getattr(torch, dtype)).requires_grad_()
    S = bridge.time_scattering(bank, x)
    S.S1.sum().backward()
    assert S.S1.dtype == torch.float32
    assert x.grad.dtype == x.dtype


TENSORS = {
    "none": lambda: torch.zeros(0, N),
    "every other": lambda: tensor(4, N)[::2],
    "transposed": lambda: tensor(N, 2).T,
    "one in many places": lambda: tensor(N).expand(2, N),
    "not aligned": lambda: tensor(N + 1)[1:],
    "lazily negated": lambda: torch.complex(tensor(N), tensor(N, seed=1)).conj().imag,
    "parameter": lambda: torch.nn.Parameter(tensor(N)),
}


@pytest.mark.parametrize("name", TENSORS)
def test_any_layout(bank, name):
    x = TENSORS[name]()
    before = x.detach().clone()
    found = arrays(bridge.time_scattering(bank, x))
    expected = jtfs_jax.time_scattering(bank, before.resolve_neg().numpy())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, expected)
    assert torch.equal(x, before)


def test_coefficients_may_be_overwritten(bank):
    x = tensor(N)
    before, S = x.clone(), bridge.time_scattering(bank, x)
    S.S0.zero_()
    S.S1.add_(1)
    assert torch.equal(x, before)
    assert relative_error(arrays(bridge.time_scattering(bank, x).S1 + 1), S.S1) <= TOLERANCE


def test_tables_and_labels_take_tensors(bank):
    x = tensor(N)
    S = bridge.jtfs(bank, x)
    paths = jtfs_jax.by_path(bank, S)
    assert list(paths) == list(jtfs_jax.by_path(bank, jtfs_jax.jtfs(bank, x.numpy())))
    assert all(isinstance(s2, torch.Tensor) for s2 in paths.values())


# ---- Derivatives ---------------------------------------------------------------------------------


def test_gradient_of_jtfs(bank):
    x = tensor(2, N, requires_grad=True)
    energy_of(bank, x, "jtfs").backward()
    expected = derived(bank, x.detach().numpy(), transform="jtfs")
    assert relative_error(x.grad, expected) <= TOLERANCE


def test_first_and_second_derivatives(bank):
    x, v = tensor(2, N, requires_grad=True), tensor(2, N, seed=1)
    (gradient,) = torch.autograd.grad(energy_of(bank, x), x, create_graph=True)
    assert relative_error(gradient.detach(), derived(bank, x.detach().numpy())) <= TOLERANCE
    (product,) = torch.autograd.grad((gradient * v).sum(), x)
    expected = derived(bank, x.detach().numpy(), v.numpy())
    assert relative_error(product, expected) <= 2 * TOLERANCE


def test_silence_has_finite_derivatives(bank):
    x = torch.zeros(N, requires_grad=True)
    S = bridge.time_scattering(bank, x)
    total = S.S1.sum() + S.S2.sum()
    (gradient,) = torch.autograd.grad(total, x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), x)
    assert torch.isfinite(gradient).all()
    assert torch.isfinite(second).all()


def test_nan_in_nan_out(bank):
    x = tensor(2, N)
    x[0, 3] = torch.nan
    S1 = bridge.time_scattering(bank, x).S1
    assert S1[0].isnan().all()
    assert S1[1].isfinite().all()


def test_functional_transforms(bank):
    x, v = tensor(2, N), tensor(2, N, seed=1)
    func, e = torch.func, lambda x: energy_of(bank, x)
    expected = derived(bank, x.numpy())
    for gradient in (
        func.vmap(func.grad(e))(x),
        func.grad(lambda x: func.vmap(e, in_dims=1)(x.T).sum())(x),
    ):
        assert relative_error(gradient, expected) <= TOLERANCE
    _, product = func.jvp(func.grad(e), (x,), (v,))
    assert relative_error(product, derived(bank, x.numpy(), v.numpy())) <= 2 * TOLERANCE


@pytest.mark.parametrize("mode", ["jacrev", "jacfwd", "jacobian"])
def test_jacobian(bank, mode):
    t = np.arange(N, dtype=np.float32) / N

    def features(library, transform, p):
        x = library.sin(40 * p[0] * library.asarray(t)) * p[1]
        return transform(bank, x).S1.mean(-1)

    def of_tensors(p):
        return features(torch, bridge.time_scattering, p)

    of_mode = {
        "jacrev": torch.func.jacrev(of_tensors),
        "jacfwd": torch.func.jacfwd(of_tensors),
        "jacobian": lambda p: torch.autograd.functional.jacobian(of_tensors, p),
    }
    found = of_mode[mode](torch.tensor([1.0, 0.5]))
    expected = jax.jacfwd(lambda p: features(jnp, jtfs_jax.time_scattering, p))
    assert relative_error(found, expected(jnp.array([1.0, 0.5]))) <= 2 * TOLERANCE


def test_a_graph_is_used_as_often_as_it_is_kept(bank):
    x = tensor(N, requires_grad=True)
    e = energy_of(bank, x)
    (first,) = torch.autograd.grad(e, x, retain_graph=True)
    (again,) = torch.autograd.grad(e, x)
    assert torch.equal(first, again)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(e, x)


def test_memory_is_freed_with_the_graph(bank):
    def live():
        gc.collect()
        return sum(array.nbytes for array in jax.live_arrays())

    x = tensor(N, requires_grad=True)
    energy_of(bank, x).backward()
    before = live()
    e = energy_of(bank, x)
    assert live() > before
    e.backward()
    assert live() == before  # while e exists


def test_tensors_saved_by_hooks(bank):
    x = tensor(N, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().numpy(), torch.from_numpy):
        e = energy_of(bank, x)
    (gradient,) = torch.autograd.grad(e, x)
    assert relative_error(gradient, derived(bank, x.detach().numpy())) <= TOLERANCE


def test_checkpoints(bank):
    x = tensor(N, requires_grad=True)
    e = torch.utils.checkpoint.checkpoint(lambda x: energy_of(bank, x), x, use_reentrant=False)
    (gradient,) = torch.autograd.grad(e, x)
    assert relative_error(gradient, derived(bank, x.detach().numpy())) <= TOLERANCE


def test_a_signal_that_changed_has_no_gradient(bank):
    x = tensor(N, requires_grad=True)
    y = x * 1
    e = energy_of(bank, y)
    with torch.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        e.backward()


def test_nothing_is_kept_without_gradients(bank):
    x = tensor(N, requires_grad=True)
    with torch.no_grad():
        assert bridge.time_scattering(bank, x).S1.grad_fn is None
    with torch.inference_mode():
        assert bridge.time_scattering(bank, x).S1.is_inference()
    assert bridge.time_scattering(bank, x.detach()).S1.grad_fn is None


def test_one_trace_for_all_steps(bank):
    x = tensor(N, requires_grad=True)
    energy_of(bank, x).backward()
    with jax.no_tracing():
        energy_of(bank, x).backward()


# ---- Modules -------------------------------------------------------------------------------------


def test_a_network_learns_through_the_transform(bank):
    """A filter before it and a layer after it learn to distinguish low from high tones in noise."""
    generator = torch.Generator().manual_seed(0)
    is_high = torch.arange(16) % 2 == 1
    phase = 6 * torch.rand(16, 1, generator=generator)
    tones = torch.sin(torch.where(is_high, 0.8, 0.3)[:, None] * torch.arange(N) + phase)
    x = tones + torch.randn(16, N, generator=generator)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.filter = torch.nn.Conv1d(1, 1, 5, padding=2, bias=False)
            self.scattering = bridge.Scattering(bank, bridge.time_scattering)
            self.layer = torch.nn.LazyLinear(1)

        def forward(self, x):
            S = self.scattering(self.filter(x[:, None])[:, 0])
            return self.layer(S.S1.mean(-1))[:, 0]

    torch.manual_seed(0)
    network = Network()
    network(x)
    before = network.filter.weight.detach().clone()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x), is_high.float())
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    assert (network.filter.weight - before).abs().max() > 0.1


def test_a_module_is_copied_and_saved_with_its_filters(bank):
    x = tensor(N)
    module = bridge.Scattering(
        jtfs_jax.filterbank(None, J=3, Q=1), bridge.segmented(bridge.time_scattering)
    )
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert relative_error(arrays(other(x)), arrays(module(x))) == 0
    module = bridge.Scattering(bank, bridge.time_scattering).double().to("cpu")
    assert not list(module.parameters())
    assert not module.state_dict()
    assert relative_error(module(x).S1, jtfs_jax.time_scattering(bank, x.numpy()).S1) <= TOLERANCE


def test_compiled_modules_call_it(bank):
    x = tensor(N)
    found = torch.compile(bridge.Scattering(bank, bridge.time_scattering), backend="eager")(x)
    assert torch.equal(found.S1, bridge.time_scattering(bank, x).S1)


# ---- Errors --------------------------------------------------------------------------------------

ERRORS = {
    "integers": (
        lambda: torch.zeros(N, dtype=torch.int32),
        "floating-point numbers, got dtype torch.int32",
    ),
    "complex": (
        lambda: torch.zeros(N, dtype=torch.complex64),
        "floating-point numbers, got dtype torch.complex64",
    ),
    "an array": (lambda: np.zeros(N, np.float32), "x must be a tensor, got ndarray"),
    "no data": (lambda: torch.zeros(N, device="meta"), "device available to JAX, got meta"),
    "another length": (lambda: torch.zeros(3), "x has 3 samples .* the filterbank is for 128"),
    "a scalar": (lambda: torch.tensor(1.0), "time as its last axis"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(bank, name):
    make, match = ERRORS[name]
    with pytest.raises(ValueError, match=match):
        bridge.jtfs(bank, make())


def test_segments_of_another_transform():
    with pytest.raises(ValueError, match=r"transform must be jtfs.* of jtfs_jax\.torch"):
        bridge.segmented(jtfs_jax.jtfs)


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"jtfs_jax\[torch\]"):
        importlib.reload(sys.modules["jtfs_jax.torch._torch"])


def test_the_library_does_not_import_it():
    assert not imports("jtfs_jax", "torch")


@pytest.mark.parametrize("name", ["", "._transforms", "._module"])
def test_examples(name):
    module = importlib.import_module(f"jtfs_jax.torch{name}")
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_example_of_the_guide():
    guides = Path(__file__).parents[1] / "notebooks" / "guides"
    guide = (guides / "jax_and_others.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (example,) = [block for block in blocks if "jtfs_jax.torch" in block]
    names: dict[str, Any] = {"bank": jtfs_jax.filterbank(2**15, J=8, Q=4, J_fr=2)}
    exec(example, names)
    assert names["x"].grad.shape == names["x"].shape
    assert names["x"].grad.abs().max() > 0
