# SPDX-License-Identifier: Apache-2.0
"""How far before its input the output of a kernel that walks over windows must begin, so that it may run into it."""

from __future__ import annotations

import numpy as np

from espdl.ops.params import ConvShape, PoolShape


def overlap_offset_of_windows(p: ConvShape | PoolShape, input_pixel: int, output_pixel: int, at_once: int = 0) -> int:
    """The offset in bytes (`KernelCall.overlaps`) of a kernel that computes the pixels of its output in their order.

    `p` are the parameters of a convolution or a pool; `input_pixel` and `output_pixel` bytes go from one pixel to the
    next. `at_once` windows are read before any of their outputs is written, one at the end alone; with 0
    the kernel may still read a window when it writes that window's output.
    """
    return overlap_offset(window_begins(p) * input_pixel, output_pixel, at_once)


def window_begins(p: ConvShape | PoolShape) -> np.ndarray:
    """int64: the first pixel of the input that each window reads."""
    rows = np.arange(p.output_height) * p.stride_height - p.pad_top
    columns = np.arange(p.output_width) * p.stride_width - p.pad_left
    begins = np.maximum(rows, 0)[:, None] * p.input_width + np.maximum(columns, 0)
    return begins.reshape(-1).astype(np.int64)


def overlap_offset(begins: np.ndarray, output_pixel: int, at_once: int = 0) -> int:
    """The same where window i reads nothing in front of byte `begins[i]` of the input."""
    count = len(begins)
    if not at_once:
        needed = np.minimum.accumulate(begins[::-1])[::-1]  # by this window or any later one
        return int(max(0, ((np.arange(count) + 1) * output_pixel - needed).max()))
    blocks = count // at_once * at_once if count % at_once <= 1 else count
    starts = np.unique(np.concatenate([np.arange(0, blocks, at_once), np.arange(blocks, count)]))
    return overlap_offset_of_starts(begins, output_pixel, starts)


def overlap_offset_of_starts(begins: np.ndarray, output_pixel: int, starts: np.ndarray) -> int:
    """The same where the windows from each of `starts` (from 0 on) to the next are read before any of their outputs is
    written."""
    needed = np.minimum.accumulate(begins[::-1])[::-1]  # by this window or any later one
    written = starts[1:]
    return int(max(0, (written * output_pixel - needed[written]).max(initial=0)))
