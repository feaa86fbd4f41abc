# SPDX-License-Identifier: Apache-2.0
"""A Loop of constant length that is a GRU, an LSTM or an RNN: converters from TensorFlow write Keras' layers so.

What the body is called or made of says little, since every version of a converter writes it otherwise. So the body is
run on random numbers (loop_body.py), and taken for the layer that computes the same from the body's own constants
(loop_cells.py). What no layer computes stays a Loop.
"""

from __future__ import annotations

import numpy as np
import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.loop_body import Body
from espdl.frontend.rewrites.loop_cells import Cell, find
from espdl.frontend.rewrites.scope import Chain


@rewrite("Loop")
def loop(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    body = Body.of(node, scope)
    trace = None if body is None else body.trace()
    if body is None or trace is None:
        return None
    cell = find(body, trace)
    return None if cell is None else _layer(node, scope, body, cell, len(trace.counts))


def _layer(node: onnx.NodeProto, scope: Scope, body: Body, cell: Cell, steps: int) -> list[onnx.NodeProto]:
    """The layer in the Loop's place, and nodes that give its results the Loop's shapes."""
    chain = Chain(scope, node.name or node.output[0])
    front, direction = chain.constant([0], np.int64), chain.constant([1], np.int64)
    data = _data(chain, body, cell, steps)
    weights = [chain.constant(values[np.newaxis]) for values in (cell.weights, cell.recurrence, cell.bias)]
    order = cell.states
    initial = [_initial(chain, scope, body.outer[body.reals[i]]) for i in order]
    attributes = {"hidden_size": body.hidden, "activations": cell.activations}
    if cell.alphas:
        attributes |= {"activation_alpha": cell.alphas, "activation_beta": cell.betas}
    if cell.operator == "GRU":
        attributes["linear_before_reset"] = int(not cell.reset_first)
    inputs, count = [data, *weights, "", *initial], 1 + len(order)
    results = chain.add(cell.operator, *inputs, outputs=count, **attributes)
    last = {body.reals[i]: result for i, result in zip(order, results[1:])}
    for name, output in zip(body.states, node.output):
        if not scope.is_used(output):
            continue
        if name in last:
            chain.add("Squeeze", last[name], front, output=output)
        elif name in body.counters:
            value = np.asarray(body.counters[name])
            chain.add("Identity", chain.constant(value + steps * body.strides[name], value.dtype.type), output=output)
        else:
            chain.add("Identity", body.outer[name], output=output)
    for output in node.output[len(body.states) :]:
        if scope.is_used(output):
            chain.add("Squeeze", results[0], direction, output=output)
    return chain.nodes


def _initial(chain: Chain, scope: Scope, state: str) -> str:
    values = scope.array(state)
    if values is not None:
        return chain.constant(values[np.newaxis])
    return chain.add("Unsqueeze", state, chain.constant([0], np.int64))


def _data(chain: Chain, body: Body, cell: Cell, steps: int) -> str:
    """The rows that the steps read, in their order."""
    rows = body.sequence_shape[0]
    if not cell.backwards and steps == rows:
        return body.sequence
    places = (rows - 1, rows - 1 - steps if steps < rows else -rows - 1, 0, -1) if cell.backwards else (0, steps, 0, 1)
    return chain.add("Slice", body.sequence, *(chain.constant([v], np.int64) for v in places))
