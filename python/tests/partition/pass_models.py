# SPDX-License-Identifier: CC0-1.0
"""Small networks that between them give every pass something to do, quantised, with samples for them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import small_models as small
from onnx import TensorProto
from small_models import constant, conv, dense, ints, join, node

from espdl import pipeline
from espdl.quantize.types import QuantizedModel

SAMPLES = 4
Parts = tuple[list[onnx.NodeProto], list[onnx.TensorProto]]


def _pads() -> Parts:
    return join(
        ([node("Pad", ["x", "widths"], ["p"], "pad")], [ints("widths", 0, 0, 1, 0, 0, 0, 2, 1)]),
        conv("p", "c", 3, 4, (3, 3), pads=[0, 1, 0, 0], strides=[2, 2]),
        node("Relu", ["c"], ["r"], "relu"),
        ([node("Pad", ["r", "border", "low"], ["q"], "border")],
         [ints("border", 0, 0, 2, 0, 0, 0, 1, 1), constant("low", 0.0)]),
        node("MaxPool", ["q"], ["y"], "pool", kernel_shape=[3, 3], strides=[1, 1]),
    )  # fmt: skip


def _pools() -> Parts:
    return join(
        conv("x", "c", 3, 6, (3, 3), pads=[1, 1, 1, 1]),
        node("AveragePool", ["c"], ["a"], "mean", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", ["a"], ["g"], "all"),
        node("Flatten", ["g"], ["f"], "flat"),
        dense("f", "d", 6, 5),
        node("Softmax", ["d"], ["y"], "softmax", axis=1),
    )


def _concatenation() -> Parts:
    return join(
        conv("x", "a", 3, 4, (1, 1)),
        conv("x", "b", 3, 2, (3, 3), pads=[1, 1, 1, 1], seed=5),
        node("Concat", ["a", "b"], ["c"], "concat", axis=1),
        ([node("Slice", ["c", "first", "last", "axes"], ["s"], "slice")],
         [ints("first", 1, 2), ints("last", 5, 8), ints("axes", 1, 3)]),
        conv("s", "y", 4, 4, (3, 3), seed=6),
    )  # fmt: skip


def _transposes() -> Parts:
    """As exported from a framework with channels last."""
    return join(
        node("Transpose", ["x"], ["n"], "in", perm=[0, 3, 1, 2]),
        conv("n", "c", 8, 4, (3, 3), pads=[1, 1, 1, 1]),
        node("Transpose", ["c"], ["t"], "out", perm=[0, 2, 3, 1]),
        ([node("Reshape", ["t", "shape"], ["y"], "rows")], [ints("shape", 1, -1, 4)]),
    )


def _residual() -> Parts:
    return join(
        conv("x", "a", 3, 4, (3, 3), pads=[1, 1, 1, 1]),
        node("Clip", ["a", "zero", "six"], ["r"], "relu6"),
        conv("r", "b", 4, 4, (3, 3), pads=[1, 1, 1, 1], group=4, seed=5),
        node("Add", ["r", "b"], ["s"], "add"),
        ([node("Relu", ["s"], ["y"], "relu")], [constant("zero", 0.0), constant("six", 6.0)]),
    )


def _attention() -> Parts:
    return join(
        dense("x", "q", 6, 6),
        dense("x", "k", 6, 6, seed=9),
        node("Transpose", ["k"], ["kt"], "turn", perm=[1, 0]),
        node("MatMul", ["q", "kt"], ["s"], "scores"),
        node("Softmax", ["s"], ["p"], "softmax", axis=-1),
        node("MatMul", ["p", "x"], ["y"], "mix"),
    )


def _recurrent() -> Parts:
    """Both of its outputs are read."""
    weights = [small.normal(1, 16, 3, seed=5), small.normal(1, 16, 4, seed=6), small.normal(1, 32, seed=7)]
    return join(
        ([node("LSTM", ["x", "w", "r", "b"], ["h", "", "cells"], "lstm", hidden_size=4)],
         [constant(n, 0.4 * v) for n, v in zip("wrb", weights)]),
        ([node("Reshape", ["h", "shape"], ["y"], "rows")], [ints("shape", -1, 4)]),
        ([node("Reshape", ["cells", "last"], ["z"], "row")], [ints("last", 1, 4)]),
    )  # fmt: skip


def _resized() -> Parts:
    sizes = [constant("double", [1, 1, 2, 2])]
    return join(
        conv("x", "c", 3, 4, (3, 3), pads=[1, 1, 1, 1]),
        ([node("Resize", ["c", "", "double"], ["n"], "nearest", mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")], sizes),
        conv("n", "d", 4, 2, (1, 1), seed=5),
        node("Resize", ["d", "", "double"], ["y"], "linear", mode="linear"),
    )  # fmt: skip


def _broadcast() -> Parts:
    """Squeeze and excitation, and constants of several shapes."""
    return join(
        conv("x", "c", 3, 4, (3, 3), pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", ["c"], ["g"], "squeeze"),
        conv("g", "e", 4, 4, (1, 1), seed=5),
        node("Sigmoid", ["e"], ["s"], "sigmoid"),
        node("Mul", ["c", "s"], ["m"], "excite"),
        ([node("Mul", ["m", "factor"], ["f"], "scale")], [constant("factor", small.normal(4, 1, 1, seed=8))]),
        ([node("Add", ["f", "offset"], ["y"], "shift")], [constant("offset", small.normal(1, 1, 8, 8, seed=9))]),
    )


def _elementwise() -> Parts:
    """Functions of one tensor in several steps, a comparison of tensors with different ranges, and a choice."""
    return join(
        conv("x", "c", 3, 4, (3, 3), pads=[1, 1, 1, 1]),
        node("HardSwish", ["c"], ["h"], "hard_swish"),
        node("Tanh", ["h"], ["t"], "tanh"),
        node("Max", ["h", "t"], ["m"], "max"),
        ([node("Greater", ["m", "one"], ["is"], "greater"), node("Where", ["is", "m", "t"], ["w"], "where")],
         [constant("one", 0.5)]),
        node("Neg", ["w"], ["y"], "neg"),
    )  # fmt: skip


def _choice() -> Parts:
    """Between two tensors; and a product with a positive number, which only changes the scale."""
    return join(
        conv("x", "a", 3, 4, (3, 3), pads=[1, 1, 1, 1]),
        conv("x", "b", 3, 4, (1, 1), seed=5),
        ([node("Greater", ["a", "zero"], ["is"], "greater"), node("Where", ["is", "a", "b"], ["w"], "where")],
         [constant("zero", 0.0)]),
        ([node("Mul", ["w", "two"], ["m"], "double")], [constant("two", 2.0)]),
        conv("m", "y", 4, 4, (1, 1), seed=7),
    )  # fmt: skip


def _unmatched() -> Parts:
    """Steps that no kernel has, between two that have one."""
    return join(
        conv("x", "c", 3, 4, (3, 3), pads=[1, 1, 1, 1]),
        ([node("CumSum", ["c", "axis"], ["s"], "sum")], [constant("axis", 3, np.int64)]),
        node("ReduceL2", ["s"], ["l"], "norm", axes=[2], keepdims=1),
        conv("l", "y", 4, 4, (1, 1), seed=5),
    )


def _images() -> Parts:
    return join(
        conv("x", "a", 3, 4, (3, 3), pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["r"], "relu"),
        conv("r", "b", 4, 4, (1, 1), seed=5),
        conv("b", "y", 4, 4, (1, 1), seed=6),
    )


# name -> (the network from x to y, the shape of x).
FLOAT: dict[str, tuple[Callable[[], Parts], tuple[int, ...]]] = {
    "pads": (_pads, (1, 3, 8, 8)),
    "pools": (_pools, (1, 3, 8, 8)),
    "concatenation": (_concatenation, (1, 3, 8, 8)),
    "transposes": (_transposes, (1, 8, 8, 8)),
    "residual": (_residual, (1, 3, 8, 8)),
    "attention": (_attention, (5, 6)),
    "recurrent": (_recurrent, (5, 1, 3)),
    "resized": (_resized, (1, 3, 6, 6)),
    "broadcast": (_broadcast, (1, 3, 8, 8)),
    "elementwise": (_elementwise, (1, 3, 8, 8)),
    "choice": (_choice, (1, 3, 8, 8)),
    "unmatched": (_unmatched, (1, 3, 8, 8)),
    "images": (_images, (2, 3, 6, 6)),
}


def _rescaled() -> onnx.ModelProto:
    """A model that came quantised: results are quantised twice, in one way and at two scales, moved and compared."""
    constants = [
        constant("one", 0.05), constant("two", 0.02), constant("three", 0.04), constant("four", 0.03),
        constant("zero", 0, np.int8), constant("off", -10, np.int8), ints("shape", 1, 4, 16),
        ints("widths", 0, 0, 0, 0, 0, 0, 1, 1),
        constant("w", small.normal(4, 3, 3, 3, scale=40).clip(-127, 127), np.int8), constant("ws", 0.01),
        constant("v", small.normal(4, 3, 1, 1, seed=4, scale=40).clip(-127, 127), np.int8),
    ]  # fmt: skip
    nodes, place = [], iter(range(100))

    def pair(source: str, target: str, scale: str, zero: str = "zero") -> None:
        name = f"q{next(place)}"
        nodes.append(node("QuantizeLinear", [source, scale, zero], [name], name))
        nodes.append(node("DequantizeLinear", [name, scale, zero], [target], f"d{name}"))

    nodes.append(node("DequantizeLinear", ["w", "ws", "zero"], ["wr"], "weights"))
    nodes.append(node("DequantizeLinear", ["v", "ws", "zero"], ["vr"], "others"))
    pair("x", "xr", "one")
    nodes.append(node("Pad", ["xr", "widths"], ["w1"], "pad"))
    pair("w1", "wide", "one")
    nodes.append(node("Conv", ["wide", "wr"], ["c"], "conv", strides=[2, 2], pads=[1, 1, 0, 0]))
    nodes.append(node("Relu", ["c"], ["r"], "relu"))
    pair("r", "r1", "two", "off")
    pair("r1", "r2", "three", "off")
    nodes.append(node("Conv", ["xr", "vr"], ["e"], "pixels", strides=[2, 2]))
    pair("e", "e1", "two")
    pair("e", "e2", "two")
    nodes.append(node("Max", ["e1", "r2"], ["m"], "max"))
    pair("m", "m1", "one")
    nodes.append(node("Add", ["m1", "e2"], ["a"], "add"))
    pair("a", "z", "one")
    nodes.append(node("Cast", ["z"], ["i"], "integers", to=TensorProto.INT8))
    nodes.append(node("Reshape", ["r2", "shape"], ["s"], "reshape"))
    pair("s", "s1", "four")
    nodes.append(node("Concat", ["s1", "s1"], ["k"], "concat", axis=2))
    pair("k", "k1", "one", "off")
    nodes.append(node("Sigmoid", ["k1"], ["g"], "sigmoid"))
    pair("g", "g1", "two")
    pair("g1", "y", "four")
    outputs = [("y", [1, 4, 32]), ("z", [1, 4, 4, 4]), ("i", [1, 4, 4, 4], TensorProto.INT8)]
    return small.model(nodes, [("x", [1, 3, 8, 8])], outputs, constants)


NAMES = (*FLOAT, "rescaled")


@cache
def quantized(name: str) -> tuple[QuantizedModel, pipeline.Options, dict[str, np.ndarray]]:
    """The quantised model of a name, the options it was made with, and samples [N, input shape] by input."""
    if name in FLOAT:
        make, shape = FLOAT[name]
        nodes, constants = make()
        outputs = [(o, None) for o in "yz" if any(o in n.output for n in nodes)]
        proto = onnx.shape_inference.infer_shapes(small.model(nodes, [("x", shape)], outputs, constants))
    else:
        proto = _rescaled()
        shape = (1, 3, 8, 8)
    data = {"x": small.normal(16, *shape)}
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(proto, Path(folder) / "net.onnx")
        np.savez(Path(folder) / "calib.npz", **data)
        options = pipeline.Options(
            model=str(Path(folder) / "net.onnx"),
            name="net",
            output=folder,
            calibration=str(Path(folder) / "calib.npz") if name in FLOAT else None,
            effort="fast",
        )
        _, model, _ = pipeline.quantize_model(options)
    return model, options, {"x": data["x"][:SAMPLES]}
