# SPDX-License-Identifier: Apache-2.0
"""An activation in front of what only moves its operand: directly after a layer it is part of that layer.

ONNX Runtime's optimiser makes of a product of rows a Gemm between two reshapes; exporters put a transposition there.
"""

from __future__ import annotations

import onnx_ir as ir

from espdl import traits
from espdl.frontend.graph import Chain, is_read_once, operand, producer, settings
from espdl.frontend.rewrites import rewrite

_MOVES = ("Transpose", *traits.having("reshapes"))


@rewrite("Relu", "Clip")
def activation_first(node: ir.Node, chain: Chain) -> ir.Value | None:
    move = producer(node.inputs[0], *_MOVES)
    if move is None or not is_read_once(operand(node, 0)):
        return None
    layer: ir.Node | None = move
    while layer is not None and layer.op_type in _MOVES and is_read_once(layer.outputs[0]):
        layer = producer(layer.inputs[0])
    if layer is None or not traits.of(layer.op_type).takes_activation or not is_read_once(layer.outputs[0]):
        return None
    before = chain.add(node.op_type, move.inputs[0], *node.inputs[1:], name=node.name, **settings(node))
    return chain.add(move.op_type, before, *move.inputs[1:], name=move.name, **settings(move))
