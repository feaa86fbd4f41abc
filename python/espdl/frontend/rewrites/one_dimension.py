# SPDX-License-Identifier: Apache-2.0
"""Signals as images of height 1: one-dimensional convolutions and pools run on the kernels for two dimensions.

What lies between them, elementwise operators and the like, follows: the axis that was put in is taken out as late as
possible, so that only the ends of a network see it.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.errors import present
from espdl.frontend.graph import Chain, array, producer, settings, shape, values
from espdl.frontend.rewrites import rewrite

_WINDOWS = ("kernel_shape", "strides", "dilations", "output_padding", "output_shape")
_FOLLOWING = (
    "Abs", "Add", "BatchNormalization", "Celu", "Clip", "Concat", "DequantizeLinear", "Div", "Dropout", "Elu",
    "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Max", "Min", "Mish", "Mul", "Neg",
    "PRelu", "Pad", "Pow", "QuantizeLinear", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub",
    "Tanh",
)  # fmt: skip


@rewrite("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
def window(node: ir.Node, chain: Chain) -> ir.Value | None:
    if not _is_sequence(node.inputs[0]) or _results(node) != 1:
        return None
    attributes = values(node)
    for name in _WINDOWS:
        if name in attributes:
            attributes[name] = [0 if name == "output_padding" else 1, *attributes[name]]
    if "pads" in attributes:
        before, after = attributes["pads"]
        attributes["pads"] = [0, before, 0, after]
    inputs: list[ir.Value | None] = [_image(chain, node.inputs[0])]
    if len(node.inputs) > 1:
        weights = _weights(chain, node.inputs[1])
        if weights is None:
            return None
        inputs += [weights, *node.inputs[2:]]
    return chain.add("Squeeze", chain.add(node.op_type, *inputs, **attributes), [2])


@rewrite(*_FOLLOWING)
def following(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Only after an operator that was rewritten, and where every operand fits."""
    if not _is_sequence(node.outputs[0]) or _results(node) != 1 or not any(_is_signal(i) for i in node.inputs):
        return None
    attributes = settings(node)
    if node.op_type in ("QuantizeLinear", "DequantizeLinear") and shape(node.inputs[1]) not in ((), (1,)):
        return None  # the axis of its scales would be another one
    if node.op_type == "Concat":
        attributes["axis"] = (0, 1, 3)[node.attributes["axis"].as_int() % 3]
    inputs = [_operand(chain, node, index) for index in range(len(node.inputs))]
    if any(i is None and given is not None for i, given in zip(inputs, node.inputs)):
        return None
    return chain.add("Squeeze", chain.add(node.op_type, *inputs, **attributes), [2])


@rewrite("Unsqueeze")
def put_in_again(node: ir.Node, chain: Chain) -> ir.Value | None:
    """An axis that was taken out just before: without both, an activation stands directly after its layer."""
    if len(node.inputs) != 2 or not _is_signal(node.inputs[0]):
        return None
    axes = array(node.inputs[1])
    squeeze = present(producer(node.inputs[0]))
    return squeeze.inputs[0] if axes is not None and axes.tolist() == [2] else None


def _is_sequence(value: ir.Value | None) -> bool:
    return len(shape(value) or ()) == 3


def _results(node: ir.Node) -> int:
    return sum(bool(output.name) for output in node.outputs)


def _weights(chain: Chain, value: ir.Value | None) -> ir.Value | None:
    """Constant weights, or what is dequantised, for an image."""
    given = array(value)
    if given is not None:
        return chain.constant(given[:, :, np.newaxis], "weights")
    return _image(chain, value) if producer(value, "DequantizeLinear") else None


def _image(chain: Chain, value: ir.Value | None) -> ir.Value:
    return chain.add("Unsqueeze", value, [2])


def _is_signal(value: ir.Value | None) -> bool:
    """Whether it is an image of height 1 whose height was taken out."""
    made = producer(value, "Squeeze")
    if made is None or len(made.inputs) != 2:
        return False
    axes, sizes = array(made.inputs[1]), shape(made.inputs[0])
    return sizes is not None and len(sizes) == 4 and axes is not None and axes.tolist() == [2]


def _operand(chain: Chain, node: ir.Node, index: int) -> ir.Value | np.ndarray | None:
    """An input of `node` as the image's operator wants it, None where that cannot be said."""
    value = node.inputs[index]
    if value is None or (node.op_type in ("BatchNormalization", "Clip", "Dropout") and index > 0):
        return value
    given = array(value)
    if node.op_type == "Pad" and index > 0:
        if index != 1:
            return value if index == 2 else None  # with a list of axes it would be another one
        return None if given is None else np.insert(given, [2, 5], 0)
    if given is not None:
        return value if given.ndim < 2 else np.expand_dims(given, given.ndim - 1)
    return _image(chain, value) if _is_sequence(value) else None
