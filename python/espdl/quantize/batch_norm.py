# SPDX-License-Identifier: Apache-2.0
"""Batch normalisations that no convolution in front of them takes in become convolutions of one pixel and one channel.

Networks that normalise before they convolve (DenseNet, ResNet v2) are full of them, and integer kernels run those.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir

from espdl.frontend.graph import Chain, rewritten, shape
from espdl.frontend.rewrites.folded_norm import factors


def as_convolutions(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a depthwise Conv for each BatchNormalization of constant statistics; itself where it has none.

    What has no two axes after its channels gets them for the Conv, which costs nothing in memory.
    """
    if all(node.op_type != "BatchNormalization" for node in proto.graph.node):
        return proto
    result = rewritten(onnx.shape_inference.infer_shapes(proto, data_prop=True), _as_convolution)
    return onnx.shape_inference.infer_shapes(result, data_prop=True)


def _as_convolution(node: ir.Node, chain: Chain) -> ir.Value | None:
    x, sizes = node.inputs[0], shape(node.inputs[0])
    pair = factors(node) if node.op_type == "BatchNormalization" else None
    if sizes is None or len(sizes) < 2 or pair is None:
        return None
    image = sizes if len(sizes) == 4 else (*sizes[:2], int(np.prod(sizes[2:])), 1)
    if image != sizes:
        x = chain.add("Reshape", x, image)
    result = chain.add("Conv", x, pair[0].reshape(-1, 1, 1, 1), pair[1], name=node.name, group=sizes[1])
    return result if image == sizes else chain.add("Reshape", result, sizes)
