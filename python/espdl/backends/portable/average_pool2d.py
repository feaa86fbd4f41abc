# SPDX-License-Identifier: Apache-2.0
"""Average pooling in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.accumulators import largest, require_int32
from espdl.backends.layers import KERNEL_SUFFIX, clamp, exact_scale, pool_shape, require_no_zero_points
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.backends.overlap import overlap_offset_of_windows
from espdl.ops.average_pool2d import AveragePool2d, AveragePool2dParams, AveragePool2dS16Params
from espdl.ops.numerics import int16_multipliers, requantization
from espdl.ops.params import PaddedPoolShape
from espdl.ops.windows import tap_counts
from espdl.plan.params import Params
from espdl.plan.types import ITEM_BYTES, Constant, KernelCall
from espdl.targets import ROUND_TFLITE, Target


@lowering("average_pool2d", "portable", "int8", "int16")
def lower_average_pool2d(node: AveragePool2d, target: Target) -> KernelCall | Declined:
    """Any kernel, stride, dilation and border; the mean of all pixels is one large window."""
    require_no_zero_points(node)
    (x,), (y,) = node.inputs, node.outputs
    window = PaddedPoolShape(**vars(pool_shape(node)), pad_bottom=node.pads[2], pad_right=node.pads[3])
    counts = tap_counts(window, node.count_include_pad)
    if counts.min() == 0:
        return Declined("a window lies outside the input, so that its mean is undefined")
    bound = int(counts.max()) * largest(x)
    require_int32(bound)
    # What one unit of a window's sum is worth in units of the output, by count - 1 or for the only count.
    divisors = np.atleast_1d(counts.max() if counts.min() == counts.max() else np.arange(1, counts.max() + 1))
    ratios = exact_scale(x) / (exact_scale(y) * divisors)
    common = {**vars(window), "count_include_pad": int(node.count_include_pad), "uniform": int(len(ratios) == 1)}
    common |= clamp(node.activation, y)
    params: Params
    pitched: tuple[str, ...]
    if node.dtype == "int16":
        # With taps on the border that count, a window's sum has fewer values than its divisor says, never more.
        multiplier, shift = int16_multipliers(ratios, np.full(len(ratios), bound))
        params, form, pitched = AveragePool2dS16Params(**common), "average_pool2d_s16", ()
    else:
        multiplier, shift = requantization(ratios, ROUND_TFLITE)
        params = AveragePool2dParams(**common, input_zero_point=x.zero_point, output_zero_point=y.zero_point)
        # The Plan gives pitches in bytes, and the kernel for 16 bits takes elements.
        form, pitched = "average_pool2d", ("input_pitch", "output_pitch")
    pixel = window.channels * ITEM_BYTES[node.dtype]
    return call_of(
        node,
        f"espdl_average_pool2d_{KERNEL_SUFFIX[node.dtype]}",
        f"espdl/kernels/{form}.h",
        params,
        constants=(Constant("multiplier", multiplier), Constant("shift", shift)),
        overlaps=((0, 0, overlap_offset_of_windows(window, pixel, pixel)),),
        pitched=pitched,
        products=y.count * math.prod(node.kernel),
    )
