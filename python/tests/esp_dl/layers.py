# SPDX-License-Identifier: CC0-1.0
"""Layers made by hand, and a plan that runs many of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from espdl import backends
from espdl import plan as planner
from espdl.ops.add import Add
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.mul import Mul
from espdl.ops.operator import Operator
from espdl.plan.types import Plan, Port, Tensor
from espdl.targets import Target, select

RELU = (0.0, float("inf"))
TARGETS = {chip: select(chip, "esp_dl") for chip in ("esp32s3", "esp32p4")}


def outputs(size: int, before: int, behind: int, taps: int, stride: int, dilation: int) -> int:
    return (size + before + behind - (taps - 1) * dilation - 1) // stride + 1


def conv(
    target: Target,
    seed: int,
    image: tuple[int, int, int],
    channels: int,
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
    depthwise: bool = False,
    activation: tuple[float, float] | None = RELU,
    zero_points: tuple[int, int] = (0, 0),
    largest: int = 127,
) -> Conv2d:
    """A convolution whose outputs fill int8. `largest`: of the weights' absolute values."""
    rng = np.random.default_rng(seed)
    height, width, inputs = image
    shape = (channels, *kernel, 1 if depthwise else inputs)
    size = [
        outputs(image[axis], pads[axis], pads[axis + 2], kernel[axis], strides[axis], dilations[axis])
        for axis in range(2)
    ]
    weights = rng.integers(-largest, largest + 1, shape).astype(np.int8)
    shift = int(np.ceil(np.log2(largest * np.sqrt(weights[0].size)))) - 1
    spread = rng.integers(-1, 2, channels) if target.per_channel else np.zeros(channels, np.int64)
    return Conv2d(
        inputs=(Tensor("x", (1, height, width, inputs), "int8", 0.5, zero_points[0]),),
        outputs=(Tensor("y", (1, *size, channels), "int8", 0.5, zero_points[1]),),
        source_nodes=(f"conv{seed}",),
        weights=weights,
        weights_scale=2.0 ** -(shift + spread).astype(np.float64),
        bias=rng.integers(-40 << shift, 40 << shift, channels).astype(np.int32),
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=inputs if depthwise else 1,
        activation=activation,
    )


def gemm(target: Target, seed: int, rows: int, inputs: int, channels: int, largest: int = 127) -> Gemm:
    node = conv(target, seed, (1, rows, inputs), channels, (1, 1), activation=None, largest=largest)
    return Gemm(
        inputs=(Tensor("x", (rows, inputs), "int8", 0.5),),
        outputs=(Tensor("y", (rows, channels), "int8", 0.5),),
        source_nodes=(f"gemm{seed}",),
        weights=node.weights.reshape(channels, inputs),
        weights_scale=node.weights_scale,
        bias=node.bias,
        activation=None,
    )


def add(shape: Sequence[int], scales: Sequence[float] = (0.5, 0.5, 0.5), zero_point: int = 0, activation=None) -> Add:
    a, b, y = (Tensor(n, tuple(shape), "int8", scale, zero_point) for n, scale in zip("aby", scales, strict=True))
    return Add((a, b), (y,), ("add",), activation)


def mul(
    shape: Sequence[int], shift: int = 7, b_shape: Sequence[int] | None = None, zero_point=0, activation=None
) -> Mul:
    a, y = (Tensor(n, tuple(shape), "int8", scale, zero_point) for n, scale in (("a", 2.0**-shift), ("y", 1.0)))
    b = Tensor("b", tuple(b_shape or shape), "int8", 1.0, zero_point)
    return Mul((a, b), (y,), ("mul",), a, b, None, False, activation)


def pool(
    image: tuple[int, int, int], kernel, strides, pads=(0, 0, 0, 0), dilations=(1, 1), activation=None
) -> MaxPool2d:
    size = [
        outputs(image[axis], pads[axis], pads[axis + 2], kernel[axis], strides[axis], dilations[axis])
        for axis in range(2)
    ]
    x = Tensor("x", (1, *image), "int8", 0.5)
    y = Tensor("y", (1, *size, image[2]), "int8", 0.5)
    return MaxPool2d((x,), (y,), ("pool",), kernel, strides, pads, dilations, activation)


def side_by_side(nodes: Sequence[Operator], target: Target) -> Plan:
    """Every layer with inputs and outputs of its own."""
    calls, tensors, inputs, results = [], [], [], []
    for index, node in enumerate(nodes):
        named = {
            side: tuple(replace(t, name=f"{t.name}{index}") for t in getattr(node, side))
            for side in ("inputs", "outputs")
        }
        if isinstance(node, Mul):
            named |= dict(zip("ab", named["inputs"], strict=True))
        calls.append(backends.lower(replace(node, **named), target))
        tensors += [*named["inputs"], *named["outputs"]]
        inputs += [Port(t.name, t.name) for t in named["inputs"]]
        results += [Port(t.name, t.name) for t in named["outputs"]]
    return planner.run(calls, tensors, inputs, results, target.chip, target.scheme)


def samples(plan: Plan, count: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """Random int8 by port; the first is all -128, the second all 127."""
    rng = np.random.default_rng(seed)
    result = {}
    for port in plan.inputs:
        data = rng.integers(-128, 128, (count, *plan.tensor(port.tensor).shape)).astype(np.int8)
        data[0], data[1] = -128, 127
        result[port.name] = data
    return result
