# SPDX-License-Identifier: Apache-2.0
"""ReverseSequence: every sequence reads its own steps backwards, and those behind its end as they are."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("ReverseSequence")
def reverse_sequence(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape = scope.shape(node.input[0])
    if shape is None:
        return None
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    time, batch = attributes.get("time_axis", 0), attributes.get("batch_axis", 1)
    chain = Chain(scope, node.name or node.output[0])
    rank = len(shape)
    given = scope.array(node.input[1])
    if given is not None and np.all(given == shape[time]):  # all of it: one move
        where = [chain.constant([v], np.int64) for v in (-1, -shape[time] - 1, time, -1)]
        chain.add("Slice", node.input[0], *where, output=node.output[0])
        return chain.nodes
    steps = chain.constant(np.arange(shape[time]).reshape([-1 if a == time else 1 for a in range(rank)]), np.int64)
    wide = chain.constant([shape[batch] if a == batch else 1 for a in range(rank)], np.int64)
    lengths = chain.add("Reshape", node.input[1], wide)
    last = chain.add("Sub", lengths, chain.constant(np.ones([1] * rank), np.int64))
    places = chain.add("Where", chain.add("Less", steps, lengths), chain.add("Sub", last, steps), steps)
    places = chain.add("Expand", places, chain.constant(shape, np.int64))
    chain.add("GatherElements", node.input[0], places, axis=time, output=node.output[0])
    return chain.nodes
