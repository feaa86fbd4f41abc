# SPDX-License-Identifier: Apache-2.0
"""Which tensor of the quantised ONNX model a tensor of the Plan is, and how the one lies in the other's memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx

from espdl.plan.types import Plan, Tensor
from espdl.quantize.graph import Graph

# A value of the model, and the shape of the tensor of the Plan -> the value in the Plan's order.
Order = Callable[[np.ndarray, tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Counterpart:
    """`integers` of the model are those of the Plan less `shift` (unsigned ones there, signed ones here); `real` is
    what they were made of. `roundings`: how often the model rounds where the Plan does so once."""

    integers: str
    real: str
    shift: int
    roundings: int

    def shifted(self, runtime: Mapping[str, np.ndarray]) -> np.ndarray:
        return runtime[self.integers].astype(np.int32) - self.shift


def find(proto: onnx.ModelProto, plan: Plan) -> dict[str, Counterpart]:
    """By the names of the Plan's integer tensors; those that mean another scale have none."""
    graph = Graph(proto)
    candidates: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.nodes:
        if node.op_type == "QuantizeLinear":
            for name in (node.input[0], *node.output):
                candidates.setdefault(name, []).append(node)
        maker = graph.producer.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if maker is not None and maker.op_type == "QuantizeLinear":
            candidates.setdefault(node.output[0], []).append(maker)
    result = {}
    for tensor in plan.tensors:
        for node in candidates.get(tensor.name, ()):
            shift = _shift(graph, node, tensor)
            if shift is not None:
                result[tensor.name] = Counterpart(node.output[0], node.input[0], shift, _roundings(graph, node))
                break
    return result


def _shift(graph: Graph, node: onnx.NodeProto, tensor: Tensor) -> int | None:
    """What the model's integers are larger by; None where they mean something else."""
    theirs = graph.quantization(node)
    if theirs is None or theirs.axis is not None or theirs.scale != np.float32(tensor.scale or 0.0):
        return None
    if np.dtype(theirs.dtype).itemsize != np.dtype(tensor.dtype).itemsize or np.dtype(tensor.dtype).kind not in "iu":
        return None
    shift = np.iinfo(theirs.dtype).min - np.iinfo(tensor.dtype).min
    return int(shift) if theirs.zero - shift == tensor.zero_point else None


def _roundings(graph: Graph, node: onnx.NodeProto) -> int:
    """2 where it rounds integers anew; a layer that makes them takes over its scale, and rounds once."""
    maker = graph.producer.get(node.input[0])
    return 2 if maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] in graph.producer else 1


def order(values: np.ndarray, tensor: Tensor, ours: np.ndarray) -> Order:
    """How `values` lie in the Plan: as they are, or channels last. Where both fit, as `ours` (about the same) does."""
    if values.size != ours.size:
        return _of_more_channels(values, tensor, ours)
    fitting = [o for o in (_channels_last, _as_it_is) if _fits(values, o, tensor)] or [_channels_last, _as_it_is]
    if len(fitting) == 1:
        return fitting[0]
    ours = ours.reshape(tensor.shape).astype(np.int64)
    return min(fitting, key=lambda o: int(np.abs(o(values, tensor.shape) - ours).sum()))


def is_same(values: np.ndarray, tensor: Tensor, ours: np.ndarray) -> bool:
    """Whether `values` can be those of `tensor`, which may have more channels that hold nothing (graph.whole_vectors).

    A step on the way to a tensor may have its name, such as one axis of a Pad.
    """
    channels = _channels(values, tensor)
    if values.size == ours.size or not channels:
        return values.size == ours.size
    return bool((ours.reshape(tensor.shape)[..., channels:] == tensor.zero_point).all())


def _channels(values: np.ndarray, tensor: Tensor) -> int:
    """How many channels of `tensor` are those of `values`; 0: it is another tensor."""
    if tensor.dtype != "int8" or len(tensor.shape) != 4:
        return 0
    channels, rest = divmod(values.size, tensor.count // tensor.shape[3])
    return 0 if rest or channels > tensor.shape[3] else channels


def _of_more_channels(values: np.ndarray, tensor: Tensor, ours: np.ndarray) -> Order:
    """The order of those that are there, and zero points for the others."""
    channels = _channels(values, tensor)
    narrow = replace(tensor, shape=(*tensor.shape[:3], channels))
    inner = order(values, narrow, ours.reshape(tensor.shape)[..., :channels])

    def ordered(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        missing = [(0, 0)] * 3 + [(0, shape[3] - channels)]
        return np.pad(inner(values, narrow.shape), missing, constant_values=tensor.zero_point)

    return ordered


def _fits(values: np.ndarray, order: Order, tensor: Tensor) -> bool:
    shape = values.shape if order is _as_it_is else np.moveaxis(values, 1, -1).shape if values.ndim > 2 else None
    return shape is not None and [d for d in shape if d != 1] == [d for d in tensor.shape if d != 1]


def _channels_last(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (np.moveaxis(values, 1, -1) if values.ndim > 2 else values).reshape(shape)


def _as_it_is(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return values.reshape(shape)
