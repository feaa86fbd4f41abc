# SPDX-License-Identifier: Apache-2.0
"""An activation in front of what only moves its operand: directly behind a layer it is part of that layer.

ONNX Runtime's optimiser makes of a product of rows a Gemm between two reshapes; exporters put a transposition there.
"""

from __future__ import annotations

import onnx

from espdl.frontend.rewrites import Scope, rewrite

_MOVES = {"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
_LAYERS = {"Add", "BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul", "Mul", "Sub"}


@rewrite("Relu", "Clip")
def activation_first(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    move = scope.maker(node.input[0])
    if move is None or move.op_type not in _MOVES or not _is_read_once(scope, node.input[0]):
        return None
    layer = scope.maker(move.input[0])
    while layer is not None and layer.op_type in _MOVES and _is_read_once(scope, layer.output[0]):
        layer = scope.maker(layer.input[0])
    if layer is None or layer.op_type not in _LAYERS or not _is_read_once(scope, layer.output[0]):
        return None
    activation, behind = onnx.NodeProto(), onnx.NodeProto()
    activation.CopyFrom(node)
    behind.CopyFrom(move)  # nobody reads the old one any more
    activation.input[0], behind.output[0] = move.input[0], node.output[0]
    activation.output[0] = behind.input[0] = scope.unique(f"{node.output[0]}_before")
    return [activation, behind]


def _is_read_once(scope: Scope, name: str) -> bool:
    return len(scope.readers(name)) == 1 and name not in scope.outputs
