# SPDX-License-Identifier: Apache-2.0
"""Single layers with 16-bit activations in a network of 8-bit ones.

Where a tensor of one width is read by a layer of the other, a Cast (from float to float) is put between, so that the
two forms are two tensors with scales of their own, and everything after this module sees an ordinary network.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from espdl.errors import EspdlError
from espdl.quantize.edit import Edit, inferred
from espdl.quantize.graph import Graph
from espdl.quantize.placement import Placement, place


@dataclass(frozen=True)
class Mixed:
    """`proto` with its casts; `wide`: the tensors of 16 bits."""

    proto: onnx.ModelProto
    wide: frozenset[str]


def split(proto: onnx.ModelProto, nodes: Sequence[str], label: str) -> Mixed:
    """What the named nodes write becomes 16 bits wide, and so does what shares its scale. Raises EspdlError."""
    graph = Graph(proto)
    placement = place(graph)
    every = {node.name: placement.written(graph, node.output[0]) for node in graph.nodes}
    written = {node: tensor for node, tensor in every.items() if tensor}
    wide = _closure(graph, placement, {written[n] for n in _known(graph, nodes, label) if n in written})
    edit = Edit(proto)
    casts: dict[tuple[str, bool], str] = {}
    for node in edit.proto.graph.node:
        is_wide = written.get(node.name, "") in wide
        for index, name in enumerate(node.input):
            if node.name not in written or name not in placement.quantized or (name in wide) == is_wide:
                continue
            key = (name, is_wide)
            if key not in casts:
                casts[key] = edit.names.unique(f"{name}_int{16 if is_wide else 8}")
                edit.node("Cast", [name], casts[key], to=TensorProto.FLOAT)
            node.input[index] = casts[key]
        edit.nodes.append(node)
    wide |= {new for (_, is_wide), new in casts.items() if is_wide}
    return Mixed(inferred(edit.finish()), frozenset(wide))


def without_casts(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The quantised model without the casts: what was between them is a change from integers to integers now.

    Each becomes a DequantizeLinear of its own, so that what is quantised after it keeps a name that nothing else has.
    """
    edit = Edit(proto)
    nodes = edit.proto.graph.node
    made = {n.output[0]: n for n in proto.graph.node if n.op_type == "DequantizeLinear"}
    for node in nodes:
        producer = made.get(node.input[0]) if node.op_type == "Cast" else None
        if producer is not None and node.attribute[0].i == TensorProto.FLOAT:
            name, output = node.name, node.output[0]
            node.CopyFrom(producer)
            node.name, node.output[0] = name, output
    read = {name for node in nodes for name in node.input} | {o.name for o in proto.graph.output}
    edit.nodes = [n for n in nodes if n.op_type != "DequantizeLinear" or n.output[0] in read]
    del edit.proto.graph.value_info[:]
    return inferred(edit.finish())


def _known(graph: Graph, nodes: Sequence[str], label: str) -> Sequence[str]:
    """The nodes of these names; what `layer_parts` made of a node ("node/part") is that node."""
    names = [n.name for n in graph.nodes]
    found = []
    for name in nodes:
        ends = [len(name), *(i for i in range(len(name) - 1, 0, -1) if name[i] == "/")]
        whole = next((name[:end] for end in ends if name[:end] in names), None)
        if whole is None:
            near = difflib.get_close_matches(name, names, 3, 0.3)
            raise EspdlError(
                f"{label}: 16 bits for node '{name}'",
                "the model has no such node once it is simplified",
                f"name one that `espdl analyze` lists{', such as ' + ', '.join(near) if near else ''}",
            )
        found.append(whole)
    return found


def _closure(graph: Graph, placement: Placement, tensors: set[str]) -> set[str]:
    """With those that share a scale with one of them, or are written by the same node."""
    together = [set(group) for group in placement.groups]
    together += [set(node.output) & set(placement.quantized) for node in graph.nodes if len(node.output) > 1]
    found: set[str] = set()
    while not tensors <= found:
        found |= tensors
        tensors = found.union(*(group for group in together if group & found))
    return found
