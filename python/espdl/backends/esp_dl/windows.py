# SPDX-License-Identifier: Apache-2.0
"""Windows and borders as ESP-DL's kernels take them."""

from __future__ import annotations

from collections.abc import Sequence

from espdl.ops.numerics import Inexact


def require_window(image: Sequence[int], kernel: Sequence[int], dilations: Sequence[int]) -> None:
    """Raises Inexact where a window is too large: ESP-DL cuts windows off at one side of the image, not at both."""
    for axis, name in enumerate(("rows", "columns")):
        span = (kernel[axis] - 1) * dilations[axis] + 1
        if span > image[axis]:
            raise Inexact(f"its window spans {span} {name} of an image of {image[axis]}")


def has_border(
    image: Sequence[int],
    output: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
) -> bool:
    """Whether some window reaches beyond the image; `pads` begin with top and left."""
    for axis in range(2):
        end = (output[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - pads[axis]
        if pads[axis] > 0 or end > image[axis]:
            return True
    return False
