# SPDX-License-Identifier: Apache-2.0
"""QuantizeLinear and DequantizeLinear with one scale: without an axis, so that they stay true of any rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm import relax

from espdl.partition.tvm_compat import converter, dtype_of, is_constant


def _has_one_scale(inputs: Sequence) -> bool:
    return len(inputs) == 3 and all(is_constant(i) and i.value.numpy().size == 1 for i in inputs[1:])


@converter("QuantizeLinear")
def quantize(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    """ONNX's default axis is 1; where a move takes the pair to a tensor of rank 1 or 0, there is none."""
    if not _has_one_scale(inputs):
        return None
    return relax.op.quantize(*inputs, axis=0, out_dtype=dtype_of(inputs[2]))


@converter("DequantizeLinear")
def dequantize(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    """As above."""
    return relax.op.dequantize(*inputs, axis=0, out_dtype=dtype_of(inputs[1])) if _has_one_scale(inputs) else None
