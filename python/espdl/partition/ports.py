# SPDX-License-Identifier: Apache-2.0
"""Inputs as the application has them: what lies between an input of the model and its integers goes before the import.

Integers of 8 or 16 bits are those of the sensor itself; an input with a scale and an offset per feature is quantised by
the application (`net_quantize_x(value, index)`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from espdl.plan.types import Features
from espdl.quantization import Quantization
from espdl.quantize.types import QuantizedModel

_SMALL = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16)


@dataclass(frozen=True)
class Ports:
    """By name of the input: what its integers stand for (`features` apart); and the inputs and outputs that are uint8
    where the network has int8."""

    scales: Mapping[str, Quantization]
    features: Mapping[str, Features]
    unsigned: frozenset[str]


@dataclass(frozen=True)
class _Found:
    """The nodes between an input and the `quantize` behind them, that one included."""

    nodes: tuple[onnx.NodeProto, ...]
    quantization: Quantization
    features: Features | None
    is_flipped: bool

    @property
    def quantize(self) -> onnx.NodeProto:
        return self.nodes[-1]


def as_given(model: QuantizedModel, in_floats: bool) -> tuple[QuantizedModel, Ports]:
    """The model whose inputs are integers where the application has such ones. `in_floats`: inputs that are floats in
    the model stay floats."""
    constants = {t.name: t for t in model.proto.graph.initializer}
    found = {}
    for value in model.proto.graph.input:
        is_float = value.type.tensor_type.elem_type == TensorProto.FLOAT
        if not (is_float and in_floats) and (one := _found(model.proto, value, constants)) is not None:
            found[value.name] = one
    written = _bytes_written(model.proto, constants)
    ports = Ports(
        {name: f.quantization for name, f in found.items()},
        {name: f.features for name, f in found.items() if f.features is not None},
        frozenset(name for name, f in found.items() if f.is_flipped) | written.keys(),
    )
    if not found and not written:
        return model, ports
    return replace(model, proto=_without(model.proto, found, written)), ports


def _bytes_written(proto: onnx.ModelProto, constants: Mapping[str, TensorProto]) -> dict[str, list[onnx.NodeProto]]:
    """By output of bytes, what makes them of int8: a DequantizeLinear with scale 1 and a Cast."""
    made = {o: node for node in proto.graph.node for o in node.output}
    result = {}
    for value in proto.graph.output:
        cast = made.get(value.name)
        before = None if cast is None or cast.op_type != "Cast" else made.get(cast.input[0])
        if before is None or before.op_type != "DequantizeLinear" or not all(i in constants for i in before.input[1:]):
            continue
        numbers = [numpy_helper.to_array(constants[i]) for i in before.input[1:]]
        is_byte = len(numbers) == 2 and all(n.size == 1 for n in numbers) and numbers[1].dtype == np.int8
        readers = [n for n in proto.graph.node if before.output[0] in n.input or before.input[0] in n.input]
        alone = len(readers) == 2 and before.input[0] in made and cast is not None
        if is_byte and alone and (numbers[0].item(), numbers[1].item()) == (1.0, -128):
            if value.type.tensor_type.elem_type == TensorProto.UINT8:
                result[value.name] = [before, cast]
    return result


def _found(proto: onnx.ModelProto, value: onnx.ValueInfoProto, constants: Mapping[str, TensorProto]) -> _Found | None:
    outputs = {o.name for o in proto.graph.output}
    nodes: list[onnx.NodeProto] = []
    name = value.name
    while not nodes or nodes[-1].op_type != "QuantizeLinear":
        readers = [n for n in proto.graph.node if name in n.input]
        if len(readers) != 1 or name in outputs or readers[0].op_type not in ("Cast", "Sub", "Div", "QuantizeLinear"):
            return None
        if readers[0].input[0] != name or not all(i in constants for i in readers[0].input[1:]):
            return None
        nodes.append(readers[0])
        name = readers[0].output[0]
    arrays = {n.op_type: [numpy_helper.to_array(constants[i]) for i in n.input[1:]] for n in nodes}
    if len(arrays["QuantizeLinear"]) != 2 or any(a.size != 1 for a in arrays["QuantizeLinear"]):
        return None
    scale, zero = arrays["QuantizeLinear"]
    known = Quantization(np.float32(scale.item()), int(zero.item()), str(zero.dtype))
    steps = [n.op_type for n in nodes[:-1]]
    kind = value.type.tensor_type.elem_type
    if kind == TensorProto.FLOAT and steps == ["Sub", "Div"]:
        return _Found(tuple(nodes), known, _features(arrays["Sub"][0], arrays["Div"][0], known), False)
    if kind in _SMALL and steps in (["Cast"], ["Cast", "Sub"]):
        return _of_integers(nodes, arrays, known, onnx.helper.tensor_dtype_to_np_dtype(kind))
    return None


def _of_integers(
    nodes: list[onnx.NodeProto], arrays: Mapping[str, list[np.ndarray]], known: Quantization, dtype: np.dtype
) -> _Found | None:
    """Where the integers behind the Cast are those of the input, but for the sign of bytes."""
    centre = arrays["Sub"][0] if "Sub" in arrays else np.zeros(1)
    is_flipped = dtype == np.uint8 and known.dtype == "int8"
    shift = 128 if is_flipped else 0
    if centre.size != 1 or known.scale != 1.0 or known.zero + shift != centre.item():
        return None
    return _Found(tuple(nodes), known, None, is_flipped) if is_flipped or known.dtype == dtype.name else None


def _features(offset: np.ndarray, scale: np.ndarray, known: Quantization) -> Features:
    """`known`: of what is left when the offsets are taken away, and the scales divided out."""
    axis = next((axis for axis, size in enumerate(scale.shape) if size > 1), scale.ndim - 1)
    scales = scale.reshape(-1) * np.float32(known.scale)
    return Features(tuple(map(float, scales)), tuple(map(float, offset.reshape(-1))), axis)


def _without(
    proto: onnx.ModelProto, found: Mapping[str, _Found], written: Mapping[str, list[onnx.NodeProto]]
) -> onnx.ModelProto:
    """The model whose inputs are what those `quantize` nodes wrote, and whose outputs are what was made into bytes."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    gone = {node.name for f in found.values() for node in f.nodes}
    gone |= {node.name for nodes in written.values() for node in nodes}
    renamed = {f.quantize.output[0]: name for name, f in found.items()}
    renamed |= {nodes[0].input[0]: name for name, nodes in written.items()}
    kept = [node for node in proto.graph.node if node.name not in gone]
    del result.graph.node[:]
    for node in kept:
        made = result.graph.node.add()
        made.CopyFrom(node)
        made.input[:] = [renamed.get(i, i) for i in node.input]
        made.output[:] = [renamed.get(o, o) for o in node.output]
    for value in result.graph.input:
        if value.name in found:
            dtype = np.dtype(found[value.name].quantization.dtype)
            value.type.tensor_type.elem_type = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    for value in result.graph.output:
        if value.name in written:
            value.type.tensor_type.elem_type = TensorProto.INT8
    return result
