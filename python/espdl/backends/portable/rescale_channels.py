# SPDX-License-Identifier: Apache-2.0
"""A factor and an offset per channel in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import KERNEL_SUFFIX, clamp, exact_scale
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.ops.rescale_channels import LEAD, RescaleChannels, RescaleChannelsParams
from espdl.plan.types import ITEM_BYTES, Constant, KernelCall
from espdl.targets import Target

# Bits behind the point of an output: at least so many, or more than 1 % of a step is lost; more gain nothing.
_LEAST, _MOST = 4, 15


@lowering("rescale_channels", "portable", "int16")
def lower_rescale_channels(node: RescaleChannels, target: Target) -> KernelCall | Declined:
    """One multiplication and one shift per element, in 32 bits."""
    (x,), (y,) = node.inputs, node.outputs
    if y.dtype == "int16" and y.zero_point != 0:
        return Declined(f"tensor '{y.name}' of 16 bits has the zero point {y.zero_point}")
    factor = node.factor.astype(np.float64) / exact_scale(y)
    offset = y.zero_point - node.offset.astype(np.float64) / exact_scale(y)
    info, behind = np.iinfo(x.dtype), 32 - LEAD[ITEM_BYTES[x.dtype]]
    reach = np.abs(factor).max() * max(-int(info.min), int(info.max)) + np.abs(offset).max() + 1.0
    if not math.isfinite(reach):
        return Declined("its factors and offsets are no numbers of steps of its output")
    # A multiplier has 31 bits, and no sum more than 30.
    largest = float(np.abs(factor).max())
    shift = min(_MOST, 30 - math.frexp(reach)[1], 31 - behind - math.frexp(largest)[1])
    if shift < _LEAST:
        return Declined("some value of its input would be too many steps of its output")
    multipliers = np.rint(np.ldexp(factor, shift + behind)).astype(np.int64)
    addends = np.rint(np.ldexp(offset + 0.5, shift))
    function = f"espdl_rescale_channels_{KERNEL_SUFFIX[x.dtype]}_{KERNEL_SUFFIX[y.dtype]}"
    return call_of(
        node,
        function,
        "espdl/kernels/rescale_channels.h",
        RescaleChannelsParams(
            outer=math.prod(y.shape[: node.axis]),
            channels=y.shape[node.axis],
            inner=math.prod(y.shape[node.axis + 1 :]),
            shift=shift,
            **clamp(None, y),
        ),
        constants=(
            Constant("multipliers", np.minimum(multipliers, 2**31 - 1).astype(np.int32)),
            Constant("addends", addends.astype(np.int32)),
        ),
    )
