# SPDX-License-Identifier: Apache-2.0
"""ReverseSequence: every sequence reads its own steps backwards, and those after its end as they are."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, shape
from espdl.frontend.rewrites import rewrite


@rewrite("ReverseSequence")
def reverse_sequence(node: ir.Node, chain: Chain) -> ir.Value | None:
    data, lengths = node.inputs
    sizes, given = shape(data), array(lengths)
    if sizes is None:
        return None
    time, batch = node.attributes.get_int("time_axis", 0), node.attributes.get_int("batch_axis", 1)
    rank = len(sizes)
    if given is not None and np.all(given == sizes[time]):  # all of it: one move
        return chain.add("Slice", data, [-1], [-sizes[time] - 1], [time], [-1])
    steps = chain.constant(np.arange(sizes[time]).reshape([-1 if a == time else 1 for a in range(rank)]))
    lengths = chain.add("Reshape", lengths, [sizes[batch] if a == batch else 1 for a in range(rank)])
    last = chain.add("Sub", lengths, np.ones([1] * rank, np.int64))
    places = chain.add("Where", chain.add("Less", steps, lengths), chain.add("Sub", last, steps), steps)
    return chain.add("GatherElements", data, chain.add("Expand", places, sizes), axis=time)
