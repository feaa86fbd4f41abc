#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The topologies of the four MLPerf Tiny networks with random weights, for those who do not have the trained ones;
large networks, and small ones of other kinds.

`write()` makes what the data folder of the trained networks holds as well: `<network>/model.onnx` (float32, opset 13 or
17, batch 1, NCHW), `calib.npy` and `eval.npz` (`x`, `y_ref`: what ONNX Runtime gives). Speed, memory and code size are
close to those of the trained networks; accuracy means nothing here. Equal at every call.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

CALIBRATION_SAMPLES = 8
EVALUATION_SAMPLES = 4


class Builder:
    """Appends layers to a graph; each method takes and returns names of tensors."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: np.ndarray) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def weights(self, shape: Sequence[int], fan_in: int) -> str:
        """Normal, of such a size that values neither grow nor vanish behind a ReLU (He's initialisation)."""
        return self.constant((self.random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32))

    def bias(self, count: int) -> str:
        return self.constant((self.random.standard_normal(count) * 0.1).astype(np.float32))

    def conv(self, x: str, inputs: int, outputs: int, kernel, stride=1, pads=(0, 0, 0, 0), relu=True) -> str:
        """`kernel` and `stride`: one number, or (height, width); `pads`: top, left, bottom, right."""
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        weights = self.weights((outputs, inputs, height, width), inputs * height * width)
        y = self.node("Conv", x, weights, self.bias(outputs), strides=[stride, stride], pads=list(pads))
        return self.node("Relu", y) if relu else y

    def depthwise(self, x: str, channels: int, stride=1, pads=(1, 1, 1, 1), relu=True) -> str:
        weights = self.weights((channels, 1, 3, 3), 9)
        y = self.node(
            "Conv", x, weights, self.bias(channels), strides=[stride, stride], pads=list(pads), group=channels
        )
        return self.node("Relu", y) if relu else y

    def dense(self, x: str, inputs: int, outputs: int, relu=False) -> str:
        y = self.node("MatMul", x, self.weights((inputs, outputs), inputs))
        y = self.node("Add", y, self.bias(outputs))
        return self.node("Relu", y) if relu else y

    def head(self, x: str, kernel: Sequence[int], inputs: int, outputs: int) -> str:
        """Average over the whole plane, a dense layer, softmax."""
        x = self.node("AveragePool", x, kernel_shape=list(kernel), strides=list(kernel))
        return self.node("Softmax", self.dense(self.reshape(x, -1, inputs), inputs, outputs))

    def silu(self, x: str) -> str:
        return self.node("Mul", x, self.node("Sigmoid", x))

    def hard_swish(self, x: str) -> str:
        """As frameworks export it without the operator of opset 14."""
        inner = self.node("Add", x, self.constant(np.float32(3)))
        inner = self.node("Clip", inner, self.constant(np.float32(0)), self.constant(np.float32(6)))
        return self.node("Div", self.node("Mul", x, inner), self.constant(np.float32(6)))

    def twice(self, x: str) -> str:
        """Every pixel four times."""
        scales = self.constant(np.float32([1, 1, 2, 2]))
        return self.node("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric")

    def reshape(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(np.int64(shape)))

    def model(
        self, name: str, shape: Sequence[int], outputs: Mapping[str, Sequence[int]], opset: int = 13
    ) -> onnx.ModelProto:
        """`outputs`: tensors and their shapes."""
        ports = [("input", shape), *outputs.items()]
        values = [helper.make_tensor_value_info(port, TensorProto.FLOAT, extents) for port, extents in ports]
        graph = helper.make_graph(self.nodes, name, values[:1], values[1:], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def ic_resnet8() -> onnx.ModelProto:
    """ResNet-8 for images of 32x32."""
    b = Builder(1)
    x = b.conv("input", 3, 16, 3, pads=(1, 1, 1, 1))
    channels = 16
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        first_pads = (1, 1, 1, 1) if stride == 1 else (0, 0, 1, 1)
        y = b.conv(x, channels, outputs, 3, stride, first_pads)
        y = b.conv(y, outputs, outputs, 3, pads=(1, 1, 1, 1), relu=False)
        skipped = x if stride == 1 else b.conv(x, channels, outputs, 1, stride, relu=False)
        x = b.node("Relu", b.node("Add", skipped, y))
        channels = outputs
    return b.model("ic_resnet8", (1, 3, 32, 32), {b.head(x, (8, 8), 64, 10): (1, 10)})


def kws_dscnn() -> onnx.ModelProto:
    """DS-CNN for keywords, on 49 frames of 10 MFCC."""
    b = Builder(2)
    x = b.conv("input", 1, 64, (10, 4), 2, (4, 1, 5, 1))
    for _ in range(4):
        x = b.conv(b.depthwise(x, 64), 64, 64, 1)
    return b.model("kws_dscnn", (1, 1, 49, 10), {b.head(x, (25, 5), 64, 12): (1, 12)})


def vww_mobilenet() -> onnx.ModelProto:
    """MobileNetV1 of width 0.25 for images of 96x96."""
    b = Builder(3)
    x = b.conv("input", 3, 8, 3, 2, (0, 0, 1, 1))
    channels = 8
    for outputs, stride in [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)]:
        x = b.depthwise(x, channels, stride, (1, 1, 1, 1) if stride == 1 else (0, 0, 1, 1))
        x = b.conv(x, channels, outputs, 1)
        channels = outputs
    return b.model("vww_mobilenet", (1, 3, 96, 96), {b.head(x, (3, 3), 256, 2): (1, 2)})


def ad_autoencoder() -> onnx.ModelProto:
    """Fully connected autoencoder of 640 values."""
    b = Builder(4)
    x = "input"
    sizes = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    for inputs, outputs in zip(sizes, sizes[1:]):
        x = b.dense(x, inputs, outputs, relu=True)
    return b.model("ad_autoencoder", (1, 640), {b.dense(x, 128, 640): (1, 640)})


def _mobilenet_v2(width: float, size: int, seed: int) -> onnx.ModelProto:
    """MobileNetV2 for images of `size` x `size` and 1000 classes: https://arxiv.org/abs/1801.04381, table 2."""
    b = Builder(seed)

    def channels_of(count: int) -> int:
        rounded = max(8, int(count * width + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * count * width else rounded

    def conv(x: str, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, relu: bool = True) -> str:
        nonlocal size
        size_after = -(-size // stride)
        missing = max(0, (size_after - 1) * stride + kernel - size)
        before, size = missing // 2, size_after
        pads = (before, before, missing - before, missing - before)
        groups = inputs if kernel == 3 and inputs == outputs else 1
        weights = b.weights((outputs, inputs // groups, kernel, kernel), kernel * kernel * inputs // groups)
        strides = [stride, stride]
        y = b.node("Conv", x, weights, b.bias(outputs), strides=strides, pads=list(pads), group=groups)
        return b.node("Clip", y, *bounds) if relu else y

    bounds = [b.constant(np.float32(value)) for value in (0, 6)]
    channels = channels_of(32)
    x = conv("input", 3, channels, 3, 2)
    for expansion, outputs, repeats, first_stride in MOBILENET_V2:
        outputs = channels_of(outputs)
        for stride in [first_stride] + [1] * (repeats - 1):
            inner = channels * expansion
            y = conv(x, channels, inner) if expansion > 1 else x
            y = conv(conv(y, inner, inner, 3, stride), inner, outputs, relu=False)
            x = b.node("Add", x, y) if stride == 1 and channels == outputs else y
            channels = outputs
    last = max(1280, channels_of(1280))
    x = conv(x, channels, last)
    return b.model("mobilenet_v2", (1, 3, 32 * size, 32 * size), {b.head(x, (size, size), last, 1000): (1, 1000)})


# Expansion, output channels, repetitions and stride of the first of them.
MOBILENET_V2 = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v2_035() -> onnx.ModelProto:
    """Of width 0.35, for images of 160x160."""
    return _mobilenet_v2(0.35, 160, 5)


def mobilenet_v2() -> onnx.ModelProto:
    """Of width 1.0, for images of 224x224."""
    return _mobilenet_v2(1.0, 224, 6)


def unet() -> onnx.ModelProto:
    """Four classes for each pixel of 32x32: two levels down by pools, up by transposed convolutions, with skips."""
    b = Builder(7)

    def block(x: str, inputs: int, outputs: int) -> str:
        for channels in (inputs, outputs):
            x = b.conv(x, channels, outputs, 3, pads=(1, 1, 1, 1))
        return x

    first = block("input", 3, 12)
    second = block(b.node("MaxPool", first, kernel_shape=[2, 2], strides=[2, 2]), 12, 24)
    x = block(b.node("MaxPool", second, kernel_shape=[2, 2], strides=[2, 2]), 24, 48)
    for inputs, outputs, skipped in ((48, 24, second), (24, 12, first)):
        up = b.weights((inputs, outputs, 2, 2), inputs)
        x = b.node("ConvTranspose", x, up, b.bias(outputs), kernel_shape=[2, 2], strides=[2, 2])
        x = block(b.node("Concat", x, skipped, axis=1), 2 * outputs, outputs)
    mask = b.node("Softmax", b.conv(x, 12, 4, 1, relu=False), axis=1)
    return b.model("unet", (1, 3, 32, 32), {mask: (1, 4, 32, 32)})


def yolo_head() -> onnx.ModelProto:
    """Boxes and five classes on two scales of an image of 64x64, as YOLOv8 has them: SiLU, skips, no anchors."""
    b = Builder(8)

    def block(x: str, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> str:
        return b.silu(b.conv(x, inputs, outputs, kernel, stride, (kernel // 2,) * 4, relu=False))

    x = block(block("input", 3, 16, stride=2), 16, 32, stride=2)
    fine = block(x, 32, 64, stride=2)
    coarse = block(fine, 64, 64, stride=2)
    fine = block(b.node("Concat", b.twice(coarse), fine, axis=1), 128, 64, 1)
    coarse = block(b.node("Concat", block(fine, 64, 64, stride=2), coarse, axis=1), 128, 64, 1)
    found = []
    for x, size in ((fine, 8), (coarse, 4)):
        box = b.conv(block(block(x, 64, 64), 64, 64), 64, 4, 1, relu=False)
        score = b.node("Sigmoid", b.conv(block(block(x, 64, 64), 64, 64), 64, 5, 1, relu=False))
        found.append(b.reshape(b.node("Concat", box, score, axis=1), 1, 9, size * size))
    return b.model("yolo_head", (1, 3, 64, 64), {b.node("Concat", *found, axis=2): (1, 9, 80)})


def mobilenet_v3() -> onnx.ModelProto:
    """MobileNetV3-Small of width 0.5 without its last stage, for images of 64x64: https://arxiv.org/abs/1905.02244."""
    b = Builder(9)

    def gate(x: str, channels: int, size: int) -> str:
        """Squeeze and excitation."""
        mean = b.node("AveragePool", x, kernel_shape=[size, size])
        y = b.conv(b.conv(mean, channels, channels // 4, 1), channels // 4, channels, 1, relu=False)
        return b.node("Mul", x, b.node("HardSigmoid", y, alpha=1 / 6, beta=0.5))

    x, channels, size = b.hard_swish(b.conv("input", 3, 8, 3, 2, (1, 1, 1, 1), relu=False)), 8, 32
    for inner, outputs, squeezes, swishes, stride in MOBILENET_V3:
        size //= stride
        activation = b.hard_swish if swishes else lambda y: b.node("Relu", y)
        y = activation(b.conv(x, channels, inner, 1, relu=False))
        y = activation(b.depthwise(y, inner, stride, relu=False))
        y = b.conv(gate(y, inner, size) if squeezes else y, inner, outputs, 1, relu=False)
        x = b.node("Add", x, y) if stride == 1 and channels == outputs else y
        channels = outputs
    x = b.hard_swish(b.conv(x, channels, 144, 1, relu=False))
    return b.model("mobilenet_v3", (1, 3, 64, 64), {b.head(x, (size, size), 144, 10): (1, 10)})


# Channels inside, output channels, squeeze and excitation, hard-swish, stride.
MOBILENET_V3 = (
    (8, 8, True, False, 2), (40, 12, False, False, 2), (44, 12, False, False, 1), (48, 20, True, True, 2),
    (120, 20, True, True, 1), (60, 24, True, True, 1),
)  # fmt: skip


def transformer_encoder() -> onnx.ModelProto:
    """Two layers for 48 tokens of 64 values: four heads, normalised before each step, GELU."""
    b = Builder(10)
    tokens, width, heads = 48, 64, 4

    def norm(x: str) -> str:
        gamma, beta = (b.constant(b.random.normal(mean, 0.1, width).astype(np.float32)) for mean in (1, 0))
        return b.node("LayerNormalization", x, gamma, beta, axis=-1)

    def head(x: str, perm: Sequence[int]) -> str:
        split = b.reshape(b.dense(x, width, width), 1, tokens, heads, width // heads)
        return b.node("Transpose", split, perm=list(perm))

    x = "input"
    for _ in range(2):
        y = norm(x)
        scores = b.node("MatMul", head(y, (0, 2, 1, 3)), head(y, (0, 2, 3, 1)))
        scores = b.node("Div", scores, b.constant(np.float32(np.sqrt(width / heads))))
        mixed = b.node("MatMul", b.node("Softmax", scores, axis=-1), head(y, (0, 2, 1, 3)))
        mixed = b.reshape(b.node("Transpose", mixed, perm=[0, 2, 1, 3]), 1, tokens, width)
        x = b.node("Add", x, b.dense(mixed, width, width))
        y = b.dense(norm(x), width, 2 * width)
        inner = b.node(
            "Add", b.node("Erf", b.node("Div", y, b.constant(np.float32(np.sqrt(2))))), b.constant(np.float32(1))
        )
        y = b.node("Mul", b.node("Mul", y, inner), b.constant(np.float32(0.5)))
        x = b.node("Add", x, b.dense(y, 2 * width, width))
    return b.model("transformer_encoder", (1, tokens, width), {norm(x): (1, tokens, width)}, opset=17)


def temporal_network() -> onnx.ModelProto:
    """Residual blocks of two dilated causal convolutions over 128 steps of 6 values: https://arxiv.org/abs/1803.01271."""
    b = Builder(11)

    def causal(x: str, inputs: int, dilation: int) -> str:
        weights, pads = b.weights((24, inputs, 3), 3 * inputs), [2 * dilation, 0]
        return b.node("Relu", b.node("Conv", x, weights, b.bias(24), dilations=[dilation], pads=pads))

    x, inputs = "input", 6
    for dilation in (1, 2, 4, 8):
        y = causal(causal(x, inputs, dilation), 24, dilation)
        skipped = x if inputs == 24 else b.node("Conv", x, b.weights((24, inputs, 1), inputs), b.bias(24))
        x, inputs = b.node("Relu", b.node("Add", skipped, y)), 24
    x = b.reshape(b.node("GlobalAveragePool", x), -1, 24)
    return b.model("temporal_network", (1, 6, 128), {b.node("Softmax", b.dense(x, 24, 6)): (1, 6)})


NETWORKS = {network.__name__: network for network in (ic_resnet8, kws_dscnn, vww_mobilenet, ad_autoencoder)}
# Large ones, which nobody trained for these benchmarks: memory and time.
LARGE = {network.__name__: network for network in (mobilenet_v2_035, mobilenet_v2)}
# Small ones with operators that the four do not have.
OTHERS = {
    network.__name__: network for network in (unet, yolo_head, mobilenet_v3, transformer_encoder, temporal_network)
}


def write(folder: Path, names: Sequence[str] = tuple(NETWORKS)) -> Path:
    """Write the networks with random calibration and evaluation data to `folder`, which is returned."""
    known = NETWORKS | LARGE | OTHERS
    for name in names:
        model = known[name]()
        shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
        random = np.random.default_rng(100 + list(known).index(name))
        samples = random.standard_normal((CALIBRATION_SAMPLES + EVALUATION_SAMPLES, *shape)).astype(np.float32)
        calibration, x = samples[:CALIBRATION_SAMPLES], samples[CALIBRATION_SAMPLES:]
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        y = np.concatenate([session.run(None, {"input": sample[None]})[0] for sample in x])
        target = Path(folder) / name
        target.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(target / "model.onnx"))
        np.save(target / "calib.npy", calibration)
        np.savez(target / "eval.npz", x=x, y_ref=y)
    return Path(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write the networks")
    write(parser.parse_args().folder)
