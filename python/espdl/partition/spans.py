# SPDX-License-Identifier: Apache-2.0
"""Passes that group calls rename variables, but keep each call's place in the source: names travel there."""

from __future__ import annotations

import tvm
from tvm import relax


def named_calls(main: relax.Function) -> relax.Function:
    """`main` with each call's variable as its source location: grouping renames variables but keeps these."""
    blocks = []
    for block in main.body.blocks:
        bindings = []
        for binding in block.bindings:
            value = binding.value
            if isinstance(value, relax.Call):
                span = tvm.ir.Span(tvm.ir.SourceName(binding.var.name), 0, 0, 0, 0)
                value = tvm.ir.Call(value.op, value.args, value.attrs, value.ty_args, span, value.ty)
            bindings.append(relax.VarBinding(binding.var, value))
        blocks.append(type(block)(bindings))
    return relax.Function(main.params, relax.SeqExpr(blocks, main.body.body), main.ret_ty, main.is_pure, main.attrs)


def original_name(binding: relax.Binding) -> str:
    span = getattr(binding.value, "span", None)
    return str(span.source_name.name) if span is not None else binding.var.name
