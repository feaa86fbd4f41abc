# SPDX-License-Identifier: Apache-2.0
"""Between the float arrays of the ONNX model and the tensors that a compiled model reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from espdl.errors import present
from espdl.ops.numerics import quantize_value
from espdl.plan.types import Plan, Port, Tensor


def to_tensors(plan: Plan, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a compiled model takes: its dtype, quantised with its scale, channels last where the port says so.

    `samples` are [N, input shape] by input name, in the model's layout, with or without a first dimension of 1.
    """
    result = {}
    for port in plan.inputs:
        tensor = plan.tensor(port.tensor)
        if tensor.source == "state":
            continue
        values = np.asarray(samples[port.name])
        if port.features is not None:
            values = in_steps(values, port, tensor)
            tensor = replace(tensor, scale=1.0)
        if port.layout == "NHWC":
            height, width, channels = tensor.shape[1:]
            values = values.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        if port.layout == "NTC":
            values = values.reshape(-1, tensor.shape[-1], tensor.count // tensor.shape[-1]).transpose(0, 2, 1)
        if tensor.scale is not None and not port.integers:
            values = quantize_value(values.astype(np.float32), tensor)
        result[port.name] = np.ascontiguousarray(values.reshape(len(samples[port.name]), *tensor.shape), tensor.dtype)
    return result


def in_steps(values: np.ndarray, port: Port, tensor: Tensor) -> np.ndarray:
    """float32 [N, ...]: real values of an input with features, in steps of their scales from its zero point."""
    shape, _, _ = _along_features(port, tensor)
    return recorded_in_steps(values.reshape(len(values), *shape), port, tensor)


def recorded_in_steps(values: np.ndarray, port: Port, tensor: Tensor) -> np.ndarray:
    """The same of values in the model's shape, of any length along the axes that are not that of the features."""
    _, scale, offset = _along_features(port, tensor)
    return (values.astype(np.float32) - offset) / scale


def from_steps(steps: np.ndarray, port: Port, tensor: Tensor) -> np.ndarray:
    """The other way, of one sample, in the model's shape."""
    shape, scale, offset = _along_features(port, tensor)
    return steps.astype(np.float32).reshape(shape) * scale + offset


def _in_model(port: Port, tensor: Tensor) -> tuple[int, ...]:
    """The shape of an input in the model's order of axes."""
    if port.layout == "NHWC":
        return tuple(tensor.shape[i] for i in (0, 3, 1, 2))
    channels = tensor.shape[-1] if tensor.shape else 1
    return (1, channels, tensor.count // channels) if port.layout == "NTC" else tensor.shape


def _along_features(port: Port, tensor: Tensor) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
    """The shape of the model's input; the scales and offsets of its features, which broadcast over it."""
    features = present(port.features)
    shape = _in_model(port, tensor)
    along = [len(features.scales) if axis == features.axis else 1 for axis in range(len(shape))]
    scale, offset = (np.array(numbers, np.float32).reshape(along) for numbers in (features.scales, features.offsets))
    return shape, scale, offset


def to_float(plan: Plan, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of a compiled model, [N, ...] by port, as float32: scale * (q - zero point)."""
    result = {}
    for port in plan.outputs:
        tensor, values = plan.tensor(port.tensor), outputs[port.name]
        if tensor.scale is not None and not port.integers:
            values = (values.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale)
        result[port.name] = values
    return result
