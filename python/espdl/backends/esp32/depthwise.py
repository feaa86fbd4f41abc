# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution on the ESP32's MAC16: four channels at a time, which are two pairs of halves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32.fits import decline
from espdl.backends.esp32.strips import columns_of_windows
from espdl.backends.lowering import Declined
from espdl.ops.params import ConvShape
from espdl.plan.types import KernelCall


def depthwise(call: KernelCall) -> KernelCall | Declined:
    """The call of the MAC16 kernel in place of that of the portable kernel for all convolutions of 8 bits."""
    slow = decline(call)
    if slow is not None:
        return slow
    return depthwise_call(call, "s8")


def depthwise_call(call: KernelCall, suffix: str) -> KernelCall:
    p = call.params_of(ConvShape)
    words = (p.kernel_height if p.dilation_height == 1 else 1) * (p.kernel_height * p.kernel_width + 2)
    words += p.output_width + columns_of_windows(p, p.output_width) * p.kernel_height
    return replace(
        call,
        function=f"espdl_mac16_depthwise_{suffix}",
        header="espdl/esp32/depthwise.h",
        packing=f"esp32_depthwise_{suffix}",
        pitched=(),
        scratch_bytes=8 * words + 4,
        in_place=((0, 0),) if _in_place(p) else (),
        overlaps=(),  # channel by channel
    )


def _in_place(p: ConvShape) -> bool:
    """Whether no row of the output is written over a row of the input that has not been read."""
    rows = np.arange(p.output_height)
    last = rows * p.stride_height - p.pad_top + (p.kernel_height - 1) * p.dilation_height
    # A row is read a window at a time, but where rows stay in their places each is read once.
    read = np.clip(last + 1, 0, p.input_height)
    written = (rows + 1) * p.output_width
    again = p.dilation_height > 1
    if again:
        first = (rows + 1) * p.stride_height - p.pad_top
        read = np.minimum(read, np.clip(np.append(first[:-1], p.input_height), 0, p.input_height))
    complete = written <= read * p.input_width
    return bool(complete.all())
