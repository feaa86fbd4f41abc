# SPDX-License-Identifier: Apache-2.0
"""Valid models, and ways to break them. Everything follows from a seed: a case can be run again by its number."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

EXTREMES = (-(2**63), -(2**40), -(2**31), -7, -1, 0, 1, 2, 3, 7, 255, 2**31 - 1, 2**31, 2**40, 2**62)
NAMES = (
    "",
    " ",
    "a\nb",
    '"',
    "*/",
    "%s%n",
    "<script>alert(1)</script>",
    "é漢字",
    "x" * 10_000,
    "../../up",
    "\\",
    "$(id)",
    "t1_",
)
OPTIONS = ({}, {}, {}, {"scheme": "power_of_two"}, {"precision": "int16x8"}, {"effort": "best"}, {"int16": "conv"})
TYPES = tuple(TensorProto.DataType.values())


def corpus() -> list[onnx.ModelProto]:
    """Small valid models; each takes `image` [1, 2, 6, 6]."""
    rng = np.random.default_rng(3)

    def weights(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32) / 4, name)

    parameters = [weights("w", 4, 2, 3, 3), weights("b", 4)]
    return [
        _model(*_residual(parameters, weights), [1, 5]),
        _model(*_loose(parameters), [1, 1, 1, 8]),
        _model(*_recurrent(weights), [1, 8]),
        _model(*_carried(helper.make_node), [1, 4, 6, 6]),
    ]


def _model(nodes: list, initializers: list, out: list[int]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 2, 6, 6])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, out)],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _conv() -> onnx.NodeProto:
    return helper.make_node("Conv", ["image", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1], strides=[1, 1], group=1)


def _shape() -> TensorProto:
    return numpy_helper.from_array(np.array([1, -1]), "shape")


def _residual(parameters: list[TensorProto], weights: Callable[..., TensorProto]) -> tuple[list, list]:
    node = helper.make_node
    nodes = [
        _conv(),
        node("Relu", ["c"], ["r"], name="relu"),
        node("Conv", ["r", "w2"], ["d"], name="depthwise", group=4, pads=[1, 1, 1, 1]),
        node("Add", ["r", "d"], ["s"], name="sum"),
        node("MaxPool", ["s"], ["m"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Reshape", ["m", "shape"], ["f"], name="flat"),
        node("Gemm", ["f", "w3", "b3"], ["g"], name="dense", transB=1),
        node("Softmax", ["g"], ["scores"], name="softmax", axis=1),
    ]
    return nodes, [*parameters, weights("w2", 4, 1, 3, 3), weights("w3", 5, 36), weights("b3", 5), _shape()]


def _loose(parameters: list[TensorProto]) -> tuple[list, list]:
    node = helper.make_node
    nodes = [
        _conv(),
        node("Sigmoid", ["c"], ["g"], name="gate"),
        node("Mul", ["c", "g"], ["u"], name="swish"),
        node("ReduceMean", ["u"], ["v"], name="mean", axes=[2, 3], keepdims=1),
        node("Concat", ["v", "v"], ["k"], name="concat", axis=1),
        node("Transpose", ["k"], ["scores"], name="transpose", perm=[0, 2, 3, 1]),
    ]
    return nodes, [*parameters, numpy_helper.from_array(np.array([2, 3]), "axes")]


def _recurrent(weights: Callable[..., TensorProto]) -> tuple[list, list]:
    node = helper.make_node
    gru = {"hidden_size": 4, "direction": "bidirectional", "linear_before_reset": 1}
    nodes = [
        node("Reshape", ["image", "steps"], ["x"], name="steps"),
        node("LSTM", ["x", "wl", "rl", "bl"], ["h"], name="lstm", hidden_size=4),
        node("Reshape", ["h", "states"], ["s"], name="states"),
        node("GRU", ["s", "wg", "rg"], ["", "last"], name="gru", **gru),
        node("Reshape", ["last", "shape"], ["scores"], name="flat"),
    ]
    gates = [weights("wl", 1, 16, 12), weights("rl", 1, 16, 4), weights("bl", 1, 32)]
    gates += [weights("wg", 2, 12, 4), weights("rg", 2, 12, 4)]
    gates += [numpy_helper.from_array(np.array([6, 1, 12]), "steps"), _shape()]
    return nodes, [*gates, numpy_helper.from_array(np.array([6, 1, 4]), "states")]


def _carried(node: Callable[..., onnx.NodeProto]) -> tuple[list, list]:
    """A convolution and a pool that came quantised."""
    rng = np.random.default_rng(4)
    scales = {"si": 0.01, "sa": 0.02, "sw": 0.01, "sb": 0.0001}
    values = {name: np.array(value, np.float32) for name, value in scales.items()}
    values |= {"z": np.array(3, np.int8), "zw": np.array(0, np.int8), "zb": np.array(0, np.int32)}
    values["qw"] = rng.integers(-127, 128, (4, 2, 3, 3)).astype(np.int8)
    values["qb"] = rng.integers(-500, 500, 4).astype(np.int32)
    nodes = [
        node("QuantizeLinear", ["image", "si", "z"], ["qi"], name="qi"),
        node("DequantizeLinear", ["qi", "si", "z"], ["i"], name="di"),
        node("DequantizeLinear", ["qw", "sw", "zw"], ["w"], name="dw"),
        node("DequantizeLinear", ["qb", "sb", "zb"], ["b"], name="db"),
        node("Conv", ["i", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        node("QuantizeLinear", ["c", "sa", "z"], ["qc"], name="qc"),
        node("DequantizeLinear", ["qc", "sa", "z"], ["d"], name="dc"),
        node("MaxPool", ["d"], ["m"], name="pool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        node("QuantizeLinear", ["m", "sa", "z"], ["qm"], name="qm"),
        node("DequantizeLinear", ["qm", "sa", "z"], ["scores"], name="dm"),
    ]
    return nodes, [numpy_helper.from_array(array, name) for name, array in values.items()]


def options(seed: int) -> dict[str, str]:
    """How case number `seed` is compiled."""
    return random.Random(-1 - seed).choice(OPTIONS)


def mutate(seed: int) -> bytes:
    """The file of case number `seed`."""
    rng = random.Random(seed)
    proto = rng.choice(corpus())
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(STRUCTURED)(proto, rng)
    content = proto.SerializeToString()
    if rng.random() < 0.3:
        content = rng.choice(RAW)(content, rng)
    return content


def _flip_bits(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 4, 32))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _truncate(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.randbytes(rng.choice((1, 8, 200))) + content[place:]


RAW: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip_bits, _truncate, _insert)


def _attribute(proto: onnx.ModelProto, rng: random.Random) -> None:
    nodes = [n for n in proto.graph.node if n.attribute]
    if not nodes:
        return
    attribute = rng.choice(rng.choice(nodes).attribute)
    if attribute.type == AttributeProto.INTS:
        if rng.random() < 0.2:
            del attribute.ints[:]
        elif attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(EXTREMES)
        if rng.random() < 0.2:
            attribute.ints.append(rng.choice(EXTREMES))
    elif attribute.type == AttributeProto.INT:
        attribute.i = rng.choice(EXTREMES)
    if rng.random() < 0.1:
        attribute.name = rng.choice(("axis", "pads", "group", "unknown"))


def _input_shape(proto: onnx.ModelProto, rng: random.Random) -> None:
    value = rng.choice((*proto.graph.input, *proto.graph.output))
    dims = value.type.tensor_type.shape.dim
    kind = rng.random()
    if kind < 0.2 or not dims:
        value.type.tensor_type.shape.dim.add().dim_value = rng.choice(EXTREMES)
    elif kind < 0.3:
        value.type.tensor_type.ClearField("shape")
    elif kind < 0.4:
        rng.choice(dims).dim_param = rng.choice(NAMES)
    else:
        rng.choice(dims).dim_value = rng.choice(EXTREMES)


def _element_type(proto: onnx.ModelProto, rng: random.Random) -> None:
    values = [v.type.tensor_type for v in (*proto.graph.input, *proto.graph.output)]
    rng.choice(values).elem_type = rng.choice((*TYPES, 99))


def _weights(proto: onnx.ModelProto, rng: random.Random) -> None:
    if not proto.graph.initializer:
        return
    tensor = rng.choice(proto.graph.initializer)
    kind = rng.randrange(6)
    if kind == 0 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(EXTREMES)
    elif kind == 1:
        tensor.data_type = rng.choice((*TYPES, 99))
    elif kind == 2:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
    elif kind == 3:
        inside = tensor.data_type == TensorProto.FLOAT and tensor.data_location != TensorProto.EXTERNAL
        values = numpy_helper.to_array(tensor).copy() if inside and len(tensor.raw_data) == 4 * _count(tensor) else None
        if values is not None and values.size:
            values.flat[rng.randrange(values.size)] = rng.choice((np.nan, np.inf, -np.inf, 1e30, 1e-40, 0.0))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    elif kind == 4:
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = (
            "location",
            rng.choice(("/etc/passwd", "../other.bin", "missing.bin", "", "a\0b", "C:\\x")),
        )
        tensor.ClearField("raw_data")
    else:
        tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.STRING, [1], [b"text"]))


def _count(tensor: TensorProto) -> int:
    return int(np.prod([max(d, 0) for d in tensor.dims], dtype=object))


def _sparse(proto: onnx.ModelProto, rng: random.Random) -> None:
    values = helper.make_tensor("sparse", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("sparse_i", TensorProto.INT64, [1], [rng.choice(EXTREMES)])
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [rng.choice(EXTREMES)]))


def _rewire(proto: onnx.ModelProto, rng: random.Random) -> None:
    """Cycles, missing values, values used twice."""
    names = [o for n in proto.graph.node for o in n.output] + ["image", "w", "nowhere", ""]
    node = rng.choice(proto.graph.node)
    side = node.input if rng.random() < 0.7 or not node.output else node.output
    if side:
        side[rng.randrange(len(side))] = rng.choice(names)


def _rename(proto: onnx.ModelProto, rng: random.Random) -> None:
    old, new = rng.choice([o for n in proto.graph.node for o in n.output] + ["image"]), rng.choice(NAMES)
    for node in proto.graph.node:
        node.input[:] = [new if i == old else i for i in node.input]
        node.output[:] = [new if o == old else o for o in node.output]
    for value in (*proto.graph.input, *proto.graph.output):
        value.name = new if value.name == old else value.name
    rng.choice(proto.graph.node).name = rng.choice(NAMES)


def _operator(proto: onnx.ModelProto, rng: random.Random) -> None:
    operators = (
        "NonZero",
        "Loop",
        "If",
        "Relu",
        "Conv",
        "Add",
        "Identity",
        "TopK",
        "Fancy",
        "LSTM",
        "Constant",
        "Range",
        "",
    )
    node = rng.choice(proto.graph.node)
    node.op_type = rng.choice(operators)
    if rng.random() < 0.2:
        node.domain = rng.choice(("com.example", "ai.onnx.ml", "com.microsoft"))


def _version(proto: onnx.ModelProto, rng: random.Random) -> None:
    if rng.random() < 0.5 and proto.opset_import:
        proto.opset_import[0].version = rng.choice((0, 1, 6, 9, 11, 12, 20, 24, 99, 2**40))
    elif rng.random() < 0.5:
        proto.ir_version = rng.choice((0, 1, 3, 99, 2**40))
    else:
        del proto.opset_import[:]


def _remove(proto: onnx.ModelProto, rng: random.Random) -> None:
    graph = proto.graph
    fields = [f for f in (graph.node, graph.initializer, graph.input, graph.output) if len(f)]
    if fields:
        field = rng.choice(fields)
        del field[rng.randrange(len(field))]


def _duplicate(proto: onnx.ModelProto, rng: random.Random) -> None:
    graph = proto.graph
    field = rng.choice(
        [f for f in (graph.node, graph.initializer, graph.input, graph.output) if len(f)] or [graph.node]
    )
    if field:
        field.add().CopyFrom(rng.choice(field))


STRUCTURED: tuple[Callable[[onnx.ModelProto, random.Random], None], ...] = (
    _attribute,
    _attribute,
    _input_shape,
    _element_type,
    _weights,
    _weights,
    _sparse,
    _rewire,
    _rename,
    _operator,
    _version,
    _remove,
    _duplicate,
)
