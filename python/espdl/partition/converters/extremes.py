# SPDX-License-Identifier: Apache-2.0
"""Max and Min of any number of tensors, two at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from tvm import relax

from espdl.partition.tvm_compat import converter


@converter("Max")
def maximum(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    return reduce(lambda a, b: bb.normalize(relax.op.maximum(a, b)), inputs)


@converter("Min")
def minimum(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    return reduce(lambda a, b: bb.normalize(relax.op.minimum(a, b)), inputs)
