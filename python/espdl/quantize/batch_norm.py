# SPDX-License-Identifier: Apache-2.0
"""Batch normalisations that no convolution in front of them takes in become convolutions of one pixel and one channel.

Networks that normalise before they convolve (DenseNet, ResNet v2) are full of them, and integer kernels run those.
"""

from __future__ import annotations

import numpy as np
import onnx

from espdl.frontend.rewrites.folded_norm import factors
from espdl.frontend.rewrites.scope import Chain, Scope


def as_convolutions(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a depthwise Conv for each BatchNormalization of constant statistics; a copy.

    What has no two axes after its channels gets them for the Conv, which costs nothing in memory.
    """
    if all(node.op_type != "BatchNormalization" for node in proto.graph.node):
        return proto
    result = onnx.ModelProto()
    result.CopyFrom(onnx.shape_inference.infer_shapes(proto, data_prop=True))
    scope = Scope(result)
    scope.replace_nodes([made for node in result.graph.node for made in (_as_convolution(node, scope) or [node])])
    return result


def _as_convolution(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape = scope.shape(node.input[0])
    pair = factors(node, scope) if node.op_type == "BatchNormalization" else None
    if shape is None or len(shape) < 2 or pair is None:
        return None
    chain = Chain(scope, node.name)
    image = shape if len(shape) == 4 else (*shape[:2], int(np.prod(shape[2:])), 1)
    x, y = node.input[0], node.output[0]
    if image != shape:
        x = chain.add("Reshape", x, chain.constant(image, np.int64))
    parameters = chain.constant(pair[0].reshape(-1, 1, 1, 1)), chain.constant(pair[1])
    result = chain.add("Conv", x, *parameters, output=None if image != shape else y, group=shape[1])
    chain.nodes[-1].name = node.name
    if image != shape:
        chain.add("Reshape", result, chain.constant(shape, np.int64), output=y)
    return chain.nodes
