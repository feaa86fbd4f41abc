# SPDX-License-Identifier: Apache-2.0
"""Any function of one int8 tensor, given by its values (chains of elementwise ONNX operators, HardSwish, Elu, ...)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.lookup import Lookup
from espdl.ops.numerics import quantize_value
from espdl.ops.operator import Match, Mismatch, Operator, PatternBuilder, operator


@operator("table")
@dataclass(frozen=True, eq=False)
class Table(Operator):
    """y = quantize(values[x + 128]); `values` float32 [256]."""

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
        values = match.array("values")
        if match.tensor("x").dtype != "int8" or values.shape != (256,) or match.array("offset").item() != 128:
            raise Mismatch("it is no table of 256 values of an int8 tensor")
        return cls(inputs=match.inputs, outputs=match.outputs, source_nodes=match.source_nodes, values=values)

    def table(self) -> np.ndarray:
        """int8 [256]: the output for x = -128 .. 127. Where the function is undefined it gives zero."""
        values = np.nan_to_num(self.values.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
        return quantize_value(values, self.outputs[0])

    @staticmethod
    def reference(
        params: Mapping[str, Any], inputs: Sequence[np.ndarray], constants: Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        return Lookup.reference(params, inputs, constants)
