# SPDX-License-Identifier: Apache-2.0
"""TopK. Where the order of its results is left open (sorted 0), they are sorted too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm import relax

from espdl.partition.tvm_compat import Unsupported, converter, is_constant, shape_of


@converter("TopK")
def topk(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    data, count = inputs
    if not is_constant(count):
        raise Unsupported("how many elements it keeps is computed, and the generated C has only static shapes")
    axis, largest = attributes.get("axis", -1), bool(attributes.get("largest", 1))
    kept, size = int(count.value.numpy().item()), shape_of(data)[axis]
    if not 0 < kept <= size:
        raise Unsupported(f"it keeps {kept} of {size} elements")
    return relax.op.topk(data, kept, axis, ret_type="both", largest=largest, dtype="int64")
