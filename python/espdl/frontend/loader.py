# SPDX-License-Identifier: Apache-2.0
"""Reads and checks an ONNX file, and makes its input shapes static."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper

from espdl.errors import EspdlError, first_line
from espdl.foreign import said
from espdl.frontend import fixed, forms, names, non_max_suppression, older, operator_form, recurrent, sizes
from espdl.frontend.external import load_external_data, tensors
from espdl.frontend.shapes import refreshed
from espdl.wording import option

# The QDQ form with per-channel scales needs opset 13.
MINIMUM_OPSET = 13
MAXIMUM_OPSET = 25
# The first with QuantizeLinear to 16 bits.
WIDE_OPSET = 21
# Elements: the largest chips have 32 MB of RAM.
LARGEST_INPUT = 1 << 25
SUPPORTED_INPUTS: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
    TensorProto.UINT16: "uint16",
    TensorProto.INT16: "int16",
    TensorProto.INT64: "int64",
    TensorProto.INT32: "int32",
    TensorProto.BOOL: "bool",
}


@dataclass(frozen=True)
class ValueInfo:
    """An input or output of the model: `shape` in the model's own layout, batch included."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Model:
    """A checked model. `label` is what messages call it; `files` are all files that were read.

    `given`: the model as it came, where it computed with integers itself.
    """

    proto: onnx.ModelProto
    label: str
    inputs: tuple[ValueInfo, ...]
    files: tuple[Path, ...]
    given: onnx.ModelProto | None = None

    @property
    def carries_quantization(self) -> bool:
        """Whether the model already has QuantizeLinear / DequantizeLinear nodes."""
        return any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in self.proto.graph.node)


def load(
    path: str | Path,
    shapes: Mapping[str, Sequence[int]] | None = None,
    values: Mapping[str, Sequence[float]] | None = None,
) -> Model:
    """The model in `path` with every input shape static; `shapes` gives sizes to inputs with dynamic dimensions,
    `values` makes constants of inputs (see `fixed`).

    A dynamic first dimension (the batch) becomes 1. Raises EspdlError for whatever is wrong with the file.
    """
    path = Path(path)
    label = path.name
    proto = _parse(path, label)
    files = load_external_data(proto, path, label)
    _check_text(proto, label)
    forms.separate_initializers(proto)
    fixed.fix(proto, label, values or {})
    inputs = _static_inputs(proto, label, dict(shapes or {}))
    names.name_nodes(proto, unnamed=False)
    _check(proto, label)
    forms.remove_unused(proto)
    _check_tensors(proto, label)
    forms.make_dense(proto.graph)
    _check_types(proto, label)
    given = proto
    proto = expanded = operator_form.expand(given, label)
    _check_domains(proto, label)
    proto = _convert_opset(refreshed(sizes.settle(proto)), label)
    proto = refreshed(sizes.settle(proto))
    if (without := non_max_suppression.expand(proto, label)) is not proto:
        proto = refreshed(sizes.settle(without))
    recurrent.check(proto, label)
    proto = recurrent.sequence_first(proto)
    return Model(proto, label, inputs, (path, *files), None if expanded is given else given)


def _type_name(kind: int) -> str:
    return TensorProto.DataType.Name(kind) if kind in TensorProto.DataType.values() else str(kind)


def _check_types(proto: onnx.ModelProto, label: str) -> None:
    known = {int(kind) for kind in ir.DataType}
    for value in (*proto.graph.output, *proto.graph.value_info):
        kind = value.type.tensor_type.elem_type
        if kind not in known:
            raise EspdlError(
                label,
                f"tensor '{value.name}' has elements of type {_type_name(kind)}, which this compiler does not know",
                "export the model with float32 tensors; a number in the place of a name means that the file is damaged",
            )


def _parse(path: Path, label: str) -> onnx.ModelProto:
    if not path.is_file():
        raise EspdlError(
            label,
            f"there is no such file ({path})",
            f"check {option('model')}",
        )
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except (DecodeError, OSError, ValueError) as error:
        raise EspdlError(
            label, f"it cannot be read as an ONNX model ({error})", "export the model again; the file may be incomplete"
        ) from error
    if not proto.HasField("graph") or not proto.graph.output or not proto.ir_version:
        raise EspdlError(
            label,
            "it is not an ONNX model: it holds no graph with outputs",
            "pass the .onnx file that your framework exported",
        )
    return proto


def _check(proto: onnx.ModelProto, label: str) -> None:
    try:
        onnx.checker.check_model(proto)
    except Exception as error:  # the checker raises several types for one reason: the model is invalid
        told = said(error)
        node = next((n for n in proto.graph.node if told.node and n.name == told.node), None)
        why = f"the ONNX checker rejects it: {told.reason}"
        remedy = "export the model again with a current exporter, or fix it with onnx.checker's help"
        if node is None:
            raise EspdlError(label, why, remedy) from error
        raise EspdlError.at(label, node, why, remedy) from error


def _check_domains(proto: onnx.ModelProto, label: str) -> None:
    domains = {o.domain for o in proto.opset_import} - {"", "ai.onnx"}
    defined = {(function.domain, function.name) for function in proto.functions}
    for node in proto.graph.node:
        if node.domain in domains and (node.domain, node.op_type) not in defined:
            raise EspdlError.at(
                label,
                node,
                f"it belongs to the operator set '{node.domain}', which is not part of ONNX",
                "export the model with standard ONNX operators only",
            )


def _check_tensors(proto: onnx.ModelProto, label: str) -> None:
    """What the checker lets pass: text, and more data than the shape has room for."""
    for tensor in tensors(proto):
        what = f"{label}: tensor '{tensor.name}'"
        if tensor.data_type == TensorProto.STRING:
            why = "it holds text, and the generated C computes with numbers only"
            raise EspdlError(what, why, "cut the graph before the nodes that use it")
        try:
            numpy_helper.to_array(tensor)
        except Exception as error:  # several types for one reason: data and shape do not agree
            why = f"its data is not what its type and shape say ({first_line(error)})"
            raise EspdlError(what, why, "export the model again; the file may be damaged") from error


def _check_text(proto: onnx.ModelProto, label: str) -> None:
    """protobuf returns a name that is no UTF-8 as bytes, or raises."""
    graph = proto.graph
    try:
        texts = [t for n in graph.node for t in (n.name, n.op_type, n.domain, *n.input, *n.output)]
        texts += [a.name for n in graph.node for a in n.attribute]
        texts += [v.name for v in (*graph.initializer, *graph.input, *graph.output, *graph.value_info)]
        broken = any(isinstance(t, bytes) for t in texts)
    except UnicodeDecodeError:
        broken = True
    if broken:
        raise EspdlError(label, "one of its names is not text", "export the model again; the file may be damaged")


def _opset(proto: onnx.ModelProto) -> int:
    return next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 1)


def _convert_opset(proto: onnx.ModelProto, label: str) -> onnx.ModelProto:
    version = _opset(proto)
    if version > MAXIMUM_OPSET:
        raise EspdlError(
            label,
            f"it uses opset {version}, newer than {MAXIMUM_OPSET}",
            f"export it with an opset from {MINIMUM_OPSET} to {MAXIMUM_OPSET}",
        )
    needed = _needed_opset(proto)
    if version >= needed:
        return proto
    try:
        converted = older.convert(proto, version, needed)
    except Exception as error:
        raise EspdlError(
            label,
            f"it uses opset {version} and cannot be converted to {needed} ({first_line(error)})",
            f"export it with opset {needed} or newer",
        ) from error
    converted.ir_version = max(proto.ir_version, 10) if needed == WIDE_OPSET else converted.ir_version
    return converted


def _needed_opset(proto: onnx.ModelProto) -> int:
    """16-bit integers came into QuantizeLinear late; before, ONNX Runtime's tools wrote one of their own."""
    ends = [n for n in proto.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    zero_points = {name for n in ends for name in n.input[2:]}
    types = {t.data_type for t in proto.graph.initializer if t.name in zero_points}
    return WIDE_OPSET if types & {TensorProto.INT16, TensorProto.UINT16} else MINIMUM_OPSET


def _static_inputs(proto: onnx.ModelProto, label: str, shapes: dict[str, Sequence[int]]) -> tuple[ValueInfo, ...]:
    unknown = sorted(set(shapes) - {i.name for i in proto.graph.input})
    if unknown:
        names = ", ".join(i.name for i in proto.graph.input)
        raise EspdlError(
            f"{label}: shape for '{unknown[0]}'", "the model has no such input", f"its inputs are: {names}"
        )
    symbols: dict[str, int] = {}
    return tuple(_static_input(value, label, shapes.get(value.name), symbols) for value in proto.graph.input)


def _static_input(
    value: onnx.ValueInfoProto, label: str, wanted: Sequence[int] | None, symbols: dict[str, int]
) -> ValueInfo:
    what = f"{label}: input '{value.name}'"
    if not value.type.HasField("tensor_type"):
        raise EspdlError(what, "it is not a tensor", "export the model with tensor inputs only")
    tensor = value.type.tensor_type
    if tensor.elem_type not in SUPPORTED_INPUTS:
        supported = ", ".join(SUPPORTED_INPUTS.values())
        raise EspdlError(what, f"its type is {_type_name(tensor.elem_type)}", f"use one of {supported}")
    if not tensor.HasField("shape"):
        raise EspdlError(
            what, "the model does not say its shape", f"pass the shape: {option('shape', f'{value.name}=1,3,32,32')}"
        )
    dims = tensor.shape.dim
    if wanted is not None and len(wanted) != len(dims):
        raise EspdlError(
            what, f"it has {len(dims)} dimensions, the given shape {len(wanted)}", "give one number per dimension"
        )
    for axis, dim in enumerate(dims):
        fixed = dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
        given = wanted[axis] if wanted is not None else None
        if fixed is not None and given not in (None, fixed):
            raise EspdlError(
                what,
                f"dimension {axis} is {fixed} in the model, not {given}",
                "leave the shape away, or export the model with another one",
            )
        if given is None and dim.HasField("dim_value") and (dim.dim_value < -1 or (dim.dim_value == 0 and axis > 0)):
            raise EspdlError(
                what,
                f"dimension {axis} has the size {dim.dim_value}",
                f"export the model with positive sizes, or say the size here ({option('shape', f'{value.name}=...')})",
            )
        size = fixed or given or symbols.get(dim.dim_param) or (1 if axis == 0 else None)
        if size is None:
            raise EspdlError(
                what,
                f"dimension {axis} ('{dim.dim_param or '?'}') has no fixed size, and the C has only static shapes",
                f"pass the shape ({option('shape', f'{value.name}=...')}), or export the model with fixed sizes",
            )
        if dim.dim_param:
            symbols[dim.dim_param] = size
        dim.dim_value = size
    shape = tuple(d.dim_value for d in dims)
    if math.prod(shape) > LARGEST_INPUT:
        raise EspdlError(
            what,
            f"it has {math.prod(shape)} elements, more than any of these chips can hold",
            "export the model for a smaller input",
        )
    return ValueInfo(value.name, shape, SUPPORTED_INPUTS[tensor.elem_type])
