# SPDX-License-Identifier: Apache-2.0
"""LayerNormalization with constant scale and bias over the last axes."""

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import converter, dtype_of, is_constant, shape_of


@converter("LayerNormalization")
def layer_normalization(bb, inputs, attributes):
    data, scale, bias = (*inputs, None)[:3]
    if not is_constant(scale) or (bias is not None and not is_constant(bias)) or dtype_of(data) != "float32":
        return None
    rank = len(shape_of(data))
    axes = list(range(attributes.get("axis", -1) % rank, rank))
    shape = [shape_of(data)[a] for a in axes]
    scale, bias = (
        relax.const(np.ascontiguousarray(np.broadcast_to(v, shape), np.float32))
        for v in (scale.value.numpy(), np.zeros(1) if bias is None else bias.value.numpy())
    )
    return relax.op.nn.layer_norm(data, scale, bias, axes=axes, epsilon=attributes.get("epsilon", 1e-5))
