# SPDX-License-Identifier: Apache-2.0
"""A transposed convolution as convolutions without strides: one for each remainder of a tap's place by the strides.

Outputs whose distance is a multiple of the strides are those of one of them, whose taps are in reverse order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d


@dataclass(frozen=True)
class Phase:
    """An axis of one of them; as make_phase() of port/esp32s3/src/s3_convolve_transposed.c."""

    taps: int
    pad: int
    windows: int


def phases_of(pad: int, stride: int, taps: int, outputs: int) -> Iterator[Phase]:
    """Of an axis, by the remainder of a tap's place."""
    for remainder in range(stride):
        own = max(0, -(-(taps - remainder) // stride))
        first = (remainder - pad) % stride
        yield Phase(own, own - 1 - (first + pad - remainder) // stride, max(0, -(-(outputs - first) // stride)))


def taps_of_phases(weights: np.ndarray, strides: tuple[int, int]) -> Iterator[np.ndarray]:
    """[channels, rows, columns, inputs] of the taps of each, in the order in which they are computed."""
    for down, across in itertools.product(*map(range, strides)):
        yield weights[:, down :: strides[0], across :: strides[1]][:, ::-1, ::-1]


def as_convolutions(node: ConvTranspose2d) -> Iterator[Conv2d]:
    """Those that compute its parts, as far as sums and work are concerned: each has all outputs here."""
    scale, bias, one, none = node.weights_scale, node.bias, (1, 1), (0, 0, 0, 0)
    for weights in taps_of_phases(node.weights, node.strides):
        yield Conv2d(node.inputs, node.outputs, (), weights, scale, bias, one, none, one, 1, None)


def kernel_of(node: ConvTranspose2d) -> str:
    """That of a convolution whose sums they have."""
    return "bytes" if node.inputs[0].shape[3] % 16 else "aligned"


def ahead_of(inputs: int) -> str:
    """What is fetched behind the weights of so many input channels; see packing.AHEAD."""
    return "bytes" if inputs % 16 else "vectors"


def function_of(kernel: str, scheme: str) -> str:
    return f"espdl_s3_conv_transpose2d_{'bytes_' if kernel == 'bytes' else ''}{scheme}s8"


def most_windows(outputs: int, stride: int) -> int:
    """Of an axis, in any of them."""
    return -(-outputs // stride)
