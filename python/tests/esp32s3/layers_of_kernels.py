# SPDX-License-Identifier: CC0-1.0
"""For every vector kernel, layers that run on it, with values for their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from test_affine import as_affine
from test_affine_products import elementwise, gates, scaled
from test_convolution import any_channels, contents, convolutions, heavy, seeds, turned, with_channels_first
from test_products import products, transposed
from test_sums_moves_pools import ANY_CHANNELS, SHAPES, copies, gathers, lines, turned_bytes, windows
from vector_harness import AFFINE, TARGET

from espdl.backends import lower, select
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.concat import Concat
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.ops.flip_sign import FlipSign
from espdl.ops.gemm import Gemm
from espdl.ops.layer_norm import LayerNorm
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.mul import Mul
from espdl.ops.operator import Operator
from espdl.ops.pad import Pad, Side
from espdl.ops.rescale import Rescale
from espdl.ops.rescale_channels import RescaleChannels
from espdl.ops.softmax import Softmax
from espdl.plan.types import KernelCall, Tensor

NO_BORDER = (0, 0, 0, 0)


def tensor(name: str, *shape: int) -> Tensor:
    return Tensor(name, shape, "int8", 0.5)


def add(draw: st.DrawFn) -> Operator:
    x = tensor("x", 1, draw(st.integers(1, 100)))
    return Add((x, x), (replace(x, name="y"),), (), draw(st.sampled_from([None, (-0.5, 7.0)])))


def mul(draw: st.DrawFn) -> Operator:
    shapes = draw(st.sampled_from(SHAPES))
    a, b = (tensor(name, *shape) for name, shape in zip("ab", shapes, strict=True))
    return Mul((a, b), (tensor("y", *np.broadcast_shapes(*shapes)),), (), a, b, None, False, None)


def mul_channels(draw: st.DrawFn) -> Operator:
    channels = draw(st.integers(2, 70))
    a, b = tensor("a", 1, 2, 3, channels), tensor("b", 1, 1, 1, channels)
    return Mul((a, b), (replace(a, name="y"),), (), a, b, None, False, None)


def concat(draw: st.DrawFn) -> Operator:
    outer, sizes = draw(st.integers(1, 5)), draw(st.lists(st.sampled_from([12, 24, 32, 80]), min_size=8, max_size=8))
    parts = tuple(tensor(f"x{i}", outer, size) for i, size in enumerate(sizes))
    return Concat(parts, (tensor("y", outer, sum(sizes)),), (), outer)


def pad(draw: st.DrawFn) -> Operator:
    sides = [Side(draw(st.integers(1, 4)), draw(st.integers(0, 2)), draw(st.integers(0, 2)))]
    sides += [Side(draw(st.sampled_from([16, 64])), 16 * draw(st.integers(0, 2)), 16 * draw(st.integers(0, 2)))]
    shape = [s.before + s.size + s.after for s in sides]
    return Pad((tensor("x", *(s.size for s in sides)),), (tensor("y", *shape),), (), tuple(sides), -5)


def flip_sign(draw: st.DrawFn) -> Operator:
    x = tensor("x", 1, draw(st.integers(1, 100)))
    return FlipSign((x,), (replace(x, name="y", dtype="uint8"),), (), False)


def rescale(draw: st.DrawFn) -> Operator:
    x = Tensor("x", (1, draw(st.integers(1, 100))), draw(st.sampled_from(["int16", "uint16"])), 2.0**-15)
    return Rescale((x,), (replace(x, name="y", dtype="int8", scale=draw(st.floats(2.0**-18, 0.1))),), ())


def rescale_channels(draw: st.DrawFn) -> Operator:
    channels, inner = draw(st.integers(2, 5)), draw(st.just(1) | st.integers(1, 50))
    dtype = draw(st.sampled_from(["int16", "uint16"]))
    x = Tensor("x", (1, draw(st.integers(1, 20)), channels, inner), dtype, 1.0)
    factor = np.array(draw(st.lists(st.floats(0.25, 1.0), min_size=channels, max_size=channels)), np.float32)
    offset = np.array(draw(st.lists(st.floats(-1.0, 1.0), min_size=channels, max_size=channels)), np.float32)
    scale = draw(st.floats(1.0, 2.0**8))
    y = replace(x, name="y", dtype="int8", scale=scale, zero_point=draw(st.integers(-128, 127)))
    return RescaleChannels((x,), (y,), (), factor, 100 * np.float32(scale) * offset, 2)


def layer_norm(draw: st.DrawFn) -> Operator:
    rows, length = draw(st.integers(1, 5)), draw(st.sampled_from([16, 64]) | st.integers(1, 70))
    gamma = np.random.default_rng(draw(seeds)).normal(1, 0.5, length)
    x = tensor("x", 1, rows, length)
    return LayerNorm((x,), (replace(x, name="y", scale=2.0**-4),), (), gamma, gamma - 1, 1e-5)


def softmax(draw: st.DrawFn) -> Operator:
    rows, length = draw(st.integers(1, 5)), draw(st.integers(16, 80))
    x = Tensor("x", (rows, length), "int8", 2.0**-3)
    return Softmax((x,), (replace(x, name="y", scale=2.0**-8, zero_point=-128),), (), length)


def max_pool2d(draw: st.DrawFn) -> Operator:
    w = draw(windows(ANY_CHANNELS))
    x, y = tensor("x", 1, *w["image"]), tensor("y", 1, *w["output"], w["image"][2])
    return MaxPool2d((x,), (y,), (), w["kernel"], w["strides"], w["pads"], w["dilations"], (0.0, 6.0))


def average_pool2d(draw: st.DrawFn) -> Operator:
    w = draw(windows())
    x, y = tensor("x", 1, *w["image"]), tensor("y", 1, *w["output"], w["image"][2])
    window = (w["kernel"], w["strides"], w["pads"], w["dilations"])
    return AveragePool2d((x,), (y,), (), w["image"], w["output"], *window, False, None)


def conv2d_add(draw: st.DrawFn) -> Operator:
    node = draw(convolutions(st.sampled_from([16, 32, 128]), st.sampled_from([16, 48]), dilations=(None, 1)))
    if draw(st.booleans()):
        node = in_parts(node)
    (inner,) = node.outputs
    inner = replace(inner, zero_point=0)
    terms = (inner, replace(inner, name="residual"))
    y = (replace(inner, name="y"),)
    conv = replace(node, outputs=(inner,), activation=None)
    return Conv2dAdd((*conv.inputs, terms[1]), y, (), conv, Add(terms, y, (), None))


def in_parts(node: Conv2d) -> Conv2d:
    """The same shape with sums that need parts."""
    return heavy(node, 0, min(127, max(1, int(1.5 * 4096 / node.weights[0].size))), 0)


def gemm(sizes: st.SearchStrategy[int], bias: int = 0) -> Callable[[st.DrawFn], Operator]:
    def draw_node(draw: st.DrawFn) -> Operator:
        rows, inputs, outputs = draw(st.sampled_from([1, 2, 5])), draw(sizes), draw(st.integers(1, 50))
        weights = contents(draw(seeds), (outputs, inputs), -8, 8)
        scale = np.full(outputs, 2.0**-9, np.float32)
        x, y = (tensor("x", rows, inputs),), (tensor("y", rows, outputs),)
        return Gemm(x, y, (), weights, scale, np.full(outputs, bias, np.int32), None)

    return draw_node


def conv2d(*strategies: st.SearchStrategy[Conv2d]) -> Callable[[st.DrawFn], Operator]:
    return lambda draw: draw(st.one_of(*strategies))


def planar(*strategies: st.SearchStrategy[Conv2d]) -> Callable[[st.DrawFn], Operator]:
    return lambda draw: with_channels_first(draw(st.one_of(*strategies)))


def affine(*strategies: st.SearchStrategy[Conv2d]) -> Callable[[st.DrawFn], Operator]:
    return lambda draw: as_affine(draw(st.one_of(*strategies)), draw(seeds))


def affine_planar(strategy: st.SearchStrategy[Conv2d]) -> Callable[[st.DrawFn], Operator]:
    return lambda draw: with_channels_first(as_affine(draw(strategy), draw(seeds)))


def affine_add(draw: st.DrawFn) -> Operator:
    x, y = (Tensor(n, (1, draw(st.integers(1, 100))), "int8", s, z) for n, s, z in (("x", 0.05, 3), ("y", 0.031, -128)))
    return Add((x, replace(x, name="b", scale=0.043)), (replace(y, shape=x.shape),), (), None)


KERNELS: dict[str, Callable[[st.DrawFn], Operator]] = {
    "matmul_affine_s8": lambda draw: draw(scaled(products(), inner=True)),
    "mul_affine_s8": lambda draw: draw(scaled(elementwise())),
    "mul_channels_affine_s8": lambda draw: draw(scaled(gates())),
    "add_affine_s8": affine_add,
    "conv2d_aligned_affine_s8": affine(convolutions(st.sampled_from([16, 32, 80]), any_channels)),
    "conv2d_bytes_affine_s8": affine(convolutions(st.integers(17, 44), any_channels)),
    "conv2d_pointwise_affine_s8": affine(
        convolutions(st.sampled_from([16, 48, 160]), any_channels, kernel=(1, 1), pads=NO_BORDER)
    ),
    "conv_transpose2d_affine_s8": affine(transposed()),
    "conv_transpose2d_bytes_affine_s8": affine(transposed("bytes")),
    "depthwise_affine_s8": affine(
        convolutions(st.integers(2, 40), st.none(), depthwise=True),
        convolutions(st.sampled_from([8, 16, 32]), st.none(), depthwise=True, kernel=(3, 3), dilations=(None, 1)),
    ),
    "conv2d_narrow_affine_s8": affine(convolutions(st.integers(1, 5), any_channels, dilations=(None, 1))),
    "add_s8": add,
    "average_pool2d_s8": average_pool2d,
    "concat": concat,
    "copy": lambda draw: draw(copies()),
    "conv2d_add_s8": conv2d_add,
    "conv2d_aligned_s8": conv2d(
        convolutions(st.sampled_from([16, 32, 80]), any_channels),
        convolutions(
            st.sampled_from([192, 256]), st.sampled_from([16, 20]), kernel=(1, 1), pads=NO_BORDER, shift=6
        ).map(in_parts),
        convolutions(st.sampled_from([32, 128]), any_channels, kernel=(3, 3), dilations=(1, 1), shift=9).map(in_parts),
    ),
    "conv2d_bytes_s8": conv2d(convolutions(st.integers(1, 44), any_channels)),
    "conv2d_narrow_s8": conv2d(convolutions(st.integers(1, 5), any_channels, dilations=(None, 1))),
    "conv2d_planar_bytes_s8": planar(convolutions(st.integers(2, 24), any_channels)),
    "conv2d_planar_narrow_s8": planar(convolutions(st.integers(2, 5), any_channels, dilations=(None, 1))),
    "conv2d_planar_turned_s8": planar(turned),
    "conv2d_planar_bytes_affine_s8": affine_planar(convolutions(st.integers(2, 15), any_channels)),
    "conv2d_planar_narrow_affine_s8": affine_planar(convolutions(st.integers(2, 5), any_channels, dilations=(None, 1))),
    "conv2d_pointwise_s8": conv2d(
        convolutions(st.sampled_from([8, 16, 32, 48, 64]), st.sampled_from([16, 32, 64]), kernel=(1, 1), pads=NO_BORDER)
    ),
    "conv2d_turned_s8": conv2d(turned),
    "conv_transpose2d_bytes_s8": lambda draw: draw(transposed("bytes")),
    "conv_transpose2d_s8": lambda draw: draw(transposed()),
    "conv2d_wide_s8": conv2d(convolutions(any_channels, st.integers(1, 20)).map(lambda node: heavy(node, 1))),
    "depthwise_s8": conv2d(
        convolutions(st.integers(2, 40), st.none(), depthwise=True),
        convolutions(st.sampled_from([8, 16, 32]), st.none(), depthwise=True, kernel=(3, 3), dilations=(None, 1)),
    ),
    "flip_sign_8": flip_sign,
    "gemm_aligned_s8": gemm(st.sampled_from([16, 48, 160, 640])),
    "gemm_bytes_s8": gemm(st.integers(17, 70)),
    "gemm_narrow_s8": gemm(st.integers(1, 15)),
    "gemm_wide_s8": gemm(st.integers(1, 70), bias=2**19),
    "gather": lambda draw: draw(gathers()),
    "transpose_bytes": lambda draw: draw(turned_bytes()),
    "transpose_lines": lambda draw: draw(lines()),
    "layer_norm_s8": layer_norm,
    "matmul_s8": lambda draw: draw(products()),
    "max_pool2d_s8": max_pool2d,
    "mul_channels_s8": mul_channels,
    "mul_s8": mul,
    "pad_s8": pad,
    "rescale_16_s8": rescale,
    "rescale_channels_16_s8": rescale_channels,
    "softmax_s8": softmax,
}


@st.composite
def layers(draw: st.DrawFn, kernel: str) -> tuple[KernelCall, list[np.ndarray]]:
    """A call of the function `kernel`, and its inputs; KeyError for a kernel without layers here."""
    node = KERNELS[kernel.removeprefix("espdl_s3_")](draw)
    target = AFFINE if "affine" in kernel else TARGET
    assume(select(node, target).backend == "esp32s3")
    call = lower(node, target)
    assume(call.function == kernel)
    seed = draw(seeds)
    tensors = {x.name: x for x in node.inputs}
    inputs = [tensors[name] for name in call.inputs]
    return call, [contents(seed // (3 + i), x.shape).astype(x.dtype) for i, x in enumerate(inputs)]
