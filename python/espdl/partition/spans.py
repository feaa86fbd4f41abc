# SPDX-License-Identifier: Apache-2.0
"""Passes that group calls rename variables, but keep each call's place in the source: names travel there."""

from __future__ import annotations

import tvm
from tvm import relax


def named_calls(module: tvm.IRModule) -> tvm.IRModule:
    """`module` with each call's variable as its source location in main: grouping renames variables, not these."""
    main, blocks = module["main"], []
    for block in main.body.blocks:
        bindings = []
        for binding in block.bindings:
            value = binding.value
            if isinstance(value, relax.Call):
                span = tvm.ir.Span(tvm.ir.SourceName(binding.var.name), 0, 0, 0, 0)
                value = tvm.ir.Call(value.op, value.args, value.attrs, value.ty_args, span, value.ty)
            bindings.append(relax.VarBinding(binding.var, value))
        blocks.append(type(block)(bindings))
    body = relax.SeqExpr(blocks, main.body.body)
    named = tvm.IRModule(module.functions, attrs=module.attrs)
    named["main"] = relax.Function(main.params, body, main.ret_ty, main.is_pure, main.attrs)
    return named


def original_name(binding: relax.Binding) -> str:
    span = getattr(binding.value, "span", None)
    return str(span.source_name.name) if span is not None else binding.var.name
