# SPDX-License-Identifier: Apache-2.0
"""GatherElements with constant indices, in the form in which it is seen to move data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import converter, is_constant, shape_of


@converter("GatherElements")
def gather_elements(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    """With indices from the beginning of the axis, where the importer would compute them in the network."""
    data, index = inputs
    if not is_constant(index) or is_constant(data):
        return None
    axis = attributes.get("axis", 0) % len(shape_of(data))
    size, values = shape_of(data)[axis], index.value.numpy()
    return relax.op.gather_elements(data, relax.const(np.where(values < 0, values + size, values)), axis)
