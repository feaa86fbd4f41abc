# SPDX-License-Identifier: Apache-2.0
"""Transposition on the ESP32-S3: lines of whole words, and blocks of 16 by 16 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from espdl.backends.esp32s3.concat import WORD
from espdl.backends.lowering import ANY, Declined, lowering, portable
from espdl.ops.transpose import Transpose, TransposeParams
from espdl.plan.types import KernelCall
from espdl.targets import Target

HEADER = "espdl/esp32s3/moves.h"


@lowering("transpose", "esp32s3", ANY, alignment=16)
def lower_transpose(node: Transpose, target: Target) -> KernelCall | Declined:
    """Where all that stays together is made of whole words, or what lies 16 apart of whole vectors."""
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(TransposeParams)
    if p.strides[5] == 1 and not any(n % WORD for n in (p.shape[5] * p.item_bytes, *_bytes(p, range(5)))):
        return replace(call, function="espdl_s3_transpose_lines", header=HEADER)
    if p.item_bytes == 1 and p.strides[4] == 1 and _is_whole(*p.shape[4:], _bytes(p, (0, 1, 2, 3, 5))):
        return replace(call, function="espdl_s3_transpose_bytes", header=HEADER, scratch_bytes=512)
    return Declined("what it moves is no whole vectors")


def _bytes(p: TransposeParams, axes: Sequence[int]) -> list[int]:
    """Of the strides that are used."""
    return [p.strides[axis] * p.item_bytes for axis in axes if p.shape[axis] > 1]


def _is_whole(*sizes: int | list[int]) -> bool:
    return all(all(n % 16 == 0 for n in (size if isinstance(size, list) else [size])) for size in sizes)
