# SPDX-License-Identifier: Apache-2.0
"""Where the outputs of the vector unit's convolutions lie: those that wait, and those that lie over inputs."""

from __future__ import annotations

import numpy as np

from espdl.backends.overlap import overlap_offset, window_begins
from espdl.ops.params import GroupedConvShape

# As in include/espdl/esp32s3/conv2d.h.
SHARED_WINDOWS = 8
WAITING_WINDOWS = 48
VECTOR = 16
# Convolutions that espdl_s3_convolve() walks through.
IN_ROWS = ("aligned", "bytes", "narrow")


def waiting_windows(columns: int) -> int:
    """How many windows of a row of so many wait in `scratch` before they become outputs."""
    return min(columns, WAITING_WINDOWS)


def times_through(columns: int, waits: bool) -> int:
    """How often a kernel goes through all of its weights: for each part of the windows of a row where outputs wait."""
    return -(-columns // WAITING_WINDOWS) if waits else 1


def overlaps_of_groups(p: GroupedConvShape, pixels: int, again: bool) -> tuple[tuple[int, int, int], ...]:
    """`KernelCall.overlaps` of kernels that compute all vectors of channels of some windows, then those of the next.

    SHARED_WINDOWS of a row at a time, but where one vector holds all channels of the `pixels` neighbours that are
    computed as one, a whole row.
    Where there are several vectors, none if weights would be fetched `again` for each of those.
    """
    is_one = p.output_channels * pixels <= VECTOR
    if again and not is_one:
        return ()
    at_once = p.output_width if is_one else SHARED_WINDOWS
    begins = window_begins(p).reshape(p.output_height, p.output_width)
    first = np.arange(p.output_width) // at_once * at_once
    return ((0, 0, overlap_offset(begins[:, first].reshape(-1) * p.input_channels, p.output_channels)),)


def depthwise_in_place(p: GroupedConvShape) -> bool:
    """Whether a depthwise kernel that copies the rows of a window, or of several, reads nothing that it has written.

    Outputs lie over the same channels of inputs. When a row of them is written, the rows that both its window and the
    next one need are in the copy.
    """
    span = (p.kernel_height - 1) * p.dilation_height + 1
    written = np.arange(1, p.output_height)
    copied = written * p.stride_height - p.pad_top + max(span - p.stride_height, 0)
    is_less = p.output_height * p.output_width <= p.input_height * p.input_width
    return is_less and bool((written * p.output_width <= np.minimum(copied, p.input_height) * p.input_width).all())
