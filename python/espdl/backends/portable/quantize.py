# SPDX-License-Identifier: Apache-2.0
"""Between floats and integers, and between 8 and 16 bits, in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.layers import KERNEL_SUFFIX, clamp, exact_scale, require_no_zero_points
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.ops.dequantize import Dequantize
from espdl.ops.numerics import int16_multiplier
from espdl.ops.quantize import Quantize, QuantizeParams, QuantizeS16Params
from espdl.ops.rescale import Rescale, RescaleParams
from espdl.plan.types import KernelCall, Tensor
from espdl.targets import Target

# From a zero point at one end of 16 bits to the other end.
_LARGEST_STEP = 2**16


@lowering("quantize", "portable", "int8", "int16")
def lower_quantize(node: Quantize, target: Target) -> KernelCall:
    """One division per element, as ONNX defines it."""
    return _conversion(node, node.outputs[0])


@lowering("dequantize", "portable", "int8", "int16")
def lower_dequantize(node: Dequantize, target: Target) -> KernelCall:
    """One multiplication per element."""
    return _conversion(node, node.inputs[0])


def _conversion(node: Quantize | Dequantize, integers: Tensor) -> KernelCall:
    require_no_zero_points(node)
    count, scale = integers.count, float(np.float32(integers.scale))
    function = f"espdl_{node.name}_{KERNEL_SUFFIX[node.dtype]}"
    if node.dtype == "int16":
        return call_of(node, function, "espdl/kernels/quantize_s16.h", QuantizeS16Params(count, scale))
    return call_of(node, function, "espdl/kernels/quantize.h", QuantizeParams(count, scale, integers.zero_point))


@lowering("rescale", "portable", "int16")
def lower_rescale(node: Rescale, target: Target) -> KernelCall | Declined:
    """One multiplication and one shift per element. The integers of an input may have a zero point."""
    (x,), (y,) = node.inputs, node.outputs
    if y.dtype == "int16" and y.zero_point != 0:
        return Declined(f"tensor '{y.name}' of 16 bits has the zero point {y.zero_point}")
    multiplier, shift = int16_multiplier(float(exact_scale(x) / exact_scale(y)), _LARGEST_STEP)
    params = RescaleParams(
        count=y.count,
        input_zero_point=x.zero_point,
        multiplier=multiplier,
        shift=shift,
        output_zero_point=y.zero_point,
        **clamp(None, y),
    )
    function = f"espdl_rescale_{KERNEL_SUFFIX[x.dtype]}_{KERNEL_SUFFIX[y.dtype]}"
    return call_of(node, function, "espdl/kernels/rescale_s16.h", params)
