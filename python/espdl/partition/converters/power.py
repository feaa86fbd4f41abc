# SPDX-License-Identifier: Apache-2.0
"""Pow of integers with a small constant exponent: TVM has powers of floats only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import Unsupported, converter, dtype_of, is_constant

_LARGEST = 16


@converter("Pow")
def power(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    base, exponent = inputs
    if dtype_of(base).startswith("float"):
        return None
    number = exponent.value.numpy() if is_constant(exponent) else np.zeros(0)
    if number.size != 1 or not 1 <= number.item() <= _LARGEST or number.item() != int(number.item()):
        raise Unsupported(f"of whole numbers, only powers with a constant exponent from 1 to {_LARGEST} are lowered")
    return reduce(lambda a, b: bb.normalize(relax.op.multiply(a, b)), [base] * int(number.item()))
