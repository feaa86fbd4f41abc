# SPDX-License-Identifier: Apache-2.0
"""Average pooling of 16-bit tensors in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.backends.portable.windows import window_params
from espdl.ops.average_pool2d_int16 import AveragePool2dInt16
from espdl.ops.numerics import activation_range, wide_multipliers
from espdl.ops.wide import LARGEST
from espdl.ops.windows import tap_counts
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("average_pool2d_int16", backend="portable")
class PortableAveragePool2dInt16(Lowering[AveragePool2dInt16]):
    """Any kernel, stride, dilation and border; the mean of all pixels is one large window."""

    takes_int16 = True

    def try_lower(self, node: AveragePool2dInt16, target: Target) -> KernelCall | Declined:
        counts = _counts(node)
        if counts.min() == 0:
            return Declined("a window lies outside the input, so that its mean is undefined")
        if counts.max() * LARGEST >= 2**31:
            return Declined(f"a sum of {counts.max()} values does not fit 32 bits")
        (x,), (y,) = node.inputs, node.outputs
        multiplier, shift = _scaling(node)
        low, high = activation_range(node.activation, y)
        return KernelCall(
            operator=node.name,
            function="espdl_average_pool2d_s16",
            params_type="espdl_average_pool2d_s16_params_t",
            header="espdl/kernels/average_pool2d_s16.h",
            params={
                **_window(node),
                "count_include_pad": int(node.count_include_pad),
                "uniform": int(len(multiplier) == 1),
                "activation_min": low,
                "activation_max": high,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(Constant("multiplier", multiplier), Constant("shift", shift)),
            source_nodes=node.source_nodes,
        )


def _window(node: AveragePool2dInt16) -> dict[str, int]:
    window = window_params(node.image, node.output_size, node.kernel, node.strides, node.dilations, node.pads)
    return {**window, "pad_bottom": node.pads[2], "pad_right": node.pads[3]}


def _counts(node: AveragePool2dInt16) -> np.ndarray:
    return tap_counts(_window(node), node.count_include_pad)


def _scaling(node: AveragePool2dInt16) -> tuple[np.ndarray, np.ndarray]:
    """By count - 1, or for the only count: what one unit of a window's sum is worth in steps of the output."""
    counts = _counts(node)
    divisors = np.atleast_1d(counts.max() if counts.min() == counts.max() else np.arange(1, counts.max() + 1))
    (x,), (y,) = node.inputs, node.outputs
    ratios = np.float64(np.float32(x.scale)) / (np.float64(np.float32(y.scale)) * divisors)
    # With taps on the border that count, a window's sum has fewer values than its divisor says, never more.
    return wide_multipliers(ratios, np.full(len(ratios), counts.max() * LARGEST))
