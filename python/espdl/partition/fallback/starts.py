# SPDX-License-Identifier: Apache-2.0
"""The value from which a maximum or minimum starts: infinite, where TVM takes the largest finite number.

Otherwise the maximum of nothing but -inf, such as a row of attention that is masked as a whole, would be a number.
"""

from __future__ import annotations

import math

import tvm_ffi
from tvm import s_tir, tirx

_LARGEST = 3.4028234663852886e38


def infinite_starts(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """`function` with infinite initial values in its float32 reductions."""
    return function.with_body(tvm_ffi.structural_map(function.body, (s_tir.SBlock, _block), order="post"))


def _block(block: s_tir.SBlock) -> s_tir.SBlock:
    if block.init is None:
        return block
    init = tvm_ffi.structural_map(block.init, (tirx.FloatImm, _number), order="post")
    return s_tir.SBlock(
        block.iter_vars, block.reads, block.writes, block.name_hint, block.body, init, block.alloc_buffers,
        block.match_buffers, block.annotations, block.span,
    )  # fmt: skip


def _number(number: tirx.FloatImm) -> tirx.FloatImm:
    if abs(number.value) != _LARGEST:
        return number
    return tirx.FloatImm("float32", math.copysign(math.inf, number.value))
