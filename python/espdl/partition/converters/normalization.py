# SPDX-License-Identifier: Apache-2.0
"""LayerNormalization over the last axes, with a scale and a bias that broadcast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import converter, dtype_of, is_constant, shape_of


@converter("LayerNormalization")
def layer_normalization(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    """What is constant is part of the normalisation, for the kernel to see; what is computed comes after it."""
    data, scale, bias = (*inputs, None)[:3]
    if dtype_of(data) != "float32":
        return None
    rank = len(shape_of(data))
    axes = list(range(attributes.get("axis", -1) % rank, rank))
    shape = [shape_of(data)[a] for a in axes]
    inner = is_constant(scale) and (bias is None or is_constant(bias))

    def spread(value: relax.Expr, otherwise: np.ndarray) -> relax.Expr:
        values = value.value.numpy() if value is not None and inner else otherwise
        return relax.const(np.ascontiguousarray(np.broadcast_to(values, shape), np.float32))

    gamma, beta = spread(scale, np.ones(1)), spread(bias, np.zeros(1))
    result = relax.op.nn.layer_norm(data, gamma, beta, axes=axes, epsilon=attributes.get("epsilon", 1e-5))
    if not inner:
        result = relax.op.multiply(bb.normalize(result), scale)
        if bias is not None:
            result = relax.op.add(bb.normalize(result), bias)
    return result
