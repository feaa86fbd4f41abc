# SPDX-License-Identifier: Apache-2.0
"""Masks as integers can hold them: what lies below its floor is raised to it, in the float model already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.names import Names
from espdl.quantize import masked_rows
from espdl.quantize.graph import Graph
from espdl.quantize.network import with_constants
from espdl.quantize.types import Floors


@dataclass(frozen=True)
class Raised:
    """Calibration samples with their values raised to `floors`."""

    samples: object
    floors: Floors

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Mapping[str, np.ndarray]]:
        return map(self.floors.raised, self.samples)


def apply(proto: onnx.ModelProto, floors: Floors) -> onnx.ModelProto:
    """The model whose constants are at their floor where they were below, and with a Clip after every other source of
    such values: part of a table, or nothing at all where the scale begins at the floor."""
    if not floors.tensors:
        return proto
    graph = Graph(proto)
    nodes = {node.name: node for node in graph.nodes}
    constants = {}
    for (name, index), floor in floors.constants.items():
        values = graph.array(nodes[name].input[index])
        if (values < floor).any():
            constants[name, index] = np.maximum(values, np.float32(floor))
    result = with_constants(graph, constants)
    _clip(result, graph, floors)
    masked_rows.find_by_floor(result, floors)
    return onnx.shape_inference.infer_shapes(result, data_prop=True)


def _clip(proto: onnx.ModelProto, graph: Graph, floors: Floors) -> None:
    unique, ordered = Names.of(proto).unique, []

    def after(names: list[str]) -> None:
        for name in names:
            if name in floors.sources:
                renamed[name], limit = unique(f"{name}_saturated"), unique(f"{name}_floor")
                proto.graph.initializer.append(helper.make_tensor(limit, 1, [], [floors.tensors[name]]))
                ordered.append(helper.make_node("Clip", [name, limit], [renamed[name]], name=renamed[name]))

    renamed: dict[str, str] = {}
    after(graph.inputs)
    for node in proto.graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [renamed.get(i, i) for i in node.input]
        ordered.append(copy)
        after(list(node.output))
    del proto.graph.node[:]
    proto.graph.node.extend(ordered)
