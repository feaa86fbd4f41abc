# SPDX-License-Identifier: Apache-2.0
"""A forward GRU with 16-bit tensors (ONNX GRU)."""

from __future__ import annotations

from dataclasses import dataclass

from espdl.ops.gru import Gru
from espdl.ops.operator import Match, operator
from espdl.ops.wide import require_int16


@operator("gru_int16")
@dataclass(frozen=True, eq=False)
class GruInt16(Gru):
    """As Gru, with int16 tensors of zero point 0."""

    limits = f"int16; {Gru.limits}"
    dtype = "int16"

    @classmethod
    def from_match(cls, match: Match) -> GruInt16:
        require_int16(match)
        return super().from_match(match)
