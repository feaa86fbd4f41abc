# SPDX-License-Identifier: Apache-2.0
"""A Loop of constant length that is a GRU, an LSTM or an RNN: converters from TensorFlow write Keras' layers so.

What the body is called or made of says little, since every version of a converter writes it otherwise. So the body is
run on random numbers (loop_body.py), and taken for the layer that computes the same from the body's own constants
(loop_cells.py). What no layer computes stays a Loop.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, Results, array
from espdl.frontend.rewrites import rewrite
from espdl.frontend.rewrites.loop_body import Body
from espdl.frontend.rewrites.loop_cells import Cell, find


@rewrite("Loop")
def loop(node: ir.Node, chain: Chain) -> Results | None:
    body = Body.of(node)
    trace = None if body is None else body.trace()
    if body is None or trace is None:
        return None
    cell = find(body, trace)
    return None if cell is None else _layer(chain, body, cell, len(trace.counts))


def _layer(chain: Chain, body: Body, cell: Cell, steps: int) -> Results:
    """The layer in the Loop's place, with results of the Loop's shapes."""
    data = _data(chain, body, cell, steps)
    weights = [values[np.newaxis] for values in (cell.weights, cell.recurrence, cell.bias)]
    initial = [_initial(chain, body.outer[body.reals[i]]) for i in cell.states]
    attributes: dict[str, Any] = {"hidden_size": body.hidden, "activations": cell.activations}
    if cell.alphas:
        attributes |= {"activation_alpha": cell.alphas, "activation_beta": cell.betas}
    if cell.operator == "GRU":
        attributes["linear_before_reset"] = int(not cell.reset_first)
    y, *last = chain.add(cell.operator, data, *weights, None, *initial, outputs=1 + len(initial), **attributes)
    ends = {body.reals[i]: chain.add("Squeeze", value, [0]) for i, value in zip(cell.states, last)}
    for name, value in body.counters.items():
        ends[name] = chain.constant(value + np.asarray(steps * body.strides[name], value.dtype))
    scanned = [chain.add("Squeeze", y, [1]) for _ in chain.node.outputs[len(body.states) :]]
    return [*(ends.get(name, outer) for name, outer in body.outer.items()), *scanned]


def _initial(chain: Chain, state: ir.Value | None) -> ir.Value:
    values = array(state)
    return chain.add("Unsqueeze", state, [0]) if values is None else chain.constant(values[np.newaxis])


def _data(chain: Chain, body: Body, cell: Cell, steps: int) -> ir.Value:
    """The rows that the steps read, in their order."""
    rows = body.sequence_shape[0]
    if not cell.backwards and steps == rows:
        return body.sequence
    places = (rows - 1, rows - 1 - steps if steps < rows else -rows - 1, 0, -1) if cell.backwards else (0, steps, 0, 1)
    return chain.add("Slice", body.sequence, *([place] for place in places))
