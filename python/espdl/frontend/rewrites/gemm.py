# SPDX-License-Identifier: Apache-2.0
"""Gemm with constants that hold its alpha and beta."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, settings
from espdl.frontend.rewrites import rewrite


@rewrite("Gemm")
def with_factors(node: ir.Node, chain: Chain) -> ir.Value | None:
    inputs, attributes = list(node.inputs), settings(node)
    for index, (name, value) in enumerate(zip(("alpha", "beta"), node.inputs[1:]), 1):
        factor, known = node.attributes.get_float(name, 1.0), array(value)
        if factor != 1.0 and known is not None:
            inputs[index] = chain.constant((known * np.float32(factor)).astype(np.float32), name)
            del attributes[name]
    return None if inputs == list(node.inputs) else chain.add("Gemm", *inputs, name=node.name, **attributes)
