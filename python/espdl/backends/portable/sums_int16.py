# SPDX-License-Identifier: Apache-2.0
"""Sums of products of 16-bit activations and 8-bit weights: one kernel for all."""

from __future__ import annotations

import numpy as np

from espdl.backends.records import scale_ratios
from espdl.ops.conv2d_int16 import Conv2dInt16
from espdl.ops.gemm_int16 import GemmInt16
from espdl.ops.numerics import activation_range, wide_multipliers
from espdl.ops.wide import LARGEST
from espdl.plan.types import Constant, KernelCall


def scaling(node: Conv2dInt16 | GemmInt16) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts, by what the sums of each channel can reach."""
    (x,), (y,) = node.inputs, node.outputs
    taps = np.abs(node.weights.astype(np.int64)).reshape(len(node.weights), -1).sum(axis=1)
    bounds = np.abs(node.bias.astype(np.int64)) + taps * LARGEST
    return wide_multipliers(scale_ratios(x, node.weights_scale, y), bounds)


def call(node: Conv2dInt16 | GemmInt16, weights: np.ndarray, shape: dict[str, int]) -> KernelCall:
    (x,), (y,) = node.inputs, node.outputs
    multiplier, shift = scaling(node)
    low, high = activation_range(node.activation, y)
    return KernelCall(
        operator="conv2d_int16",
        function="espdl_conv2d_s16",
        params_type="espdl_conv2d_s16_params_t",
        header="espdl/kernels/conv2d_s16.h",
        params={**shape, "activation_min": low, "activation_max": high},
        inputs=(x.name,),
        outputs=(y.name,),
        constants=(
            Constant("weights", weights),
            Constant("bias", node.bias),
            Constant("multiplier", multiplier),
            Constant("shift", shift),
        ),
        packing="weights_and_channels",
        macs=node.macs,
        source_nodes=node.source_nodes,
    )
