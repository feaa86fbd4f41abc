# SPDX-License-Identifier: Apache-2.0
"""Operators that ONNX Runtime's optimiser has turned to channels last, between two transpositions."""

from __future__ import annotations

import onnx_ir as ir

from espdl.frontend.operator_form.form import Form


def channels_first(f: Form, value: ir.Value, rank: int) -> ir.Value:
    """`value` as ONNX's own operator reads it."""
    return f.add("Transpose", value, perm=[0, rank - 1, *range(1, rank - 1)]) if _is_last(f) else value


def channels_last(f: Form, value: ir.Value, rank: int) -> ir.Value:
    """`value`, computed by ONNX's own operator, as the node gives it."""
    return f.add("Transpose", value, perm=[0, *range(2, rank), 1]) if _is_last(f) else value


def _is_last(f: Form) -> bool:
    return bool(f.attributes.get("channels_last", 0))
