# SPDX-License-Identifier: Apache-2.0
"""How the windows of a convolution lie in scratch memory (port/esp32/src/strips.h)."""

from __future__ import annotations

from espdl.ops.params import ConvShape


def columns_of_windows(p: ConvShape, outputs: int) -> int:
    """Columns of a strip for so many outputs in a row: windows share columns, or have their own."""
    if p.dilation_width == 1 and p.kernel_width > p.stride_width:
        return (outputs - 1) * p.stride_width + p.kernel_width
    return outputs * p.kernel_width


def column_of(p: ConvShape) -> int:
    """Values of a column of a strip: even, so that each begins with a word."""
    values = p.kernel_height * p.input_channels
    return values + values % 2


def depth_of(p: ConvShape) -> int:
    """Values of a window as the kernel sums them, with zeros among the weights."""
    return -(-p.kernel_width * column_of(p) // 4) * 4


def strip_bytes(p: ConvShape, outputs: int) -> int:
    """Of the windows of so many outputs in a row."""
    return 2 * columns_of_windows(p, outputs) * column_of(p)
