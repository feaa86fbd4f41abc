# SPDX-License-Identifier: Apache-2.0
"""RoiAlign with regions in pixels of the feature map: the importer takes its half pixel off before it scales them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import Unsupported, converter, opset_of

_LARGEST = (
    "of mode max the runtimes know two meanings: ONNX Runtime takes the largest share that a corner has, others the "
    "largest interpolated value"
)


@converter("RoiAlign")
def roi_align(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    data, regions, batches = inputs
    if attributes.get("mode", b"avg") != b"avg":
        raise Unsupported(_LARGEST)
    default = b"half_pixel" if opset_of(attributes) >= 16 else b"output_half_pixel"
    half_pixel = attributes.get("coordinate_transformation_mode", default) == b"half_pixel"
    scale = relax.const(np.float32(attributes.get("spatial_scale", 1.0)))
    regions = relax.op.multiply(regions, scale)
    if half_pixel:
        regions = relax.op.subtract(regions, relax.const(np.float32(0.5)))
    batches = relax.op.astype(relax.op.expand_dims(batches, axis=1), "float32")
    return relax.op.vision.roi_align(
        data,
        relax.op.concat([batches, regions], axis=1),
        pooled_size=(attributes.get("output_height", 1), attributes.get("output_width", 1)),
        spatial_scale=1.0,
        sample_ratio=attributes.get("sampling_ratio", 0),
        aligned=half_pixel,
        layout="NCHW",
        mode="avg",
    )
