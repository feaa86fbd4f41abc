# SPDX-License-Identifier: Apache-2.0
"""What lowerings of layers share: the fields of their parameter structs, scales, constants."""

from __future__ import annotations

import numpy as np

from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.numerics import Inexact, activation_range
from espdl.ops.operator import Operator
from espdl.plan.types import Constant, KernelCall, Tensor

# With which the names of kernels end, by the dtype of their tensors.
KERNEL_SUFFIX = {"int8": "s8", "int16": "s16", "float32": "f32"}


def conv_fields(node: Conv2d | ConvTranspose2d) -> dict[str, int]:
    """The shape of a convolution, with which its parameter structs begin; `groups` follows where there are any."""
    (_, height, width, channels), (_, rows, columns, outputs) = node.inputs[0].shape, node.outputs[0].shape
    return {
        "input_height": height,
        "input_width": width,
        "input_channels": channels,
        "output_height": rows,
        "output_width": columns,
        "output_channels": outputs,
        "kernel_height": node.weights.shape[1],
        "kernel_width": node.weights.shape[2],
        "stride_height": node.strides[0],
        "stride_width": node.strides[1],
        "dilation_height": node.dilations[0],
        "dilation_width": node.dilations[1],
        "pad_top": node.pads[0],
        "pad_left": node.pads[1],
        **({"groups": node.groups} if isinstance(node, Conv2d) else {}),
    }


def product_fields(rows: int, inputs: int, outputs: int) -> dict[str, int]:
    """The same of a product of `rows` vectors: a row of pixels, convolved with one pixel."""
    ones = ("kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width")
    sizes = {"input_height": 1, "input_width": rows, "input_channels": inputs}
    sizes |= {"output_height": 1, "output_width": rows, "output_channels": outputs}
    return {**sizes, **dict.fromkeys(ones, 1), "pad_top": 0, "pad_left": 0, "groups": 1}


def pool_fields(node: MaxPool2d | AveragePool2d) -> dict[str, int]:
    """The shape of a pooling, with which its parameter structs begin."""
    image = node.image if isinstance(node, AveragePool2d) else node.inputs[0].shape[1:]
    rows, columns = node.output_size if isinstance(node, AveragePool2d) else node.outputs[0].shape[1:3]
    return {
        "input_height": image[0],
        "input_width": image[1],
        "channels": image[2],
        "output_height": rows,
        "output_width": columns,
        "kernel_height": node.kernel[0],
        "kernel_width": node.kernel[1],
        "stride_height": node.strides[0],
        "stride_width": node.strides[1],
        "dilation_height": node.dilations[0],
        "dilation_width": node.dilations[1],
        "input_pitch": image[2],
        "output_pitch": image[2],
        "pad_top": node.pads[0],
        "pad_left": node.pads[1],
    }


def has_border(node: Conv2d) -> bool:
    """Whether some window reaches beyond the image."""
    p = conv_fields(node)
    for axis, start in (("height", "top"), ("width", "left")):
        reach = (p[f"output_{axis}"] - 1) * p[f"stride_{axis}"] + (p[f"kernel_{axis}"] - 1) * p[f"dilation_{axis}"] + 1
        if p[f"pad_{start}"] > 0 or reach - p[f"pad_{start}"] > p[f"input_{axis}"]:
            return True
    return False


def clamp(activation: tuple[float, float] | None, y: Tensor) -> dict[str, int]:
    """The fields with the integers to which a fused activation clamps."""
    low, high = activation_range(activation, y)
    return {"activation_min": low, "activation_max": high}


def exact_scale(tensor: Tensor) -> np.float64:
    """A tensor's scale as what it is in the model, a float32."""
    return np.float64(np.float32(tensor.scale))


def scale_ratios(x: Tensor, weights_scale: np.ndarray, y: Tensor) -> np.ndarray:
    """float64 [channels]: what one unit of the accumulator is worth in units of the output."""
    return exact_scale(x) * weights_scale.astype(np.float64) / exact_scale(y)


def require_no_zero_points(node: Operator) -> None:
    """Raises Inexact where an int16 tensor has a zero point, which kernels for 16 bits do not know."""
    for tensor in (*node.inputs, *node.outputs):
        if tensor.dtype == "int16" and tensor.zero_point != 0:
            raise Inexact(f"tensor '{tensor.name}' of 16 bits has the zero point {tensor.zero_point}")


def sum_constants(
    weights: np.ndarray, bias: np.ndarray, shift: np.ndarray, multiplier: np.ndarray | None = None
) -> tuple[Constant, ...]:
    """The logical constants of sums of products: weights [channels, ...], the others [channels], no multiplier: 0."""
    multiplier = np.zeros(len(weights), np.int32) if multiplier is None else multiplier
    values = {"weights": weights, "bias": bias, "multiplier": multiplier, "shift": shift}
    return tuple(Constant(name, data) for name, data in values.items())


def channel_records(call: KernelCall) -> np.ndarray:
    """int32 [channels, 3], the memory of `espdl_channel_t`: bias, multiplier, shift."""
    columns = [call.constant(name).astype(np.int32) for name in ("bias", "multiplier", "shift")]
    return np.ascontiguousarray(np.stack(columns, axis=1))
