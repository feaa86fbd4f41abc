# SPDX-License-Identifier: Apache-2.0
"""What lowerings of layers share: the fields of their parameter structs, scales, constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import BORDER, Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.numerics import Inexact, activation_range
from espdl.ops.operator import Operator
from espdl.ops.params import ConvShape, PoolShape
from espdl.plan.types import Constant, KernelCall, Tensor

# With which the names of kernels end, by the dtype of their tensors.
KERNEL_SUFFIX = {"int8": "s8", "int16": "s16", "float32": "f32", "uint8": "u8", "uint16": "u16"}


def conv_shape(node: Conv2d | ConvTranspose2d) -> ConvShape:
    """With which the parameters of a convolution begin."""
    (_, height, width, channels), (_, rows, columns, outputs) = node.inputs[0].shape, node.outputs[0].shape
    return ConvShape(
        input_height=height,
        input_width=width,
        input_channels=channels,
        output_height=rows,
        output_width=columns,
        output_channels=outputs,
        kernel_height=node.weights.shape[1],
        kernel_width=node.weights.shape[2],
        stride_height=node.strides[0],
        stride_width=node.strides[1],
        dilation_height=node.dilations[0],
        dilation_width=node.dilations[1],
        pad_top=node.pads[0],
        pad_left=node.pads[1],
    )


def pool_shape(node: MaxPool2d | AveragePool2d) -> PoolShape:
    """With which the parameters of a pooling begin."""
    image = node.image if isinstance(node, AveragePool2d) else node.inputs[0].shape[1:]
    rows, columns = node.output_size if isinstance(node, AveragePool2d) else node.outputs[0].shape[1:3]
    return PoolShape(
        input_height=image[0],
        input_width=image[1],
        channels=image[2],
        output_height=rows,
        output_width=columns,
        kernel_height=node.kernel[0],
        kernel_width=node.kernel[1],
        stride_height=node.strides[0],
        stride_width=node.strides[1],
        dilation_height=node.dilations[0],
        dilation_width=node.dilations[1],
        input_pitch=image[2],
        output_pitch=image[2],
        pad_top=node.pads[0],
        pad_left=node.pads[1],
    )


def has_border(node: Conv2d) -> bool:
    """Whether some window reaches beyond the image."""
    p = conv_shape(node)
    down = (p.output_height - 1) * p.stride_height + (p.kernel_height - 1) * p.dilation_height + 1
    across = (p.output_width - 1) * p.stride_width + (p.kernel_width - 1) * p.dilation_width + 1
    return p.pad_top > 0 or p.pad_left > 0 or down > p.input_height or across > p.input_width


def clamp(activation: tuple[float, float] | None, y: Tensor) -> dict[str, Any]:
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


def border_constants(node: Conv2d) -> tuple[Constant, ...]:
    """What a border holds where that is not the input's zero point, for the reference and the packing."""
    return () if node.border is None else (Constant(BORDER, node.border),)


def require_plain_border(node: Conv2d) -> None:
    """Raises Inexact where a border holds something else than the input's zero point."""
    if node.border is not None and has_border(node):
        raise Inexact("its border has a number for each channel")


def border_of(call: KernelCall) -> np.ndarray | None:
    """What `border_constants` made of the call's layer."""
    return next((c.data for c in call.constants if c.name == BORDER), None)


def channel_records(call: KernelCall) -> np.ndarray:
    """int32 [channels, 3], the memory of `espdl_channel_t`: bias, multiplier, shift."""
    columns = [call.constant(name).astype(np.int32) for name in ("bias", "multiplier", "shift")]
    return np.ascontiguousarray(np.stack(columns, axis=1))
