# SPDX-License-Identifier: Apache-2.0
"""Signals as images of height 1: one-dimensional convolutions and pools run on the kernels for two dimensions.

What lies between them, elementwise operators and the like, follows: the axis that was put in is taken out as late as
possible, so that only the ends of a network see it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain

_WINDOWS = ("kernel_shape", "strides", "dilations", "output_padding", "output_shape")
_FOLLOWING = (
    "Abs", "Add", "BatchNormalization", "Celu", "Clip", "Concat", "DequantizeLinear", "Div", "Dropout", "Elu",
    "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Max", "Min", "Mish", "Mul", "Neg",
    "PRelu", "Pad", "Pow", "QuantizeLinear", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub",
    "Tanh",
)  # fmt: skip


@rewrite("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
def window(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape = scope.shape(node.input[0])
    if shape is None or len(shape) != 3 or len([o for o in node.output if o]) != 1:
        return None
    attributes = _attributes(node)
    chain = Chain(scope, node.name or node.output[0])
    for name in _WINDOWS:
        if name in attributes:
            attributes[name] = [0 if name == "output_padding" else 1, *attributes[name]]
    if "pads" in attributes:
        before, after = attributes["pads"]
        attributes["pads"] = [0, before, 0, after]
    inputs = [_image(chain, node.input[0])]
    if len(node.input) > 1:
        weights = _weights(chain, node.input[1])
        if weights is None:
            return None
        inputs += [weights, *node.input[2:]]
    _signal(chain, chain.add(node.op_type, *inputs, **attributes), node.output[0])
    return chain.nodes


@rewrite(*_FOLLOWING)
def following(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Only behind an operator that was rewritten, and where every operand fits."""
    shape = scope.shape(node.output[0])
    if shape is None or len(shape) != 3 or len([o for o in node.output if o]) != 1:
        return None
    if not any(_is_signal(scope, name) for name in node.input):
        return None
    attributes = _attributes(node)
    if node.op_type in ("QuantizeLinear", "DequantizeLinear") and scope.shape(node.input[1]) not in ((), (1,)):
        return None  # the axis of its scales would be another one
    if node.op_type == "Concat":
        attributes["axis"] = (1, 1, 3)[attributes["axis"] % 3] if attributes["axis"] % 3 else 0
    chain = Chain(scope, node.name or node.output[0])
    inputs = [_operand(chain, node, index) for index in range(len(node.input))]
    if any(i is None for i in inputs):
        return None
    _signal(chain, chain.add(node.op_type, *inputs, **attributes), node.output[0])
    return chain.nodes


@rewrite("Unsqueeze")
def put_in_again(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """An axis that was taken out just before: without both, an activation stands directly behind its layer."""
    if len(node.input) != 2 or not _is_signal(scope, node.input[0]):
        return None
    axes = scope.array(node.input[1])
    if axes is None or axes.tolist() != [2]:
        return None
    chain = Chain(scope, node.name or node.output[0])
    chain.add("Identity", scope.maker(node.input[0]).input[0], output=node.output[0])
    return chain.nodes


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _weights(chain: Chain, name: str) -> str | None:
    """Constant weights, or what is dequantised, for an image."""
    values = chain.scope.array(name)
    if values is not None:
        return chain.scope.constant(values[:, :, np.newaxis], f"{chain.base}/weights")
    maker = chain.scope.maker(name)
    return _image(chain, name) if maker is not None and maker.op_type == "DequantizeLinear" else None


def _image(chain: Chain, name: str) -> str:
    return chain.add("Unsqueeze", name, chain.constant([2], np.int64))


def _signal(chain: Chain, name: str, output: str) -> None:
    chain.add("Squeeze", name, chain.constant([2], np.int64), output=output)


def _is_signal(scope: Scope, name: str) -> bool:
    """Whether `name` is an image of height 1 whose height was taken out."""
    maker = scope.maker(name)
    if maker is None or maker.op_type != "Squeeze" or len(maker.input) != 2:
        return False
    axes, shape = scope.array(maker.input[1]), scope.shape(maker.input[0])
    return shape is not None and len(shape) == 4 and axes is not None and axes.tolist() == [2]


def _operand(chain: Chain, node: onnx.NodeProto, index: int) -> str | None:
    """An input of `node` as the image's operator wants it, None where that cannot be said."""
    name, scope = node.input[index], chain.scope
    if not name or (node.op_type in ("BatchNormalization", "Clip", "Dropout") and index > 0):
        return name
    values = scope.array(name)
    if node.op_type == "Pad" and index > 0:
        if index != 1:
            return name if index == 2 else None  # with a list of axes it would be another one
        return None if values is None else chain.constant(np.insert(values, [2, 5], 0), np.int64)
    if values is not None:
        if values.ndim < 2:
            return name
        return scope.constant(np.expand_dims(values, values.ndim - 1), f"{chain.base}/constant")
    shape = scope.shape(name)
    return _image(chain, name) if shape is not None and len(shape) == 3 else None
