# SPDX-License-Identifier: Apache-2.0
"""Between the float arrays of the ONNX model and the tensors that a compiled model reads and writes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from espdl.ops.numerics import quantize_value
from espdl.plan.types import Plan


def to_tensors(plan: Plan, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a compiled model takes: its dtype, quantised with its scale, channels last where the port says so.

    `samples` are [N, input shape] by input name, in the model's layout, with or without a first dimension of 1.
    """
    result = {}
    for port in plan.inputs:
        tensor = plan.tensor(port.tensor)
        values = np.asarray(samples[port.name])
        if port.layout == "NHWC":
            height, width, channels = tensor.shape[1:]
            values = values.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        if port.layout == "NTC":
            values = values.reshape(-1, tensor.shape[-1], tensor.count // tensor.shape[-1]).transpose(0, 2, 1)
        if tensor.scale is not None:
            values = quantize_value(values.astype(np.float32), tensor)
        result[port.name] = np.ascontiguousarray(values.reshape(len(samples[port.name]), *tensor.shape), tensor.dtype)
    return result


def to_float(plan: Plan, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of a compiled model, [N, ...] by port, as float32: scale * (q - zero point)."""
    result = {}
    for port in plan.outputs:
        tensor, values = plan.tensor(port.tensor), outputs[port.name]
        if tensor.scale is not None:
            values = (values.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale)
        result[port.name] = values
    return result
