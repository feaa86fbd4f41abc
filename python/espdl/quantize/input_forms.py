# SPDX-License-Identifier: Apache-2.0
"""What the forms of inputs (package `inputs`) mean to the rest of the quantiser, read from the graph itself.

An input of small integers is read by one Cast, whose result holds these integers; where they are centred, a Sub of an
integer follows. An input with a scale per feature is read by one Sub and then one Div, which the application computes
when it quantises. What is left of other steps is a Mul and an Add behind the Cast, a table per channel; or, where a
table would be too large, a Mul and a Sub, one layer with the Cast.

Where kernels take a border of any integers, a convolution may be marked to have its own zero for each channel: a Sub in
front of it takes that away, so that the border is zeros, and is part of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

import numpy as np
import onnx
from onnx import TensorProto

from espdl import traits
from espdl.quantization import Quantization
from espdl.quantize.graph import Graph, attribute

BYTES: dict[int, int] = {TensorProto.INT8: 0, TensorProto.UINT8: -128}
WORDS: set[int] = {TensorProto.INT16, TensorProto.UINT16}
SMALL = {*BYTES, *WORDS}
_CENTRES = "espdl.centres"


def casts(graph: Graph) -> dict[str, onnx.NodeProto]:
    """The Cast to floats that is the only reader of each input of 8 or 16 bits."""
    found = {}
    for name in graph.inputs:
        node = graph.only_consumer(name)
        if node is not None and node.op_type == "Cast" and graph.elem_type(name) in SMALL:
            if attribute(node, "to") == TensorProto.FLOAT and node.output[0] not in graph.outputs:
                found[name] = node
    return found


def exact(graph: Graph, wide: bool = False) -> dict[str, Quantization]:
    """The scale of tensors that hold the integers of an input: each is worth 1. `wide`: the network has 16 bits."""
    result = {}
    for name, cast in casts(graph).items():
        kind, held, centre = graph.elem_type(name), cast.output[0], 0
        reader = graph.only_consumer(held)
        if reader is not None and (found := centre_of(graph, kind, reader)) is not None:
            held, centre = reader.output[0], found
        if kind in BYTES and not wide:
            result[held] = Quantization(np.float32(1.0), BYTES[kind] + centre)
        else:
            dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind)).name
            result[held] = Quantization(np.float32(1.0), centre, dtype)
    return result


def of_groups(
    graph: Graph, groups: Iterable[tuple[str, ...]], wide: bool = False
) -> dict[tuple[str, ...], Quantization]:
    """By group of tensors that share a scale: that of an input's integers, where the group holds nothing else."""
    known = exact(graph, wide)
    result = {}
    for group in groups if known else ():
        begins = [n for n in group if n in known or not _only_moves(graph, n, group)]
        scales = [known.get(n) for n in begins]
        if scales and all(s is not None and scales[0] is not None and s.same_as(scales[0]) for s in scales):
            result[group] = known[begins[0]]
    return result


def _only_moves(graph: Graph, name: str, group: Container[str]) -> bool:
    """Whether all that a tensor holds are values of others of its group."""
    node = graph.producer.get(name)
    if node is None or not traits.of(node.op_type).moves:
        return False
    return all(i in group for i in node.input if graph.is_activation(i))


def centre_of(graph: Graph, kind: int, node: onnx.NodeProto) -> int | None:
    """The integer that a Sub takes from those of an input of type `kind`, where zero then is one of them."""
    if node.op_type != "Sub" or not graph.is_constant(node.input[1]) or graph.array(node.input[1]).size != 1:
        return None
    value, info = float(graph.array(node.input[1]).item()), np.iinfo(onnx.helper.tensor_dtype_to_np_dtype(kind))
    return int(value) if value.is_integer() and info.min <= value <= info.max else None


def mark_centres(proto: onnx.ModelProto, node: onnx.NodeProto) -> None:
    """Marks a Sub in front of a convolution as part of it; `proto` is to hold the node."""
    proto.ir_version = max(proto.ir_version, 10)  # the first whose nodes have properties
    node.metadata_props.add(key=_CENTRES, value="1")


def centred(graph: Graph) -> dict[str, Quantization]:
    """What a convolution reads behind such a Sub: the integers of an input of bytes, with a zero for each channel. It
    is never stored, but its scale is that of the layer's sums."""
    result = {}
    for node in graph.nodes:
        if any(entry.key == _CENTRES for entry in node.metadata_props):
            zero_points = graph.array(node.input[1]).astype(np.int64).reshape(-1)
            kind = BYTES[graph.elem_type(_input_of(graph, node))]
            result[node.output[0]] = Quantization(np.float32(1.0), zero_points + kind, "int8", 1)
    return result


def _input_of(graph: Graph, node: onnx.NodeProto) -> str:
    """The input of the model whose integers a node reads, through a Cast and moves."""
    name = node.input[0]
    while name in graph.producer:
        name = graph.producer[name].input[0]
    return name


def inner_tensors(graph: Graph) -> tuple[set[str], set[str]]:
    """Tensors that are never stored, because the application or one kernel computes beyond them; and the names of the
    nodes whose constants stay real numbers."""
    inner, nodes = set(), set()
    for name, (subtract, divide) in features(graph).items():
        inner |= {name, subtract.output[0]}
        nodes |= {subtract.name, divide.name}
    for name in centred(graph):
        inner.add(name)
        nodes.add(graph.producer[name].name)
    for name, cast in casts(graph).items():
        held = cast.output[0]
        reader = graph.only_consumer(held)
        if reader is None:
            continue
        if centre_of(graph, graph.elem_type(name), reader) is not None:
            inner.add(held)
            nodes.add(reader.name)
        steps = _per_channel(graph, held)
        if steps is not None:
            nodes |= {step.name for step in steps}
            inner |= {steps[0].output[0], *([held] if steps[1].op_type == "Sub" else ())}
    return inner, nodes


def features(graph: Graph) -> dict[str, tuple[onnx.NodeProto, onnx.NodeProto]]:
    """Per input with a scale for each feature: the Sub of its offsets and the Div by its scales."""
    result = {}
    for name in graph.inputs:
        subtract = graph.only_consumer(name) if graph.is_float(name) else None
        divide = None if subtract is None else graph.only_consumer(subtract.output[0])
        if subtract is None or divide is None or (subtract.op_type, divide.op_type) != ("Sub", "Div"):
            continue
        constants = [node.input[1] for node in (subtract, divide)]
        reads = subtract.input[0] == name and divide.input[0] == subtract.output[0]
        if reads and all(graph.is_constant(c) and graph.shape(c) == graph.shape(constants[0]) for c in constants):
            if sum(size > 1 for size in graph.shape(constants[0])) <= 1 and divide.output[0] not in graph.outputs:
                result[name] = subtract, divide
    return result


def _per_channel(graph: Graph, held: str) -> tuple[onnx.NodeProto, onnx.NodeProto] | None:
    """The Mul and the Add or Sub, each with a number per channel, behind the integers `held` of an input."""
    multiply = graph.only_consumer(held)
    if multiply is None or multiply.op_type != "Mul" or multiply.input[0] != held:
        return None
    add = graph.only_consumer(multiply.output[0])
    if add is None or add.op_type not in ("Add", "Sub") or add.input[0] != multiply.output[0]:
        return None
    if not all(graph.is_constant(n.input[1]) for n in (multiply, add)):
        return None
    sizes = [graph.shape(n.input[1]) for n in (multiply, add)]
    return (multiply, add) if sizes[0] == sizes[1] and sum(size > 1 for size in sizes[0]) == 1 else None
