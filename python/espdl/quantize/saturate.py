# SPDX-License-Identifier: Apache-2.0
"""Masks as integers can hold them: what lies below its floor is raised to it, in the float model already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from espdl.quantize import masked_rows
from espdl.quantize.calibration import Calibration
from espdl.quantize.edit import Edit, inferred
from espdl.quantize.graph import Graph
from espdl.quantize.network import with_constants
from espdl.quantize.types import Floors


@dataclass(frozen=True)
class Raised:
    """Calibration samples with their values raised to `floors`."""

    samples: Calibration
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
    result = _clipped(with_constants(graph, constants), graph, floors)
    return inferred(masked_rows.found_by_floor(result, floors))


def _clipped(proto: onnx.ModelProto, graph: Graph, floors: Floors) -> onnx.ModelProto:
    edit = Edit(proto)
    renamed: dict[str, str] = {}

    def after(names: Iterable[str]) -> None:
        for name in names:
            if name in floors.sources:
                renamed[name] = edit.names.unique(f"{name}_saturated")
                limit = edit.constant(f"{name}_floor", np.float32(floors.tensors[name]))
                edit.node("Clip", [name, limit], renamed[name])

    after(graph.inputs)
    for node in edit.proto.graph.node:
        node.input[:] = [renamed.get(i, i) for i in node.input]
        edit.nodes.append(node)
        after(node.output)
    return edit.finish()
