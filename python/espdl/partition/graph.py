# SPDX-License-Identifier: Apache-2.0
"""The partitioned module as a list of operators, free of TVM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import tvm
from tvm import relax

from espdl.errors import EspdlError
from espdl.ops.operator import Operator
from espdl.partition.composites import Composites
from espdl.partition.tvm_compat import dtype_of, is_constant, op_name, shape_of
from espdl.plan.types import Port, Tensor


@dataclass(frozen=True)
class Graph:
    """Operators in execution order; `aliases` are tensors that only give another's memory other dimensions."""

    operators: tuple[Operator, ...]
    aliases: tuple[Tensor, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Tensor, ...]

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name. A writer that moves data does not know its scale; then a reader says it."""
        table: dict[str, Tensor] = {}
        written = [t for operator in self.operators for t in operator.outputs]
        read = [t for operator in self.operators for t in operator.inputs]
        for tensor in (*self.parameters, *written, *read):
            if tensor.name not in table or table[tensor.name].scale is None:
                table[tensor.name] = tensor
        for alias in self.aliases:
            known = table.get(alias.name)
            source = table.get(alias.alias_of)
            scale = known if known is not None and known.scale is not None else source
            if scale is not None:
                alias = replace(alias, scale=scale.scale, zero_point=scale.zero_point)
            table[alias.name] = alias
        return table


class GraphBuilder:
    """Walks main once. `label` names the model in messages."""

    def __init__(self, module: tvm.IRModule, composites: Composites, label: str, ports: tuple[list[str], list[str]]):
        self.module = module
        self.composites = composites
        self.label = label
        self.input_names, self.output_names = ports
        self.names: dict = {}
        self.taken: set[str] = set()
        self.operators: list[Operator] = []
        self.aliases: list[Tensor] = []

    def build(self) -> Graph:
        main = self.module["main"]
        parameters = []
        for variable, name in zip(main.params, self.input_names):
            self.names[variable] = self._unique(name)
            parameters.append(Tensor(self.names[variable], shape_of(variable), dtype_of(variable)))
        for block in main.body.blocks:
            for binding in block.bindings:
                self._visit(binding.var, binding.value)
        body = main.body.body
        results = list(body.fields) if isinstance(body, relax.Tuple) else [body]
        if isinstance(body, tvm.ir.Var) and body in self.names and isinstance(self.names[body], list):
            results, outputs = [], [Port(n, t) for n, t in zip(self.output_names, self.names[body])]
        else:
            outputs = [Port(name, self._name(result)) for name, result in zip(self.output_names, results)]
        inputs = [Port(name, self.names[v]) for name, v in zip(self.input_names, main.params)]
        return Graph(tuple(self.operators), tuple(self.aliases), tuple(inputs), tuple(outputs), tuple(parameters))

    def _visit(self, variable, value) -> None:
        if isinstance(value, tvm.ir.Var):
            self.names[variable] = self.names[value]
        elif isinstance(value, relax.Tuple):
            self.names[variable] = [self._name(f) for f in value.fields]
        elif isinstance(value, tvm.ir.Call) and isinstance(value.op, tvm.ir.GlobalVar):
            self._composite(variable, value)
        elif op_name(value) == "relax.reshape" and isinstance(value.args[0], tvm.ir.Var):
            source = self._name(value.args[0])
            self.names[variable] = self._unique(self.composites.names.tensor(variable.name) or source)
            self.aliases.append(Tensor(self.names[variable], shape_of(variable), dtype_of(variable), alias_of=source))
        else:
            self._refuse(variable, value)

    def _composite(self, variable, call) -> None:
        function = self.module[call.op]
        name = self.composites.output_name(function) or self._name(call.args[0])
        self.names[variable] = self._unique(name)
        self.operators.append(self.composites.operator_of(function, call.args, self._name, self.names[variable]))

    def _name(self, expression) -> str:
        if is_constant(expression):
            raise EspdlError(
                self.label, "one of its outputs does not depend on any input", "remove that output before the export"
            )
        return self.names[expression]

    def _unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self.taken:
            count += 1
            candidate = f"{name}:{count}"
        self.taken.add(candidate)
        return candidate

    def _refuse(self, variable, value) -> None:
        reasons, nodes = self._reasons(variable, value)
        node, operator = nodes
        raise EspdlError(
            f"{self.label}: node '{node}' ({operator})",
            f"no kernel can run it: {reasons}" if reasons else "there is no kernel for this operator",
            "replace it by supported operators before the export (see docs/operators.md), or cut the graph before it",
        )

    def _reasons(self, variable, value) -> tuple[str, tuple[str, str]]:
        """Why the operator that computes `variable` was declined; its node, or that of the next named result."""
        names = self.composites.names
        found = False
        node = names.node(variable.name)
        reasons = list(self.composites.reasons.get(names.key(variable.name), []))
        for block in self.module["main"].body.blocks:
            for binding in block.bindings:
                found = found or binding.var.same_as(variable)
                if found and node is None:
                    node = names.node(binding.var.name)
                if found and not reasons:
                    reasons = list(self.composites.reasons.get(names.key(binding.var.name), []))
        return "; ".join(dict.fromkeys(reasons)), node or (variable.name, op_name(value) or "unknown")


def by_output(operators: tuple[Operator, ...]) -> Mapping[str, Operator]:
    """The operator that writes each tensor."""
    return {t.name: operator for operator in operators for t in operator.outputs}
