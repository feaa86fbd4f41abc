# SPDX-License-Identifier: Apache-2.0
"""What the operators on 16-bit activations share; their arithmetic is in `numerics`."""

from __future__ import annotations

from espdl.ops.operator import Match, OtherWidth

LARGEST = 32768


def require_int16(match: Match) -> None:
    """Raises OtherWidth unless all activations are int16 with zero point 0."""
    for tensor in (*match.inputs, *match.outputs):
        if tensor.dtype != "int16" or tensor.zero_point != 0:
            raise OtherWidth(f"tensor '{tensor.name}' is not int16 with zero point 0")
