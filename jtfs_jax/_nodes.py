"""Pytree nodes of this library, and their serialization by `jax.export`."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.export
from jax.tree_util import DictKey, PyTreeDef, default_registry

from ._wavelets import Wavelet

Node = TypeVar("Node", bound=type)


def exportable(node: Node) -> Node:
    """Decorate an Equinox module or a named tuple, so that programs that use it can be saved.

    Static fields (numbers, strings, None, and tuples of these) are written as JSON.
    """
    name = f"jtfs_jax.{node.__name__}"
    if not issubclass(node, eqx.Module):
        return jax.export.register_namedtuple_serialization(node, serialized_name=name)
    fields = dataclasses.fields(node)
    static = [field.name for field in fields if field.metadata.get("static", False)]
    arrays = [field.name for field in fields if field.name not in static]

    def serialize(auxiliary: Any) -> bytes:
        # Only Equinox knows the contents: have it build a module, with placeholders for arrays.
        leaves = [jax.tree.structure(0)] * len(arrays)
        data = (node, auxiliary)
        tree = PyTreeDef.from_node_data_and_children(default_registry, data, leaves)
        module = jax.tree.unflatten(tree, arrays)
        values = {field: _to_json(getattr(module, field)) for field in static}
        return json.dumps({"static": values, "arrays": arrays}).encode()

    def build(aux_data: Any, children: Iterable[Any]) -> Any:
        values = {field: _from_json(value) for field, value in aux_data["static"].items()}
        values |= zip(aux_data["arrays"], children, strict=True)
        if set(values) != {*static, *arrays}:
            raise ValueError(
                f"the program must be from this version of jtfs_jax, but its {node.__name__} has "
                f"the fields {', '.join(values)}; export it again."
            )
        module = object.__new__(node)
        for field, value in values.items():
            object.__setattr__(module, field, value)
        return module

    return jax.export.register_pytree_node_serialization(
        node,
        serialized_name=name,
        serialize_auxdata=serialize,
        deserialize_auxdata=json.loads,
        from_children=build,
    )


def _to_json(value: Any) -> Any:
    if isinstance(value, Wavelet):
        return value._asdict()
    return [_to_json(entry) for entry in value] if isinstance(value, tuple) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return Wavelet(**value)
    return tuple(_from_json(entry) for entry in value) if isinstance(value, list) else value


class ByPath(dict):
    """Dictionary keyed by path, a tuple of integers, that is sorted when flattened as a pytree.

    It differs from other dictionaries only in that programs that use it can be saved.
    """


def exportable_paths(value: Any) -> Any:
    """Return a dictionary as a `ByPath`, and anything else unchanged."""
    return ByPath(value) if isinstance(value, dict) else value


def _flatten(paths: ByPath) -> tuple[list[Any], tuple[tuple[int, ...], ...]]:
    keys = tuple(sorted(paths))
    return [paths[key] for key in keys], keys


def _flatten_with_keys(paths: ByPath) -> tuple[list[Any], Any]:
    values, keys = _flatten(paths)
    return [(DictKey(key), value) for key, value in zip(keys, values, strict=True)], keys


def _unflatten(keys: Iterable[tuple[int, ...]], values: Iterable[Any]) -> ByPath:
    return ByPath(zip(keys, values, strict=True))


jax.tree_util.register_pytree_with_keys(ByPath, _flatten_with_keys, _unflatten, _flatten)
jax.export.register_pytree_node_serialization(
    ByPath,
    serialized_name="jtfs_jax.ByPath",
    serialize_auxdata=lambda keys: json.dumps(keys).encode(),
    deserialize_auxdata=lambda keys: _from_json(json.loads(keys)),
)
