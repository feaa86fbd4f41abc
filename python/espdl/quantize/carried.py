# SPDX-License-Identifier: Apache-2.0
"""Models that carry Q/DQ already, brought to the one form that the rest of the compiler knows.

ONNX Runtime, PyTorch and ESP-PPQ write different kinds of the same thing: uint8 or int8 activations, weights as
integers or as floats with a QuantizeLinear of their own, biases with or without one, pairs on both sides of a ReLU.

- Constants are computed, so that only DequantizeLinear of integers is left of weights.
- uint8 becomes int8 (128 less, zero point too).
- A float bias becomes int32 at input scale * weights scale, rounded: the only step that is not exact.
- A pair before a ReLU goes where the pair behind it has the same scale.
What cannot be taken is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espdl.errors import EspdlError
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.ranges import session

_TAKEN = {"int8", "int16", "int32", "uint8"}
_LAYERS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
# Their results are integers or shapes of integers: harmless to compute at once, like anything of constants.
_KEPT = {"DequantizeLinear"}


def normalise(proto: onnx.ModelProto, label: str) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model in our form, and sentences about what will not be fast. Raises EspdlError."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    for step in (_compute_constants, _move_transposes, _complete_zero_points, _check, _signed, _quantize_biases):
        step(result, label)
    _merge_pairs(result)
    del result.graph.value_info[:]
    result = onnx.shape_inference.infer_shapes(result, data_prop=True)
    return result, tuple(_slow(Graph(result)))


def _what(label: str, node: onnx.NodeProto) -> str:
    return f"{label}: node '{node.name or node.output[0]}' ({node.op_type})"


def _compute_constants(proto: onnx.ModelProto, label: str) -> None:
    """Nodes of constants become constants, except DequantizeLinear."""
    constants = {t.name: t for t in proto.graph.initializer}
    kept = []
    for node in proto.graph.node:
        inputs = [i for i in node.input if i]
        if not inputs or node.op_type in _KEPT or not all(i in constants for i in inputs):
            kept.append(node)
            continue
        for name, value in zip(node.output, _run(proto, node, [constants[i] for i in dict.fromkeys(inputs)])):
            constants[name] = numpy_helper.from_array(value, name)
            proto.graph.initializer.append(constants[name])
    _set_nodes(proto, kept)


def _run(proto: onnx.ModelProto, node: onnx.NodeProto, inputs: list[onnx.TensorProto]) -> list[np.ndarray]:
    graph = helper.make_graph([node], "constant", [], [onnx.ValueInfoProto(name=o) for o in node.output], inputs)
    model = helper.make_model(graph, opset_imports=list(proto.opset_import), ir_version=proto.ir_version)
    return session(model).run(None, {})


def _set_nodes(proto: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    copies = [onnx.NodeProto() for _ in nodes]
    for copy, node in zip(copies, nodes):
        copy.CopyFrom(node)
    del proto.graph.node[:]
    proto.graph.node.extend(copies)


def _replace(proto: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    kept = [t for t in proto.graph.initializer if t.name != name]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    proto.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))


def _add(proto: onnx.ModelProto, name: str, values: np.ndarray) -> str:
    taken = {t.name for t in proto.graph.initializer} | {o for n in proto.graph.node for o in n.output}
    while name in taken:
        name += "_"
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
    return name


def _move_transposes(proto: onnx.ModelProto, label: str) -> None:
    """Transpose of dequantised constants: the integers are transposed instead, so that layers see their weights."""
    graph = Graph(proto)
    kept = []
    for node in proto.graph.node:
        source = graph.producer.get(node.input[0]) if node.op_type == "Transpose" else None
        if source is None or source.op_type != "DequantizeLinear" or not graph.is_constant(source.input[0]):
            kept.append(node)
            continue
        values = graph.array(source.input[0])
        axes = list(attribute(node, "perm", list(range(values.ndim))[::-1]))
        moved = onnx.NodeProto()
        moved.CopyFrom(source)
        moved.name = node.name
        moved.output[0] = node.output[0]
        moved.input[0] = _add(proto, f"{node.output[0]}_values", values.transpose(axes))
        for found in moved.attribute:
            if found.name == "axis":
                found.i = axes.index(found.i % values.ndim)
        kept.append(moved)
    _set_nodes(proto, kept)


def _complete_zero_points(proto: onnx.ModelProto, label: str) -> None:
    """A missing zero point is a uint8 zero for QuantizeLinear, a zero of the input's type for DequantizeLinear."""
    graph = Graph(proto)
    written: dict[str, np.dtype] = {}
    for node in proto.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        if len(node.input) > 2 and node.input[2]:
            if graph.is_constant(node.input[2]):
                written[node.output[0]] = graph.array(node.input[2]).dtype
            continue
        dtype = np.dtype(np.uint8)
        kind = attribute(node, "output_dtype", 0)
        if kind:
            dtype = helper.tensor_dtype_to_np_dtype(kind)
        if node.op_type == "DequantizeLinear":
            if graph.is_constant(node.input[0]):
                dtype = graph.array(node.input[0]).dtype
            else:
                dtype = written.get(node.input[0], dtype)
        written[node.output[0]] = dtype
        shape = graph.array(node.input[1]).shape if graph.is_constant(node.input[1]) else ()
        del node.input[2:]
        node.input.append(_add(proto, f"{node.output[0]}_zero_point", np.zeros(shape, dtype)))


def _check(proto: onnx.ModelProto, label: str) -> None:
    graph = Graph(proto)
    for node in graph.nodes:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            if node.op_type in (
                "QLinearConv",
                "QLinearMatMul",
                "ConvInteger",
                "MatMulInteger",
                "DynamicQuantizeLinear",
            ):
                raise EspdlError(
                    _what(label, node),
                    "the model is quantised in the operator form, not with QuantizeLinear and DequantizeLinear",
                    "export it in QDQ form (QuantFormat.QDQ in ONNX Runtime), or pass the float model",
                )
            continue
        if not all(graph.is_constant(name) for name in node.input[1:]):
            raise EspdlError(_what(label, node), "its scale is computed at run time", "use static quantisation")
        scale, zero_point = graph.array(node.input[1]), graph.array(node.input[2])
        if str(zero_point.dtype) not in _TAKEN or attribute(node, "block_size", 0):
            raise EspdlError(
                _what(label, node),
                f"its integers are {zero_point.dtype}{' in blocks' if attribute(node, 'block_size', 0) else ''}",
                "quantise to int8 (or int16 activations), one scale per tensor or per channel",
            )
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise EspdlError(_what(label, node), "its scale is not positive and finite", "quantise the model again")
        if scale.size > 1 and not graph.is_constant(node.input[0]):
            raise EspdlError(
                _what(label, node),
                "an activation has one scale per channel",
                "quantise activations per tensor; only weights can have one scale per channel",
            )


def _signed(proto: onnx.ModelProto, label: str) -> None:
    """uint8 to int8: every zero point and every constant 128 less. What lies between moves data, whatever its type."""
    graph = Graph(proto)
    if not any(graph.array(n.input[2]).dtype == np.uint8 for n in graph.nodes if "Linear" in n.op_type):
        return
    for name in {n for n in (*graph.inputs, *graph.outputs) if graph._elem_types.get(n) == TensorProto.UINT8}:
        raise EspdlError(
            f"{label}: tensor '{name}'",
            "an input or output of the model is uint8 itself",
            "begin the model with QuantizeLinear and end it with DequantizeLinear; IO uint8 then gives the C uint8",
        )
    done: set[str] = set()
    for node in proto.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        data = node.input[0]
        changed = [node.input[2]]
        if node.op_type == "DequantizeLinear" and graph.is_constant(data):
            changed.append(data)
        for name in changed:
            values = graph.array(name)
            if values.dtype == np.uint8 and name not in done:
                _replace(proto, name, (values.astype(np.int16) - 128).astype(np.int8))
                done.add(name)
        for found in node.attribute:
            if found.name == "output_dtype" and found.i == TensorProto.UINT8:
                found.i = TensorProto.INT8


def _quantize_biases(proto: onnx.ModelProto, label: str) -> None:
    """Float biases of layers whose data and weights are dequantised."""
    graph = Graph(proto)
    before: dict[str, onnx.NodeProto] = {}
    for node in proto.graph.node:
        scale = _accumulator_scale(graph, node)
        place = _bias_place(graph, node)
        if scale is None or place is None:
            continue
        owner, index = place
        owner = next(n for n in proto.graph.node if n.output[0] == owner.output[0])
        bias = graph.array(owner.input[index]).astype(np.float64)
        channels = np.broadcast_to(scale, bias.shape) if scale.size in (1, bias.shape[-1] if bias.ndim else 1) else None
        if channels is None:
            continue
        values = np.rint(bias / channels)
        if np.abs(values).max(initial=0.0) >= 2**31:
            raise EspdlError(
                _what(label, node),
                "its bias does not fit 32 bits at input scale * weights scale",
                "quantise the model again with larger weight scales; a nearly dead channel is the usual cause",
            )
        name = f"{owner.output[0]}_bias"
        flat = scale.astype(np.float32).reshape(-1) if scale.size > 1 else np.float32(scale.reshape(()))
        inputs = [
            _add(proto, f"{name}_quantized", values.astype(np.int32)),
            _add(proto, f"{name}_scale", flat),
            _add(proto, f"{name}_zero_point", np.zeros(np.shape(flat), np.int32)),
        ]
        axis = {"axis": bias.ndim - 1} if np.ndim(flat) else {}
        result = f"{name}_dequantized"
        before[owner.output[0]] = helper.make_node("DequantizeLinear", inputs, [result], name=result, **axis)
        owner.input[index] = result
    nodes = []
    for node in proto.graph.node:
        nodes += [before[node.output[0]], node] if node.output[0] in before else [node]
    _set_nodes(proto, nodes)


def _accumulator_scale(graph: Graph, node: onnx.NodeProto) -> np.ndarray | None:
    """float64: input scale * weights scale; None where one of them is not quantised."""
    if node.op_type not in _LAYERS or node.op_type == "ConvTranspose":
        return None
    data, weights = (graph.producer.get(name) for name in node.input[:2])
    for source in (data, weights):
        if source is None or source.op_type != "DequantizeLinear":
            return None
    if not graph.is_constant(weights.input[0]):
        return None
    return graph.array(data.input[1]).astype(np.float64) * graph.array(weights.input[1]).astype(np.float64)


def _bias_place(graph: Graph, node: onnx.NodeProto) -> tuple[onnx.NodeProto, int] | None:
    """The node and index at which a layer's float bias is read."""
    if node.op_type == "MatMul":
        reader = graph.only_consumer(node.output[0])
        if reader is None or reader.op_type != "Add":
            return None
        index = next((i for i, n in enumerate(reader.input) if graph.is_constant(n) and graph.is_float(n)), None)
        if index is None or any(d != 1 for d in graph.array(reader.input[index]).shape[:-1]):
            return None
        return reader, index
    if len(node.input) > 2 and graph.is_constant(node.input[2]) and graph.is_float(node.input[2]):
        return (node, 2) if graph.array(node.input[2]).ndim == 1 else None
    return None


def _merge_pairs(proto: onnx.ModelProto) -> None:
    """layer, Q, DQ, ReLU, Q with one scale: the first pair goes, because clamping commutes with rounding."""
    while (found := _pair_to_merge(Graph(proto))) is not None:
        quantize, dequantize, activation = found
        reader = next(n for n in proto.graph.node if n.name == activation.name and n.output == activation.output)
        reader.input[0] = quantize.input[0]
        gone = {quantize.output[0], dequantize.output[0]}
        _set_nodes(proto, [n for n in proto.graph.node if n.output[0] not in gone])


def _pair_to_merge(graph: Graph) -> tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto] | None:
    for activation in graph.nodes:
        if activation.op_type != "Relu":
            continue
        dequantize = graph.producer.get(activation.input[0])
        quantize = graph.producer.get(dequantize.input[0]) if dequantize is not None else None
        behind = graph.only_consumer(activation.output[0])
        if quantize is None or quantize.op_type != "QuantizeLinear" or dequantize.op_type != "DequantizeLinear":
            continue
        maker = graph.producer.get(quantize.input[0])
        once: Callable[[str], bool] = lambda name: graph.only_consumer(name) is not None  # noqa: E731
        if (
            behind is not None
            and behind.op_type == "QuantizeLinear"
            and maker is not None
            and maker.op_type in _LAYERS | {"Add"}
            and all(once(n.output[0]) for n in (maker, quantize, dequantize))
            and _same(graph, quantize, behind)
            and _same(graph, quantize, dequantize)
        ):
            return quantize, dequantize, activation
    return None


def _same(graph: Graph, a: onnx.NodeProto, b: onnx.NodeProto) -> bool:
    return all(np.array_equal(graph.array(x), graph.array(y)) for x, y in zip(a.input[1:], b.input[1:]))


def _slow(graph: Graph) -> list[str]:
    """Layers that no integer kernel takes because of how they were quantised."""
    found = []
    for node in graph.nodes:
        if node.op_type not in _LAYERS:
            continue
        weights = graph.producer.get(node.input[1])
        if weights is None or weights.op_type != "DequantizeLinear" or not graph.is_constant(weights.input[0]):
            continue
        if graph.array(weights.input[2]).any():
            found.append(
                f"node '{node.name}': its weights have a zero point other than 0, so that it runs in floats; quantise"
                " weights symmetrically (int8)"
            )
    return found


def is_power_of_two(proto: onnx.ModelProto) -> bool:
    """Whether all layers can requantise with a shift: input scale * weights scale / output scale is 2**-n, 0 <= n <=
    31.
    """
    graph = Graph(proto)
    for node in graph.nodes:
        scale = _accumulator_scale(graph, node)
        if scale is None:
            continue
        name = node.output[0]
        while (reader := graph.only_consumer(name)) is not None and reader.op_type != "QuantizeLinear":
            name = reader.output[0]
        if reader is None:
            continue
        mantissas, exponents = np.frexp(scale / graph.array(reader.input[1]).astype(np.float64))
        if (mantissas != 0.5).any() or (exponents > 1).any() or (exponents < -30).any():
            return False
    return True
