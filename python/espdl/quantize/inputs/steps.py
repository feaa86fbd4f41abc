# SPDX-License-Identifier: Apache-2.0
"""What a model does to an input before its first layer: casts, moves, and steps that are affine in each element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto

from espdl import traits
from espdl.quantize.graph import Graph, attribute

# Elements: of larger inputs nobody follows every one.
_LARGEST = 1 << 22
_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class Path:
    """`tensor` = factor * input + offset, element by element: float64 of the tensor's shape. `place` (same shape): the
    index of the element in the input, flattened. `moves`: the nodes on the way that only move. `steps`: how many others
    there were, casts apart."""

    tensor: str
    factor: np.ndarray
    offset: np.ndarray
    place: np.ndarray
    moves: tuple[onnx.NodeProto, ...] = ()
    steps: int = 0

    def scaled(self, tensor: str, factor: np.ndarray | float, offset: np.ndarray | float) -> Path:
        """After a step: `tensor` = factor * before + offset."""
        return replace(
            self, tensor=tensor, factor=self.factor * factor, offset=self.offset * factor + offset, steps=self.steps + 1
        )

    def along(self, values: np.ndarray, axis: int) -> np.ndarray | None:
        """`values` (shape of the tensor) as one number per index of `axis`; None where they differ within one."""
        rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
        return rows[:, 0] if np.array_equal(rows, np.broadcast_to(rows[:, :1], rows.shape)) else None


@dataclass(frozen=True)
class End:
    """Where the steps of an input end: `path`, and the `node` that reads its tensor; None where the model's caller
    does."""

    path: Path
    node: onnx.NodeProto | None


def ends(graph: Graph, name: str) -> list[End] | None:
    """All ends of the steps of a graph input; None where it is too large to follow, or has no static shape."""
    shape = graph.shape(name)
    count = int(np.prod(shape))
    if not 0 < count <= _LARGEST:
        return None
    place = np.arange(count).reshape(shape)
    start = Path(name, np.ones(shape), np.zeros(shape), place)
    return list(_ends(graph, name, start))


def _ends(graph: Graph, name: str, start: Path) -> Iterator[End]:
    waiting = [start]
    while waiting:
        path = waiting.pop(0)
        if path.tensor in graph.outputs:
            yield End(path, None)
        for node in graph.consumers.get(path.tensor, []):
            after = _after(graph, name, path, node)
            if after is None:
                yield End(path, node)
            else:
                waiting.append(after)


def _after(graph: Graph, name: str, path: Path, node: onnx.NodeProto) -> Path | None:
    """The way on through `node`; None where that is neither a move nor an affine step."""
    if node.domain not in _DOMAINS or list(node.input).count(path.tensor) != 1 or node.input[0] != path.tensor:
        return _from_the_right(graph, path, node)
    result, known = node.output[0], traits.of(node.op_type)
    if any(node.output[1:]):
        return None
    if node.op_type == "Cast":
        return replace(path, tensor=result) if attribute(node, "to") == TensorProto.FLOAT else None
    if known.reshapes or known.copies or node.op_type == "Transpose":
        return _moved(graph, path, node)
    if not graph.is_float(path.tensor):
        return None
    if node.op_type == "Neg":
        return path.scaled(result, -1.0, 0.0)
    if node.op_type == "BatchNormalization":
        return _normalised(graph, path, node)
    if node.op_type == "Clip":
        return replace(path, tensor=result) if _keeps_all(graph, name, path, node) else None
    other = _other(graph, path, node, 1) if node.op_type in ("Add", "Sub", "Mul", "Div") else None
    if other is None:
        return None
    if node.op_type in ("Add", "Sub"):
        return path.scaled(result, 1.0, other if node.op_type == "Add" else -other)
    if node.op_type == "Mul":
        return path.scaled(result, other, 0.0)
    if node.op_type == "Div" and np.all(other != 0.0):
        return path.scaled(result, 1.0 / other, 0.0)
    return None


def _from_the_right(graph: Graph, path: Path, node: onnx.NodeProto) -> Path | None:
    """constant + x, constant - x, constant * x."""
    if node.op_type not in ("Add", "Sub", "Mul") or len(node.input) != 2 or node.input[1] != path.tensor:
        return None
    other = _other(graph, path, node, 0)
    if other is None or not graph.is_float(path.tensor):
        return None
    if node.op_type == "Mul":
        return path.scaled(node.output[0], other, 0.0)
    return path.scaled(node.output[0], 1.0 if node.op_type == "Add" else -1.0, other)


def _other(graph: Graph, path: Path, node: onnx.NodeProto, index: int) -> np.ndarray | None:
    """The constant operand, broadcast to the tensor; None where there is none, or where it would make it larger."""
    if len(node.input) != 2 or not graph.is_constant(node.input[index]) or not graph.is_float(node.input[index]):
        return None
    values = graph.array(node.input[index]).astype(np.float64)
    if not np.isfinite(values).all() or graph.shape(node.output[0]) != path.factor.shape:
        return None
    return np.broadcast_to(values, path.factor.shape)


def _moved(graph: Graph, path: Path, node: onnx.NodeProto) -> Path | None:
    order = attribute(node, "perm", list(range(path.factor.ndim))[::-1])
    shape = graph.shape(node.output[0])
    if int(np.prod(shape)) != path.factor.size:
        return None

    def moved(values: np.ndarray) -> np.ndarray:
        return values.transpose(order) if node.op_type == "Transpose" else values.reshape(shape)

    factor, offset, place = (moved(values) for values in (path.factor, path.offset, path.place))
    return Path(node.output[0], factor, offset, place, (*path.moves, node), path.steps)


def _normalised(graph: Graph, path: Path, node: onnx.NodeProto) -> Path | None:
    if attribute(node, "training_mode", 0) or not all(graph.is_constant(i) for i in node.input[1:]):
        return None
    gamma, beta, mean, variance = (graph.array(i).astype(np.float64) for i in node.input[1:5])
    factor = gamma / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
    shape = [-1 if axis == 1 else 1 for axis in range(path.factor.ndim)]
    if not np.isfinite(factor).all():
        return None
    return path.scaled(node.output[0], factor.reshape(shape), (beta - factor * mean).reshape(shape))


def _keeps_all(graph: Graph, name: str, path: Path, node: onnx.NodeProto) -> bool:
    """Whether a Clip changes no value that an input of integers can have."""
    limits = _limits(graph, name)
    if limits is None or not all(graph.is_constant(i) for i in node.input[1:] if i):
        return False
    bounds = [float(graph.array(i)) if i else None for i in (*node.input[1:3], "", "")[:2]]
    reached = [path.factor * limit + path.offset for limit in limits]
    tiny = 1e-6 * max(np.abs(r).max() for r in reached)
    low, high = np.minimum(*reached).min(), np.maximum(*reached).max()
    return (bounds[0] is None or low >= bounds[0] - tiny) and (bounds[1] is None or high <= bounds[1] + tiny)


def _limits(graph: Graph, name: str) -> tuple[int, int] | None:
    """The least and the largest integer of an input that small integers are."""
    if graph.is_float(name):
        return None
    info = np.iinfo(onnx.helper.tensor_dtype_to_np_dtype(graph.elem_type(name)))
    return int(info.min), int(info.max)
