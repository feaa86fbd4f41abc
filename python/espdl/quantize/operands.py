# SPDX-License-Identifier: Apache-2.0
"""Constant operands that are no weights: the second of an Add, the slope of a PRelu, an embedding's table."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from espdl.quantization import Quantization
from espdl.quantize.graph import Graph


@dataclass(frozen=True)
class Operand:
    """The constant that `node` reads at `index` becomes int8, or int16 beside an activation of 16 bits.

    `like` is that activation, or the result; `shared`: it must have the scale of `like`, `symmetric`: its zero point
    must be 0, `weights`: it is int8 in any case, `axis`: it has a scale per index of that axis, and no zero point.
    """

    node: onnx.NodeProto
    index: int
    like: str
    shared: bool = False
    symmetric: bool = False
    weights: bool = False
    axis: int | None = None

    @property
    def name(self) -> str:
        return self.node.input[self.index]


def find(graph: Graph, weighted: Container[str]) -> tuple[Operand, ...]:
    """All of them; `weighted` are names of nodes whose constants are weights or biases."""
    found = []
    for node in graph.nodes:
        if node.name in weighted or node.op_type not in _KINDS or not graph.is_activation(node.output[0]):
            continue
        kind = _KINDS[node.op_type]
        activations = [i for i in node.input if graph.is_activation(i)]
        if not activations and not kind.get("shared"):
            continue
        for index, name in enumerate(node.input):
            if not graph.is_constant(name) or not graph.is_float(name) or not _is_operand(graph, node, index):
                continue
            found.append(Operand(node, index, node.output[0] if kind.get("shared") else activations[0], **kind))
    return tuple(found)


# Layers with weights of their own kind: int8 kernels run them whole.
RECURRENT = frozenset({"GRU", "LSTM"})
_KINDS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"axis": 1} for name in RECURRENT},
    "Add": {},
    "Sub": {},
    "Mul": {"symmetric": True},
    "Concat": {"shared": True},
    "Gather": {"shared": True},
    "Max": {"shared": True},
    "Min": {"shared": True},
    "PRelu": {"symmetric": True},
    "MatMul": {"symmetric": True, "weights": True},
}


def _is_operand(graph: Graph, node: onnx.NodeProto, index: int) -> bool:
    dims = graph.constants[node.input[index]].dims
    if node.op_type == "Concat":
        return True
    if node.op_type in ("PRelu", "Gather"):
        return index == (1 if node.op_type == "PRelu" else 0)
    if node.op_type in RECURRENT:
        return index in (1, 2)
    return math.prod(dims) > 1  # a single number is part of a table


def quantization(operand: Operand, values: np.ndarray, like: Quantization, power_of_two: bool) -> Quantization:
    """The scale of an operand with these values; `like` is that of the activation that `operand.like` names."""
    if operand.shared:
        return like
    if operand.axis is not None:
        others = tuple(a for a in range(values.ndim) if a != operand.axis)
        return Quantization.of_peak(np.abs(values).max(axis=others, initial=0.0), axis=operand.axis)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    peak = max(-low, high)
    if like.dtype == "int16" and not operand.weights:
        return Quantization.of_peak(peak, "int16")
    if operand.symmetric and not power_of_two or not peak > np.finfo(np.float32).tiny:
        return Quantization.of_peak(peak)
    if power_of_two:
        # Sums want the unit of the network's scales; products are exact with any power of two.
        unit = 1.0 if operand.symmetric else float(like.scale)
        return Quantization(np.float32(unit * 2.0 ** math.ceil(math.log2(peak / 127 / unit))))
    return Quantization.of_range(low, high)
