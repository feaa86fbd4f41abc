# SPDX-License-Identifier: Apache-2.0
"""The lowered module as a graph of operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import tvm
from tvm import relax

from espdl.errors import EspdlError, Node
from espdl.fresh import FreshNames
from espdl.graph.types import OperatorGraph
from espdl.ops.operator import Operator
from espdl.ops.recurrent import Recurrent
from espdl.partition.composites import Composites
from espdl.partition.constants import constant_output
from espdl.partition.tvm_compat import bindings, dtype_of, dtype_of_type, is_constant, op_name, shape_of, shape_of_type
from espdl.partition.unmatched import Unmatched, fallback
from espdl.plan.types import QUANTIZED, Port, Tensor
from espdl.wording import option


class Extraction:
    """Walks a lowered main once. `label` names the model in messages, `prefix` begins the names of generated C
    functions, `ports` are the ONNX names of inputs and outputs."""

    def __init__(
        self,
        unmatched: Unmatched,
        composites: Composites,
        label: str,
        prefix: str,
        ports: tuple[list[str], list[str]],
    ):
        self.lowered = unmatched.lowered
        self.functions = composites.functions
        self.scales = unmatched.scales
        self.composites = composites
        self.label = label
        self.prefix = prefix
        self.input_names, self.output_names = ports
        self.names: dict = {}
        self.constants: dict = {}
        self._unique = FreshNames(separator=":").unique
        self.operators: list[Operator] = []
        self.aliases: list[Tensor] = []
        self.seen: set[str] = set()

    def build(self) -> OperatorGraph:
        main = self.lowered.module["main"]
        self._bindings = bindings(main)
        parameters = []
        for variable, name in zip(main.params, self.input_names):
            self.names[variable] = self._unique(name)
            parameters.append(Tensor(self.names[variable], shape_of(variable), dtype_of(variable)))
        for binding in self._bindings:
            self.seen.add(binding.var.name)
            self._visit(binding.var, binding.value)
        results = self._resolve(main.body.body)
        results = [self._stored(r) for r in (results if isinstance(results, list) else [results])]
        outputs = [Port(name, tensor) for name, tensor in zip(self.output_names, results)]
        inputs = [
            Port(name, self.names[v], "NCHW" if len(shape_of(v)) == 4 else "")
            for name, v in zip(self.input_names, main.params)
        ]
        return OperatorGraph(
            tuple(self.operators), tuple(self.aliases), tuple(inputs), tuple(outputs), tuple(parameters)
        )

    def _visit(self, variable: relax.Var, value: relax.Expr) -> None:
        operator = op_name(value)
        if operator == "relax.call_dps_packed":
            self._composite(variable, self._function(variable, value), value.args[1].fields)
        elif operator == "relax.call_tir":
            self._fallback(variable, value)
        elif operator == "relax.reshape" and not is_constant(value.args[0]):
            source = self._resolve(value.args[0])
            name = self._unique(self.composites.names.tensor(variable.name) or source)
            self.aliases.append(Tensor(name, shape_of(variable), dtype_of(variable), alias_of=source))
            self.names[variable] = name
        else:
            self.names[variable] = self._resolve(value)

    def _function(self, variable: relax.Var, call: relax.Call) -> relax.Function:
        """The composite that a call stands for; EspdlError for a layer that only a kernel can run, and none does."""
        name = str(call.args[0].global_symbol)
        if name not in self.functions:
            names = self.composites.names
            node = Node(*(names.node(variable.name) or (variable.name, name)))
            reasons = self.composites.reasons.get(names.key(variable.name), ["no kernel takes it in this form"])
            raise EspdlError.at(
                self.label,
                node,
                "; ".join(dict.fromkeys(reasons)),
                f"use {option('precision', 'float32')}, or leave it out of those with 16 bits",
            )
        return self.functions[name]

    def _composite(self, variable: relax.Var, function: relax.Function, arguments: Sequence) -> None:
        name = self._unique(self.composites.output_name(function) or self._argument(arguments[0]))
        operator = self.composites.operator_of(function, arguments, self._argument, name)
        if isinstance(operator, Recurrent) and operator.dtype == "float32":
            operator = replace(operator, reasons=tuple(dict.fromkeys(self.composites.reasons_for(name))))
        self.operators.append(operator)
        self.names[variable] = name

    def _argument(self, expression: relax.Expr) -> str:
        """The tensor that a composite reads."""
        resolved = self._resolve(expression)
        if isinstance(resolved, str):
            return resolved
        if expression not in self.constants:
            self.constants[expression] = self._stored(resolved)
        return self.constants[expression]

    def _fallback(self, variable: relax.Var, call: relax.Call) -> None:
        types = variable.ty.fields if isinstance(variable.ty, tvm.ir.TupleType) else [variable.ty]
        outputs = []
        for number, (ty, name) in enumerate(zip(types, self._result_names(variable, len(types)))):
            dtype = dtype_of_type(ty)
            moved = self.composites.names.scales.get(name) if dtype in QUANTIZED else None
            known = self.scales.get((variable.name, number), moved)
            outputs.append(Tensor(self._unique(name), shape_of_type(ty), dtype).with_quantization(known))
        self.operators.append(fallback(self.lowered, self.composites, variable, call, self._resolve, outputs))
        names = [t.name for t in outputs]
        self.names[variable] = names if isinstance(variable.ty, tvm.ir.TupleType) else names[0]

    def _result_names(self, variable: relax.Var, count: int) -> list[str]:
        """The tensors that a call of the fallback writes; where it writes several, those who take them know them."""
        members, names = self.lowered.members[variable.name], self.composites.names
        named = (names.tensor(members[-1]) if members else "") or self._made_up_name(variable)
        if count == 1:
            return [named]
        parts = [b for b in self._bindings if isinstance(b.value, relax.TupleGetItem)]
        taken = {b.value.index: b.var.name for b in parts if variable.same_as(b.value.tuple_value)}
        return [names.tensor(taken.get(number, "")) or named for number in range(count)]

    def _made_up_name(self, variable: relax.Var) -> str:
        """For a value that the model does not have: one step of an operator that TVM computes in several."""
        following = (b.var.name for b in self._bindings if b.var.name not in self.seen)
        names = map(self.composites.names.tensor, following)
        return f"{next((n for n in names if n), variable.name)}:step"

    def _stored(self, result: Any) -> str:
        """The tensor of an argument or an output of the model; one that depends on no input is copied from its
        constant."""
        if isinstance(result, str):
            return result
        number = len(self.operators)
        name, function = self._unique(f"constant:{number}"), f"{self.prefix}constant_{number}"
        operator = constant_output(result.value.numpy(), name, function)
        self.operators.append(operator)
        return operator.outputs[0].name

    def _resolve(self, expression: relax.Expr) -> Any:
        """The tensor, or for a tuple the tensors, that an expression stands for; a constant as it is."""
        if isinstance(expression, relax.Tuple):
            return [self._resolve(f) for f in expression.fields]
        if isinstance(expression, relax.TupleGetItem):
            return self._resolve(expression.tuple_value)[expression.index]
        if isinstance(expression, tvm.ir.Var):
            return self.names[expression]
        return expression
