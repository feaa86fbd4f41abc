# SPDX-License-Identifier: Apache-2.0
"""Constant operands that are no weights: the second of an Add, the slope of a PRelu, an embedding's table."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass

import numpy as np
import onnx

from espdl import traits
from espdl.quantization import Quantization
from espdl.quantize.graph import Graph


@dataclass(frozen=True)
class Operand:
    """The constant that `node` reads at `index` becomes int8, or int16 beside an activation of 16 bits.

    `like` is that activation, or the result; `kind`: see traits.
    """

    node: onnx.NodeProto
    index: int
    like: str
    kind: traits.Operands

    @property
    def name(self) -> str:
        return self.node.input[self.index]


def find(graph: Graph, weighted: Container[str]) -> tuple[Operand, ...]:
    """All of them; `weighted` are names of nodes whose constants are weights or biases."""
    found = []
    for node in graph.nodes:
        kind = traits.of(node.op_type).constants
        if kind is None or node.name in weighted or not graph.is_activation(node.output[0]):
            continue
        activations = [node.output[0]] if kind.shared else [i for i in node.input if graph.is_activation(i)]
        for index, name in enumerate(node.input if activations else ()):
            is_float = graph.is_constant(name) and graph.is_float(name)
            if is_float and index in kind.at and (kind.numbers or graph.count(name) > 1):
                found.append(Operand(node, index, activations[0], kind))
    return tuple(found)


def quantization(operand: Operand, values: np.ndarray, like: Quantization, power_of_two: bool) -> Quantization:
    """The scale of an operand with these values; `like` is that of the activation that `operand.like` names."""
    if operand.kind.shared:
        return like
    if operand.kind.axis is not None:
        others = tuple(a for a in range(values.ndim) if a != operand.kind.axis)
        return Quantization.of_peak(np.abs(values).max(axis=others, initial=0.0), axis=operand.kind.axis)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    peak = max(-low, high)
    if like.dtype == "int16" and not operand.kind.weights:
        return Quantization.of_peak(peak, "int16")
    if operand.kind.symmetric and not power_of_two or not peak > np.finfo(np.float32).tiny:
        return Quantization.of_peak(peak)
    if power_of_two:
        # Sums want the unit of the network's scales; products are exact with any power of two.
        unit = 1.0 if operand.kind.symmetric else float(like.scale)
        return Quantization(np.float32(unit * 2.0 ** math.ceil(math.log2(peak / 127 / unit))))
    return Quantization.of_range(low, high)
