# SPDX-License-Identifier: Apache-2.0
"""What depends on no input is computed before anything is rewritten: a state of zeros that an exporter builds from the
input's shape is a constant to all that follows.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espdl.frontend.forms import captured
from espdl.frontend.refusals import REASONS
from espdl.quantize.edit import part, set_nodes
from espdl.quantize.ranges import session

# Elements: larger results stay what computes them.
_LARGEST = 1 << 22
# Nodes that are what they say, not what they compute, those that carry graphs, and those whose results are no tensors.
_NEVER = {"Constant", "DequantizeLinear", "QuantizeLinear", "Dropout", *REASONS}


def fold(proto: onnx.ModelProto, computed: Collection[str] = (), largest: int | None = _LARGEST) -> bool:
    """Replaces, in place, nodes that read only constants, or only the static shape of a tensor; whether it did.

    `proto`: its shapes are inferred. `computed`: of what is left as it is elsewhere, these operators are computed, too.
    `largest`: elements of the largest result; None for any.
    """
    graph = proto.graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes |= {v.name: shape for v in values if (shape := _static(v)) is not None}
    constants = {t.name: t for t in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Constant"]
    constants |= {node.output[0]: a.t for node in nodes for a in node.attribute if a.name == "value"}
    made: list[onnx.NodeProto] = []
    known = set(constants)
    for node in graph.node:
        small = largest is None or all(math.prod(shapes.get(o, ())) <= largest for o in node.output if o)
        if small and _is_constant(node, known, shapes, computed):
            made.append(_as_constant(node, shapes[node.input[0]]) if node.op_type == "Shape" else node)
            known |= set(filter(None, node.output))
    results = _results(proto, made)
    found = _run(proto, made, results, constants) if results else None
    if not found:
        return False
    gone = {tuple(node.output) for node in made}
    set_nodes(proto, [node for node in graph.node if tuple(node.output) not in gone])
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in found.items())
    return True


def _static(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    dims = tensor.shape.dim
    return tuple(d.dim_value for d in dims) if all(d.HasField("dim_value") for d in dims) else None


def _is_constant(
    node: onnx.NodeProto, known: set[str], shapes: dict[str, tuple[int, ...]], computed: Collection[str]
) -> bool:
    if node.op_type == "Shape" and node.domain in ("", "ai.onnx"):
        return node.input[0] in shapes
    if node.domain not in ("", "ai.onnx") or not any(node.input):
        return False
    return (node.op_type not in _NEVER or node.op_type in computed) and all(i in known for i in node.input if i)


def _as_constant(node: onnx.NodeProto, shape: tuple[int, ...]) -> onnx.NodeProto:
    """A Shape of a tensor of this shape."""
    limits = {a.name: a.i for a in node.attribute}
    values = shape[limits.get("start", 0) : limits.get("end", len(shape))]
    tensor = helper.make_tensor("", TensorProto.INT64, [len(values)], values)
    return helper.make_node("Constant", [], node.output, value=tensor)


def _results(proto: onnx.ModelProto, made: list[onnx.NodeProto]) -> list[str]:
    """What of the constants is read by others, or is an output."""
    inside = {o for node in made for o in node.output if o}
    names = {tuple(node.output) for node in made}
    read = [
        i
        for node in proto.graph.node
        if tuple(node.output) not in names
        for i in (*node.input, *sorted(captured(node)))
    ]
    return list(dict.fromkeys(name for name in (*read, *(o.name for o in proto.graph.output)) if name in inside))


def _run(
    proto: onnx.ModelProto, nodes: list[onnx.NodeProto], results: list[str], constants: dict[str, TensorProto]
) -> dict[str, np.ndarray] | None:
    """The values of `results`; None where ONNX Runtime does not compute them: later stages say why."""
    inside = {o for node in nodes for o in node.output}
    wanted = dict.fromkeys(i for node in nodes for i in node.input if i in constants and i not in inside)
    tensors = []
    for name in wanted:
        tensor = TensorProto()
        tensor.CopyFrom(constants[name])
        tensor.name = name
        tensors.append(tensor)
    try:
        return dict(zip(results, session(part(proto, nodes, [], results, tensors)).run(results, {})))
    except Exception:  # onnxruntime raises its own types, all derived from Exception only
        return None
