# SPDX-License-Identifier: Apache-2.0
"""The base of all rewrites of Relax's `main`: one walk from inputs to outputs that builds a new function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import cached_property
from typing import Any, ClassVar

import tvm
from tvm import relax

from espdl.partition.tvm_compat import bindings, op_name, variables


class Rewriter:
    """Copies `main` binding by binding; a subclass overrides `call` to put something else in a call's place.

    `looks_for`: the operators without which there is nothing to rewrite; none where that is not so simple.
    `self.value[old variable]` is the new expression. `self.definition(new variable)` is what it was bound to.
    """

    looks_for: ClassVar[Collection[str]] = ()

    @classmethod
    def apply(cls, module: tvm.IRModule, _: Any = None) -> tvm.IRModule:
        """The rewritten module. As a pass: whatever it is given besides does not matter."""
        if cls.looks_for and not any(op_name(b.value) in cls.looks_for for b in bindings(module["main"])):
            return module
        return cls(module).run()

    def __init__(self, module: tvm.IRModule):
        self.module = module
        self.builder = relax.BlockBuilder()
        self.value: dict = {}
        self._definitions: dict = {}

    @cached_property
    def old(self) -> dict[relax.Var, relax.Expr]:
        """What the old variables are bound to, in order."""
        return {b.var: b.value for b in bindings(self.module["main"])}

    @cached_property
    def uses(self) -> Counter[relax.Var]:
        """How often each of them is read."""
        return Counter(v for value in (*self.old.values(), self.module["main"].body.body) for v in variables(value))

    def run(self) -> tvm.IRModule:
        function = self.module["main"]
        parameters = [relax.Var(p.name, p.ty) for p in function.params]
        self.value.update(zip(function.params, parameters))
        with self.builder.function("main", parameters):
            with self.builder.dataflow():
                for binding in bindings(function):
                    self.value[binding.var] = self._binding(binding)
                output = self.builder.emit_output(self.outputs(function.body.body))
            self.builder.emit_func_output(output)
        result = self.builder.get()
        for variable, other in self.module.functions.items():
            if variable.name_hint != "main":
                result[variable] = other
        if function.attrs:
            result["main"] = result["main"].with_attrs(
                {k: v for k, v in function.attrs.items() if k != "global_symbol"}
            )
        return relax.transform.DeadCodeElimination()(result)

    def _binding(self, binding: relax.Binding) -> relax.Expr:
        value = binding.value
        if isinstance(value, tvm.ir.Call):
            return self.call(binding.var, value)
        if isinstance(value, relax.TupleGetItem):
            source = self.map(value.tuple_value)
            if isinstance(source, relax.Tuple):
                return source.fields[value.index]
            return self.emit(relax.TupleGetItem(source, value.index), binding.var.name)
        return self.map(value)

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        """The new expression for `variable = call`."""
        return self.emit(self.copy(call), variable.name)

    def copy(self, call: relax.Call) -> relax.Call:
        """`call` with its arguments replaced by the new ones."""
        return tvm.ir.Call(call.op, [self.map(a) for a in call.args], call.attrs, call.ty_args)

    def outputs(self, body: relax.Expr) -> relax.Expr:
        return self.map(body)

    def map(self, expression: relax.Expr) -> Any:
        """The new expression for an old one."""
        if isinstance(expression, tvm.ir.Var):
            return self.value.get(expression, expression)
        if isinstance(expression, relax.Tuple):
            return relax.Tuple([self.map(f) for f in expression.fields])
        return expression

    def emit(self, expression: relax.Expr, name: str = "") -> relax.Var:
        variable = self.builder.emit(expression, name)
        self._definitions[variable] = expression
        return variable

    def definition(self, expression: relax.Expr) -> Any:
        """What a new variable was bound to; constants and parameters are returned as they are."""
        return self._definitions.get(expression, expression) if isinstance(expression, tvm.ir.Var) else expression
