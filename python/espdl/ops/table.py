# SPDX-License-Identifier: Apache-2.0
"""Any function of one tensor, given by its values (chains of elementwise ONNX operators, HardSwish, Elu, ...)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.lookup import Lookup, require_one_width
from espdl.ops.numerics import quantize_value
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator


@operator("table")
@dataclass(frozen=True, eq=False)
class Table(Operator):
    """y = quantize(values[x + half]); `values` float32 [2 * half], half 128 or 32768."""

    values: np.ndarray

    onnx = (
        "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Cosh", "Elu", "HardSigmoid", "HardSwish", "Mish",
        "Pow", "Reciprocal", "Selu", "Shrink", "Sinh", "Softsign", "Swish", "Tan", "ThresholdedRelu",
    )  # fmt: skip
    kind = "table"
    priority = 5

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        index = p.call("relax.add", p.call("relax.astype", p.wildcard("x")), p.constant("offset"))
        return p.quantized(p.call("relax.take", p.constant("values"), index))

    @classmethod
    def from_match(cls, match: Match) -> Table:
        values, x = match.array("values"), match.tensor("x")
        require_one_width(x, match.outputs[0])
        half = 1 << (np.iinfo(x.dtype).bits - 1)
        if values.shape != (2 * half,) or match.array("offset").item() != half:
            raise Mismatch(f"it is no table of all values of an {x.dtype} tensor")
        return cls(inputs=match.inputs, outputs=match.outputs, source_nodes=match.source_nodes, values=values)

    def table(self) -> np.ndarray:
        """The output for all integers of the input. Where the function is undefined it gives zero."""
        values = np.nan_to_num(self.values.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
        return quantize_value(values, self.outputs[0])

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return Lookup.reference(params, inputs, constants)
