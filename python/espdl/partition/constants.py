# SPDX-License-Identifier: Apache-2.0
"""Outputs of a model that depend on no input: their values are copied at every run, as all outputs are computed."""

from __future__ import annotations

import numpy as np

from espdl.ops.fallback import Fallback
from espdl.partition.fallback.printer import C_TYPES
from espdl.plan.types import Tensor


def constant_output(values: np.ndarray, name: str, function: str) -> Fallback:
    """The operator that writes `values` into the tensor `name`, by a generated C function."""
    kind = C_TYPES[str(values.dtype)]
    text = (
        f"static void {function}(const {kind} *restrict constant, {kind} *restrict y)\n"
        "{\n"
        f"    for (int32_t i = 0; i < {values.size}; ++i) {{\n"
        "        y[i] = constant[i];\n"
        "    }\n"
        "}\n"
    )
    return Fallback(
        inputs=(),
        outputs=(Tensor(name, values.shape, str(values.dtype)),),
        source_nodes=(),
        function=function,
        functions={function: text},
        constants=(values,),
        scratch_bytes=0,
        exact=True,
        reasons=("it depends on no input",),
    )
