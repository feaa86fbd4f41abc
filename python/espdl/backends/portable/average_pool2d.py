# SPDX-License-Identifier: Apache-2.0
"""Average pooling in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.backends.overlap import lead_of_windows
from espdl.backends.portable.windows import window_params
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.numerics import activation_range, requantization
from espdl.ops.windows import tap_counts
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_TFLITE, Target


@lowering("average_pool2d", backend="portable")
class PortableAveragePool2d(Lowering[AveragePool2d]):
    """Any kernel, stride, dilation and border; the mean of all pixels is one large window."""

    def try_lower(self, node: AveragePool2d, target: Target) -> KernelCall | Declined:
        counts = _counts(node)
        if counts.min() == 0:
            return Declined("a window lies outside the input, so that its mean is undefined")
        if counts.max() >= 2**23:
            return Declined(f"a sum of {counts.max()} values does not fit 32 bits")
        (x,), (y,) = node.inputs, node.outputs
        multiplier, shift = requantization(_ratios(node), ROUND_TFLITE)
        low, high = activation_range(node.activation, y)
        window = _window(node)
        return KernelCall(
            operator=node.name,
            function="espdl_average_pool2d_s8",
            params_type="espdl_average_pool2d_params_t",
            header="espdl/kernels/average_pool2d.h",
            params={
                **window,
                "count_include_pad": int(node.count_include_pad),
                "uniform": int(len(multiplier) == 1),
                "input_zero_point": x.zero_point,
                "output_zero_point": y.zero_point,
                "activation_min": low,
                "activation_max": high,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            overlaps=((0, 0, lead_of_windows(window, window["channels"], window["channels"])),),
            constants=(Constant("multiplier", multiplier), Constant("shift", shift)),
            pitched=("input_pitch", "output_pitch"),
            source_nodes=node.source_nodes,
        )


def _window(node: AveragePool2d) -> dict[str, int]:
    window = window_params(node.image, node.output_size, node.kernel, node.strides, node.dilations, node.pads)
    return {**window, "pad_bottom": node.pads[2], "pad_right": node.pads[3]}


def _counts(node: AveragePool2d) -> np.ndarray:
    return tap_counts(_window(node), node.count_include_pad)


def _ratios(node: AveragePool2d) -> np.ndarray:
    """float64: what one unit of a window's sum is worth in units of the output, by count - 1 or for the only count."""
    counts = _counts(node)
    divisors = counts.max() if counts.min() == counts.max() else np.arange(1, counts.max() + 1)
    (x,), (y,) = node.inputs, node.outputs
    return np.atleast_1d(np.float64(np.float32(x.scale)) / (np.float64(np.float32(y.scale)) * divisors))
