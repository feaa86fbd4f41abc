# SPDX-License-Identifier: Apache-2.0
"""Convolutions of 3x3 windows, stride 1, by Winograd's products: exact, in fewer instructions and more flash.

A tile of 2 rows and 2 or 4 columns of outputs takes 16 or 24 products for each pair of channels in place of 36 or 72.
The transformations of weights (Toom-Cook points 0, 1, -1, infinity, and 2, -2 of four columns) are taken times their
common denominator, so that everything is an integer: transformed weights are at most 9 * 128, or 72 * 128, and
transformed inputs 4 * 128, or 20 * 128. The sums come out 4, or 48, times too large, in words that may wrap before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from espdl.backends.alternatives import alternatives
from espdl.backends.lowering import packing
from espdl.backends.overlap import overlap_offset
from espdl.backends.portable.fast import decline_fast, fast_records, sums_reach
from espdl.ops.conv2d import Conv2d, Conv2dParams
from espdl.ops.conv2d_add import Conv2dAdd, Conv2dAddParams
from espdl.plan.types import KernelCall
from espdl.targets import Target

HEADER = "espdl/kernels/conv2d_winograd.h"
# Tiles, and output channels, that the kernel computes at once; rows of a tile.
TILES, CHANNELS, ROWS = 4, 4, 2
# Of two outputs in a row from four inputs, times 2.
_TWO = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
# Of four outputs from six inputs, times 24.
_FOUR = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]])


@dataclass(frozen=True)
class Tile:
    """`width` outputs in a row; `columns` transforms weights along it. Sums are `factor` times what they should be."""

    width: int
    columns: np.ndarray
    factor: int

    @property
    def positions(self) -> int:
        return (ROWS + 2) * (self.width + 2)


_TILES = {2: Tile(2, _TWO, 4), 4: Tile(4, _FOUR, 48)}


def transform(weights: np.ndarray, width: int) -> np.ndarray:
    """int16 [OC, positions, C] of `weights` int8 [OC, 3, 3, C]."""
    wide = weights.astype(np.int64)
    transformed = np.einsum("ay,bx,oyxi->oabi", _TWO, _TILES[width].columns, wide)
    return transformed.reshape(len(weights), -1, weights.shape[3]).astype(np.int16)


def _pack(call: KernelCall, width: int) -> list[np.ndarray]:
    """Weights [channels / 4][positions][inputs][4], then one `espdl_fast_channel_t` per channel, a multiple of 4."""
    transformed = transform(call.constant("weights"), width)
    padded = np.pad(transformed, ((0, -len(transformed) % CHANNELS), (0, 0), (0, 0)))
    blocks = padded.reshape(-1, CHANNELS, *transformed.shape[1:]).transpose(0, 2, 3, 1)
    return [np.ascontiguousarray(blocks), fast_records(call, CHANNELS)]


@packing("winograd_2x2")
def winograd_2x2(call: KernelCall) -> list[np.ndarray]:
    """Of tiles of two columns."""
    return _pack(_convolution(call), 2)


@packing("winograd_2x4")
def winograd_2x4(call: KernelCall) -> list[np.ndarray]:
    """Of tiles of four columns."""
    return _pack(_convolution(call), 4)


def _convolution(call: KernelCall) -> KernelCall:
    params = call.params
    return replace(call, params=params.conv) if isinstance(params, Conv2dAddParams) else call


@alternatives("conv2d", "portable")
def of_convolution(node: Conv2d, call: KernelCall, target: Target) -> Iterator[KernelCall]:
    for tile in _tiles(node, call):
        p = call.params_of(Conv2dParams)
        yield replace(
            call,
            header=HEADER,
            function=f"espdl_conv2d_winograd_{ROWS}x{tile.width}_s8",
            packing=f"winograd_{ROWS}x{tile.width}",
            scratch_bytes=scratch_bytes(p, tile),
            overlaps=((0, 0, _overlap_offset(p)),),
            products=_products(p, tile, p.output_height),
            notes=(),
        )


@alternatives("conv2d_add", "portable")
def of_convolution_and_sum(node: Conv2dAdd, call: KernelCall, target: Target) -> Iterator[KernelCall]:
    for tile in _tiles(node.conv, _convolution(call)):
        both = call.params_of(Conv2dAddParams)
        rows = ROWS * both.add.count
        yield replace(
            call,
            header=HEADER,
            function=call.function.replace("3x8", f"winograd_{ROWS}x{tile.width}"),
            packing=f"winograd_{ROWS}x{tile.width}",
            scratch_bytes=(rows + 3) // 4 * 4 + scratch_bytes(both.conv, tile),
            products=_products(both.conv, tile, ROWS),
            notes=(),
        )


def _tiles(node: Conv2d, call: KernelCall) -> Iterator[Tile]:
    """Those whose sums fit 32 bits. Sums of channels that give one value only have a sign that counts, too."""
    is_3x3 = node.weights.shape[1:3] == (3, 3) and node.strides == node.dilations == (1, 1) and node.groups == 1
    if not is_3x3 or not isinstance(call.params, Conv2dParams) or decline_fast(call) is not None:
        return  # one window over the whole input is a product
    for tile in _TILES.values():
        if sums_reach(call) * tile.factor < 2**31:
            yield tile


def scratch_bytes(p: Conv2dParams, tile: Tile) -> int:
    """What espdl_winograd_s8() needs: inputs, transformed; sums, or before them a patch; room for outputs of no use."""
    per_position = max(4 * TILES * CHANNELS, p.input_channels) + 2 * TILES * p.input_channels
    return (tile.positions * per_position + 3) // 4 * 4 + p.output_channels


def _products(p: Conv2dParams, tile: Tile, rows: int) -> int:
    """Multiplications of the whole layer, of which `rows` rows are computed at a time."""
    across = -(-p.output_width // tile.width)
    calls = -(-p.output_height // rows)
    tiles = calls * -(-(-(-rows // ROWS) * across) // TILES) * TILES
    return tiles * tile.positions * p.input_channels * -(-p.output_channels // CHANNELS) * CHANNELS


def _overlap_offset(p: Conv2dParams) -> int:
    """A row of tiles is written when some of what it reads may still be needed."""
    first_rows = np.arange(p.output_height) // ROWS * ROWS
    begins = np.maximum(first_rows - p.pad_top, 0) * p.input_width * p.input_channels
    return overlap_offset(np.repeat(begins, p.output_width), p.output_channels)
