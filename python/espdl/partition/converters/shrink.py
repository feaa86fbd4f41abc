# SPDX-License-Identifier: Apache-2.0
"""Shrink, also with a negative `lambd`: where both conditions hold, the lower one goes first, as in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm import relax

from espdl.partition.tvm_compat import converter, dtype_of


@converter("Shrink")
def shrink(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    (data,) = inputs
    limit, bias = (
        relax.const(attributes.get(name, default), dtype_of(data)) for name, default in (("lambd", 0.5), ("bias", 0.0))
    )
    zero = relax.const(0, dtype_of(data))
    above = relax.op.where(relax.op.greater(data, limit), relax.op.subtract(data, bias), zero)
    below = relax.op.less(data, relax.op.negative(limit))
    return relax.op.where(below, relax.op.add(data, bias), above)
