# SPDX-License-Identifier: Apache-2.0
"""A forward LSTM with 16-bit tensors (ONNX LSTM)."""

from __future__ import annotations

from dataclasses import dataclass

from espdl.ops.lstm import Lstm
from espdl.ops.operator import Match, operator
from espdl.ops.wide import require_int16


@operator("lstm_int16")
@dataclass(frozen=True, eq=False)
class LstmInt16(Lstm):
    """As Lstm, with int16 tensors of zero point 0."""

    limits = f"int16; {Lstm.limits}"
    dtype = "int16"

    @classmethod
    def from_match(cls, match: Match) -> LstmInt16:
        require_int16(match)
        return super().from_match(match)
