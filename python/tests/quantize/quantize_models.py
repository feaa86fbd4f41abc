# SPDX-License-Identifier: CC0-1.0
"""Small networks with random weights for the tests of the quantiser, and how they are run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espdl import frontend, pipeline
from espdl.frontend import Model
from espdl.quantize.ranges import session
from espdl.verify import reference, samples


class Builder:
    """Grows a float model node by node; every method returns the name of the new tensor."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]

    def constant(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"node_{name}", **attributes))
        return name

    def conv(self, x: str, inputs: int, outputs: int, kernel: int = 3, pad: int = 1, groups: int = 1, **more) -> str:
        weights = self.random.normal(
            0, (kernel * kernel * inputs / groups) ** -0.5, (outputs, inputs // groups, kernel, kernel)
        )
        bias = self.random.normal(0, 0.2, outputs)
        constants = [self.constant(v.astype(np.float32)) for v in (weights, bias)]
        return self.node("Conv", x, *constants, pads=[pad] * 4, group=groups, **more)

    def gemm(self, x: str, inputs: int, outputs: int) -> str:
        weights = self.random.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32)
        return self.node("Gemm", x, self.constant(weights), self.constant(np.zeros(outputs, np.float32)), transB=1)

    def model(self, *outputs: str, opset: int = 13) -> onnx.ModelProto:
        values = [onnx.ValueInfoProto(name=o) for o in outputs]
        graph = helper.make_graph(self.nodes, "net", self.inputs, values, self.constants)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        inferred = onnx.shape_inference.infer_shapes(proto)
        shapes = {v.name: v for v in inferred.graph.value_info}
        for i, output in enumerate(outputs):
            if output in shapes:
                inferred.graph.output[i].CopyFrom(shapes[output])
        return inferred


class Writer(Builder):
    """A network in QDQ form by hand; `dtype` of activations."""

    def __init__(self, dtype: type = np.int8):
        super().__init__((1, 3, 12, 12))
        self.dtype = dtype

    def pair(self, x: str, scale: float, zero_point: int | None = 0) -> str:
        """Quantise and dequantise; `zero_point` in int8, None: written without one."""
        zero = []
        if zero_point is not None:
            zero = [self.constant(np.array(zero_point + (128 if self.dtype is np.uint8 else 0), self.dtype))]
        scale_name = self.constant(np.float32(scale))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, scale_name, *zero), scale_name, *zero)

    def weights(self, shape: tuple[int, ...], style: str) -> str:
        """int8 weights of scale 1/64 per channel, as integers, as floats that are quantised, or transposed."""
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        scale = self.constant(np.full(shape[0], 1 / 64, np.float32))
        zero = self.constant(np.zeros(shape[0], np.int8))
        if style == "floats":
            quantized = self.node("QuantizeLinear", self.constant(values / np.float32(64)), scale, zero, axis=0)
        else:
            quantized = self.constant(values)
        return self.node("DequantizeLinear", quantized, scale, zero, axis=0)


def classifier(seed: int = 0, softmax: bool = True) -> onnx.ModelProto:
    """Padded, depthwise, 1x1 and strided convolutions, a residual sum, pools, a dense layer and a softmax."""
    b = Builder((1, 3, 12, 12), seed)
    x = b.node("Relu", b.conv("x", 3, 8))
    d = b.node("Relu", b.conv(x, 8, 8, groups=8))
    p = b.node("Relu", b.conv(d, 8, 8, kernel=1, pad=0))
    s = b.node("Relu", b.node("Add", x, p))
    m = b.node("MaxPool", s, kernel_shape=[2, 2], strides=[2, 2])
    q = b.node("Relu", b.conv(m, 8, 16, kernel=1, pad=0))
    a = b.node("AveragePool", q, kernel_shape=[6, 6])
    f = b.node("Flatten", a)
    y = b.gemm(f, 16, 5)
    return b.model(b.node("Softmax", y, axis=-1) if softmax else y)


def data(count: int = 24, shape: tuple[int, ...] = (3, 12, 12), seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, *shape)).astype(np.float32)


def load(proto: onnx.ModelProto, folder: Path) -> Model:
    onnx.save(proto, folder / "net.onnx")
    return frontend.load(folder / "net.onnx")


def compiled(proto: onnx.ModelProto, calibration: np.ndarray | None, folder: Path, **options) -> pipeline.Compilation:
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, folder / "net.onnx")
    if calibration is not None:
        np.save(folder / "calib.npy", calibration)
        options["calibration"] = str(folder / "calib.npy")
    return pipeline.compile_model(
        pipeline.Options(str(folder / "net.onnx"), "net", str(folder / "generated"), **options)
    )


def run_float(proto: onnx.ModelProto, inputs: np.ndarray, output: str | None = None) -> np.ndarray:
    runner = session(proto, [output] if output else [])
    name = proto.graph.input[0].name
    names = [output] if output else None
    return np.stack([runner.run(names, {name: x[np.newaxis]})[0] for x in inputs])


def run_plan(compilation: pipeline.Compilation, inputs: np.ndarray) -> np.ndarray:
    """The first output of the exact reference, as integers, [N, ...]."""
    plan = compilation.plan
    tensors = samples.to_tensors(plan, {compilation.model.inputs[0].name: inputs})
    port = plan.outputs[0].tensor
    return np.stack([reference.run(plan, {n: v[i] for n, v in tensors.items()})[port] for i in range(len(inputs))])


def real(compilation: pipeline.Compilation, integers: np.ndarray) -> np.ndarray:
    plan = compilation.plan
    return samples.to_float(plan, {plan.outputs[0].name: integers})[plan.outputs[0].name]
