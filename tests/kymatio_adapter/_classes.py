"""The objects `Scattering1D` and `TimeFrequencyScattering` over a filterbank of `jtfs_jax`."""

import math
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jtfs_jax
from jtfs_jax import _sampling
from jtfs_jax._wavelets import ALPHA, R_PSI, SIGMA0

from . import _backends
from ._filters import parse_T

FRONTENDS = ("numpy", "jax", "torch", "sklearn")
Path = tuple[int, ...]


def _leaves(transform: Callable, bank: jtfs_jax.FilterBank, x: Any) -> jax.Array:
    """Coefficients of a batch, flattened and concatenated."""
    S = transform(bank, jnp.asarray(x, jnp.float64))
    return jnp.concatenate([leaf.reshape(len(x), -1) for leaf in jax.tree.leaves(S)], axis=-1)


_row = jax.jit(_leaves, static_argnums=0)


class Scattering:
    """Time scattering."""

    transform = staticmethod(jtfs_jax.time_scattering)
    alpha, r_psi, sigma0 = ALPHA, R_PSI, SIGMA0

    def __init__(
        self,
        J: int,
        shape: Any,
        Q: Any = 1,
        T: Any = None,
        stride: Any = None,
        max_order: int = 2,
        oversampling: Any = 0,
        out_type: str = "array",
        backend: Any = "numpy",
    ) -> None:
        jax.config.update("jax_enable_x64", True)
        self.J, self.shape, self._Q, self._T = J, _shape(shape), Q, T
        self._stride, self._oversampling = stride, oversampling
        self.max_order, self.out_type = max_order, out_type
        is_name = isinstance(backend, str) or backend is None
        self.backend: Any = _backends.Backend(backend or "numpy") if is_name else backend
        self.build()

    def build(self) -> None:
        """Build the filterbank, and the attributes that Kymatio names."""
        self.stride, bank = self._checked_stride(), self.bank
        self.pad_left = _sampling.pad_left(bank.n_samples, bank.n_padded)
        self.pad_right = bank.n_padded - bank.n_samples - self.pad_left
        self._N_padded = bank.n_padded
        self.psi1_f, self.psi2_f = ([p._asdict() for p in w] for w in _orders(bank))
        self.phi_f: dict[str, Any] = {"xi": 0, "sigma": SIGMA0 / self.T, "of": self}

    def create_filters(self) -> None:
        """Do nothing: `build` creates the filters."""

    load_filters = create_filters

    @property
    def options(self) -> dict[str, Any]:
        """Options of `filterbank`."""
        return {"J": self.J, "Q": self.Q, "T": self._T, "stride": self._stride}

    @cached_property
    def bank(self) -> jtfs_jax.FilterBank:
        return jtfs_jax.filterbank(self.shape[0], **self.options, dtype=np.float64)

    @property
    def Q(self) -> tuple[int, int]:
        Q = self._Q
        if np.any(np.array(Q) < 1):
            raise ValueError(f"Q must always be >= 1, got {Q}.")
        if not isinstance(Q, int | tuple):
            raise ValueError(f"Q must be an integer or a tuple, got {Q}.")
        if isinstance(Q, tuple) and len(Q) > 2:
            cause = "Scattering transforms beyond order 2 are not implemented"
            raise NotImplementedError(f"{cause}, got Q={Q}.")
        first, second, *_ = (*Q, 1) if isinstance(Q, tuple) else (Q, 1)
        return first, second

    @property
    def T(self) -> float:
        return parse_T(self._T, self.J, self.shape[0])[0]

    @property
    def average(self) -> str | bool:
        return parse_T(self._T, self.J, self.shape[0])[1]

    @property
    def log2_stride(self) -> int:
        return int(math.log2(self.stride))

    @property
    def oversampling(self) -> Any:
        return self._oversampling

    def _checked_stride(self) -> int:
        n, widest = self._oversampling, 2 ** int(math.log2(self.T))
        if n is not None and n < 0:
            raise ValueError(f"oversampling must be nonnegative, got {n}.")
        if n is not None and not isinstance(n, int):
            raise ValueError(f"oversampling must be an integer, got {n}.")
        if n and self._stride is not None:
            raise ValueError(f"oversampling={n} and stride={self._stride} are incompatible.")
        if n:
            warnings.warn("oversampling is deprecated, use stride", DeprecationWarning, 2)
            self._stride = widest // 2**n
        if self._stride is not None and self.average != "local":
            raise ValueError(f"stride={self._stride} is incompatible with T={self._T}.")
        return self.bank.stride or widest

    def _check_runtime_args(self) -> None:
        if self.out_type not in ("array", "dict", "list"):
            raise ValueError(f"out_type must be one of array, dict, list, got {self.out_type!r}.")
        if self.out_type == "array" and not self.average:
            raise ValueError("Cannot convert to an array at T=0. Please set out_type to 'dict'.")

    def coefficients(self, x: Any) -> tuple[Any, tuple[int, ...]]:
        """The library's output for a batch, as arrays of the kind of x, and the batch shape."""
        if not len(x.shape):
            raise ValueError("x must have at least one axis, got none.")
        batch = tuple(x.shape[:-1])
        x = x.reshape(math.prod(batch), x.shape[-1])
        row = _backends.call(lambda x: _row(self.transform, self.bank, x), x)
        like = jax.ShapeDtypeStruct((len(x), self.shape[0]), jnp.float64)
        leaves, tree = jax.tree.flatten(jax.eval_shape(self.transform, self.bank, like))
        ends = np.cumsum([leaf.size // max(len(x), 1) for leaf in leaves]).tolist()
        parts = [
            row[:, end - leaf.size // max(len(x), 1) : end].reshape(leaf.shape)
            for leaf, end in zip(leaves, ends, strict=True)
        ]
        return jax.tree.unflatten(tree, parts), batch

    def paths(self, x: Any) -> dict[Path, Any]:
        """Coefficients by Kymatio's keys, in order."""
        S, batch = self.coefficients(x)
        found = jtfs_jax.to_kymatio(self.bank, S)
        keys = [key for key in self._sorted(found) if len(key) <= self.max_order + self._longer]
        return {key: found[key].reshape(*batch, found[key].shape[-1]) for key in keys}

    _longer = 0  # keys than orders

    @staticmethod
    def _sorted(keys: Any) -> list[Path]:
        return sorted(keys, key=lambda key: (len(key), key))

    def scattering(self, x: Any) -> Any:
        """Coefficients in the format `out_type`."""
        self._check_runtime_args()
        paths = self.paths(x)
        if self.out_type == "dict":
            return paths
        if self.out_type == "array":
            return self.backend.stack(list(paths.values()), dim=-2)
        orders = [max(len(key) - self._longer, 0) for key in paths]
        items = zip(paths.items(), orders, strict=True)
        return [{"n": key, "coef": coef, "order": order} for (key, coef), order in items]

    def __call__(self, x: Any) -> Any:
        return self.scattering(x)

    forward = __call__

    def to(self, *_: Any) -> Any:
        """Return the object; there is only one device."""
        return self

    cpu = to

    def keys(self) -> list[Path]:
        """Keys of all paths, without a signal."""
        S = jax.tree.map(
            lambda leaf: np.empty(leaf.shape, np.int8),
            jax.eval_shape(self.transform, self.bank, np.empty(self.shape, np.float32)),
        )
        found = self._sorted(jtfs_jax.to_kymatio(self.bank, S))
        return [key for key in found if len(key) <= self.max_order + self._longer]

    def meta(self) -> dict[str, Any]:
        """Wavelet parameters of each path, padded with NaN."""
        keys = self.keys()
        n = np.full((len(keys), self.max_order), np.nan)
        for row, key in zip(n, keys, strict=True):
            row[: len(key)] = key
        meta: dict[str, Any] = {"key": keys, "n": n, "order": np.array([len(k) for k in keys])}
        return meta | {name: self._column(name, n) for name in ("xi", "sigma", "j")}

    def _column(self, name: str, n: np.ndarray) -> np.ndarray:
        column = np.full(n.shape, np.nan)
        for order, psis in enumerate(_orders(self.bank)[: n.shape[1]]):
            known = ~np.isnan(n[:, order])
            values = np.array([getattr(psi, name) for psi in psis], float)
            column[known, order] = values[n[known, order].astype(int)]
        return column

    def output_size(self, *, detail: bool = False) -> Any:
        """Number of paths, in total or per order."""
        orders = Counter(map(len, self.keys()))
        return tuple(orders.values()) if detail else orders.total()


class Joint(Scattering):
    """Joint time–frequency scattering."""

    transform = staticmethod(jtfs_jax.jtfs)
    _longer = 1

    def __init__(
        self,
        J: int,
        J_fr: int,
        Q: Any,
        shape: Any,
        T: Any = None,
        stride: Any = None,
        Q_fr: Any = 1,
        F: Any = None,
        stride_fr: Any = None,
        out_type: str = "array",
        format: str = "time",
        backend: Any = "numpy",
    ) -> None:
        self.J_fr, self.Q_fr, self._F, self._stride_fr = J_fr, Q_fr, F, stride_fr
        self.format = format
        super().__init__(J, shape, Q, T, stride, out_type=out_type, backend=backend)

    def build(self) -> None:
        """Build with the filters along log-frequency."""
        if np.any(np.array(self.Q_fr) < 1):
            raise ValueError(f"Q_fr must be >= 1, got {self.Q_fr}.")
        meaning = f"Q_fr must be an integer or 1-tuple, got {self.Q_fr}."
        if isinstance(self.Q_fr, tuple) and len(self.Q_fr) > 1:
            raise NotImplementedError(meaning)
        if not isinstance(self.Q_fr, int | tuple):
            raise ValueError(meaning)
        self.Q_fr = (self.Q_fr,) if isinstance(self.Q_fr, int) else self.Q_fr
        super().build()
        n_rows = len(self.bank.wavelets1)
        self._N_padded_fr = _sampling.padded_rows(n_rows, self.J, self.Q[0], self.J_fr, self.F)
        low = {"xi": 0.0, "sigma": SIGMA0 / 2**self.J_fr, "j": self.J_fr}
        up = [psi._asdict() for psi in self.bank.wavelets_fr]
        down = [psi | {"xi": -psi["xi"]} for psi in up]
        phi = {"N": self._N_padded_fr, "sigma": SIGMA0 / self.F, "of": self}
        self.filters_fr = phi, [low, *up, *down]

    @property
    def options(self) -> dict[str, Any]:
        """Options of `filterbank`."""
        joint = {"J_fr": self.J_fr, "Q_fr": self.Q_fr, "F": self._F, "stride_fr": self._stride_fr}
        return super().options | joint

    @property
    def F(self) -> float:
        return parse_T(self._F, self.J_fr, (self.J + 1) * self.Q[0], "F")[0]

    @property
    def average_fr(self) -> str | bool:
        return parse_T(self._F, self.J_fr, (self.J + 1) * self.Q[0], "F")[1]

    @property
    def log2_F(self) -> int:
        return int(math.log2(self.F))

    @property
    def log2_stride_fr(self) -> int:
        return int(math.log2(self.bank.stride_fr or 2**self.log2_F))

    def _check_runtime_args(self) -> None:
        super()._check_runtime_args()
        if self.format not in ("time", "joint"):
            raise ValueError(f"format must be 'time' or 'joint', got {self.format!r}.")
        if self.format == "joint" and self.out_type == "array" and not self.average_fr:
            raise ValueError("Cannot convert to an array of format 'joint' at F=0.")

    def scattering(self, x: Any) -> Any:
        """Coefficients in the format given by `out_type` and `format`."""
        if (self.format, self.out_type) != ("joint", "array"):
            return super().scattering(x)
        self._check_runtime_args()
        S, batch = self.coefficients(x)
        return S.S2.reshape(*batch, *S.S2.shape[1:])

    def meta(self) -> dict[str, Any]:
        """Filter parameters of each path."""
        table = jtfs_jax.path_table(self.bank)
        if self.format == "joint":
            keys = list(zip(table.n2.tolist(), table.n_fr.tolist(), strict=True))
            n2_and_fr = keys
            n1 = [np.nan] * len(keys)
        else:
            keys = self.keys()
            n2_and_fr = [(key[1] if len(key) == 3 else -1, key[-1]) for key in keys[1:]]
            n2_and_fr = [(-1, -1), *n2_and_fr]
            n1 = [np.nan, *(key[0] for key in keys[1:])]
        n2 = [n2 if n2 >= 0 else np.nan for n2, _ in n2_and_fr]
        n = np.array([n1, n2]).T
        n_fr = np.array([n_fr for _, n_fr in n2_and_fr])
        meta: dict[str, Any] = {"key": keys, "n": n, "n_fr": n_fr}
        meta["order"] = np.where(n_fr < 0, 0, np.where(np.isnan(n[:, 1]), 1, 2))
        for name in ("xi", "sigma", "j"):
            meta[name] = self._column(name, n)
            filters = np.array([psi[name] for psi in self.filters_fr[1]], float)
            meta[f"{name}_fr"] = np.where(n_fr < 0, np.nan, filters[n_fr])
        return meta | {"spin": np.sign(meta["xi_fr"])}


class Jax(Joint):
    """`Joint` for JAX arrays."""

    def __init__(self, *args: Any, backend: Any = "jax", **options: Any) -> None:
        super().__init__(*args, backend=backend, **options)


class Torch(Joint):
    """`Joint` for PyTorch tensors."""

    def __init__(self, *args: Any, backend: Any = "torch", **options: Any) -> None:
        super().__init__(*args, backend=backend, **options)


def _shape(shape: Any) -> tuple[int]:
    if isinstance(shape, int):
        return (shape,)
    if not isinstance(shape, tuple):
        raise ValueError(f"shape must be an integer or a 1-tuple, got {shape}.")
    if len(shape) != 1:
        raise ValueError(f"shape must have exactly one element, got {shape}.")
    return shape


def _orders(bank: jtfs_jax.FilterBank) -> tuple:
    return bank.wavelets1, bank.wavelets2


def _named(kind: Any, args: tuple, frontend: str, options: dict[str, Any]) -> Any:
    if frontend not in FRONTENDS:
        raise RuntimeError(f"The frontend {frontend!r} is not valid, one of {FRONTENDS} is.")
    return kind(*args, **{"backend": frontend} | options)


def scattering(*args: Any, frontend: str = "numpy", **options: Any) -> Any:
    """A `Scattering` for arrays of a library."""
    return _named(Scattering, args, frontend, options)


def joint(*args: Any, frontend: str = "numpy", **options: Any) -> Any:
    """A `Joint` for arrays of a library."""
    return _named(Joint, args, frontend, options)
