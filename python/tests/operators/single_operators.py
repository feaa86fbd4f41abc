# SPDX-License-Identifier: CC0-1.0
"""What people put between convolutions, one idiom at a time: from the tensor `x` [1, 8, 8, 8] to another tensor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from usual_networks import Net

CHANNELS = SIZE = 8
IDIOMS: dict[str, Callable[[Net, str], str]] = {}


def idiom(function: Callable[[Net, str], str]) -> Callable[[Net, str], str]:
    IDIOMS[function.__name__] = function
    return function


def integers(net: Net, *values: int) -> str:
    return net.constant(values, np.int64)


def per_channel(net: Net) -> str:
    return net.constant(np.abs(net.random.normal(1, 0.3, (1, CHANNELS, 1, 1))) + 0.1)


def wide(net: Net, y: str, channels: int) -> str:
    net.channels[y] = channels
    return y


for name in ("Abs", "Elu", "Selu", "Softsign", "HardSigmoid", "HardSwish", "Sigmoid", "Tanh", "Erf", "Neg"):
    IDIOMS[name] = lambda net, x, name=name: net.node(name, x)
for name in ("GlobalAveragePool", "GlobalMaxPool"):
    IDIOMS[f"gate_by_{name}"] = lambda net, x, name=name: net.node("Mul", x, net.node("Sigmoid", net.node(name, x)))
for name in ("Add", "Sub", "Mul", "Div"):
    IDIOMS[f"{name}_channels"] = lambda net, x, name=name: net.node(name, x, per_channel(net))
    IDIOMS[f"{name}_number"] = lambda net, x, name=name: net.node(name, x, net.constant(1.7))
for name in ("Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean"):
    IDIOMS[f"{name}_tensors"] = lambda net, x, name=name: net.node(name, x, net.conv(x, CHANNELS))
for name in ("AveragePool", "MaxPool"):
    IDIOMS[f"{name}_ceil"] = lambda net, x, name=name: net.node(
        name, x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1
    )


@idiom
def number_minus(net: Net, x: str) -> str:
    return wide(net, net.node("Sub", net.constant(1.0), x), CHANNELS)


@idiom
def square(net: Net, x: str) -> str:
    return net.node("Pow", x, net.constant(2.0))


@idiom
def reciprocal(net: Net, x: str) -> str:
    return net.node("Reciprocal", net.node("Add", net.relu(x), net.constant(1.0)))


@idiom
def prelu(net: Net, x: str) -> str:
    return net.node("PRelu", x, net.constant(net.random.uniform(0.05, 0.4, (CHANNELS, 1, 1))))


@idiom
def mish(net: Net, x: str) -> str:
    return net.node("Mul", x, net.node("Tanh", net.node("Softplus", x)))


@idiom
def batch_norm(net: Net, x: str) -> str:
    shift, mean = net.random.normal(0, 0.3, (2, CHANNELS))
    scale, variance = np.exp(net.random.normal(0, 0.5, (2, CHANNELS)))
    x = net.node("MaxPool", x, kernel_shape=[2, 2])  # so that no convolution takes it in
    return net.node("BatchNormalization", x, *(net.constant(v) for v in (scale, shift, mean, variance)))


@idiom
def layer_norm(net: Net, x: str) -> str:
    last = net.node("Transpose", x, perm=[0, 2, 3, 1])
    gamma, beta = net.random.normal(1, 0.1, CHANNELS), net.random.normal(0, 0.1, CHANNELS)
    y = net.node("LayerNormalization", last, net.constant(gamma), net.constant(beta), axis=-1)
    return net.node("Transpose", y, perm=[0, 3, 1, 2])


@idiom
def softmax_of_channels(net: Net, x: str) -> str:
    return net.node("Softmax", x, axis=1)


@idiom
def spatial_attention(net: Net, x: str) -> str:
    mean, most = (wide(net, net.node(n, x, axes=[1], keepdims=1), 1) for n in ("ReduceMean", "ReduceMax"))
    both = wide(net, net.node("Concat", mean, most, axis=1), 2)
    return net.node("Mul", x, net.node("Sigmoid", net.conv(both, 1, 7)))


@idiom
def gated_halves(net: Net, x: str) -> str:
    value, gate = net.node("Split", x, outputs=2, axis=1)
    return wide(net, net.node("Mul", value, net.node("Sigmoid", gate)), CHANNELS // 2)


@idiom
def depth_to_space(net: Net, x: str) -> str:
    return wide(net, net.node("DepthToSpace", x, blocksize=2), CHANNELS // 4)


@idiom
def channel_shuffle(net: Net, x: str) -> str:
    grouped = net.node("Reshape", x, integers(net, 1, 2, CHANNELS // 2, SIZE, SIZE))
    mixed = net.node("Transpose", grouped, perm=[0, 2, 1, 3, 4])
    return net.node("Reshape", mixed, integers(net, 1, CHANNELS, SIZE, SIZE))


@idiom
def focus(net: Net, x: str) -> str:
    ends, axes, steps = integers(net, SIZE, SIZE), integers(net, 2, 3), integers(net, 2, 2)
    parts = [net.node("Slice", x, integers(net, a, b), ends, axes, steps) for a in (0, 1) for b in (0, 1)]
    return wide(net, net.node("Concat", *parts, axis=1), 4 * CHANNELS)


@idiom
def reflect(net: Net, x: str) -> str:
    return net.node("Pad", x, integers(net, 0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")


@idiom
def resize_linear(net: Net, x: str) -> str:
    return net.node("Resize", x, "", "", integers(net, 1, CHANNELS, 13, 11), mode="linear")


@idiom
def transposed_convolution(net: Net, x: str) -> str:
    weights = net.weights(CHANNELS, CHANNELS, 3, 3, inputs=9 * CHANNELS)
    window = {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1]}
    return net.node("ConvTranspose", x, weights, net.constant(np.zeros(CHANNELS)), **window)


@idiom
def dilated_transposed_convolution(net: Net, x: str) -> str:
    weights = net.weights(CHANNELS, CHANNELS, 3, 3, inputs=9 * CHANNELS)
    return net.node("ConvTranspose", x, weights, net.constant(np.zeros(CHANNELS)), dilations=[2, 3])


@idiom
def two_groups(net: Net, x: str) -> str:
    return net.conv(x, CHANNELS, 3, 1, 2)


@idiom
def where(net: Net, x: str) -> str:
    return net.node("Where", net.node("Greater", x, net.constant(0.0)), x, net.constant(0.1))


@idiom
def dense(net: Net, x: str) -> str:
    count = CHANNELS * SIZE * SIZE
    y = net.dense(net.node("Flatten", x), count, count)
    return net.node("Reshape", y, integers(net, 1, CHANNELS, SIZE, SIZE))
