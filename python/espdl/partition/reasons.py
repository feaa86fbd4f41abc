# SPDX-License-Identifier: Apache-2.0
"""Why an operator that has an integer form is none of the groups that kernels take: the first test that it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tvm

from espdl.partition.importer import OnnxNames
from espdl.partition.passes import tables
from espdl.partition.tvm_compat import bindings, dtype_of, is_constant, op_name, variables

_BORDER = ("relax.quantize", "relax.dequantize")
# What the choice of a layout puts between two operators.
_VIEWS = ("relax.reshape", "relax.permute_dims", "relax.squeeze", "relax.expand_dims")
_SEVERAL = "it is imported in several steps, and kernels know it in one"
_UNKNOWN = "no kernel knows it with these attributes or constants"


def of_operators(module: tvm.IRModule, names: OnnxNames) -> Mapping[str, str]:
    """Key of a variable -> a sentence that is true if no group holds it. `module`: before anything is grouped."""
    main = module["main"]
    values = {b.var: b.value for b in bindings(main)}
    consumers: dict[Any, list[Any]] = {}
    for variable, value in values.items():
        for operand in variables(value):
            consumers.setdefault(operand, []).append(variable)
    table = _Table(names, values, consumers, set(variables(main.body.body)))
    found: dict[str, list[str]] = {}
    declined = tables.declined(module)
    for variable, value in values.items():
        if op_name(value) and op_name(value) not in _BORDER and names.node(variable.name):
            found.setdefault(names.key(variable.name), []).append(declined.get(variable) or table.why(variable, value))
    return {key: min(sentences, key=_vagueness) for key, sentences in found.items()}


def _vagueness(sentence: str) -> int:
    return (_SEVERAL, _UNKNOWN).index(sentence) + 1 if sentence in (_SEVERAL, _UNKNOWN) else 0


class _Table:
    def __init__(self, names: OnnxNames, bindings: Mapping, consumers: Mapping, outputs: set):
        self.names, self.bindings, self.consumers, self.outputs = names, bindings, consumers, outputs

    def why(self, variable: Any, call: Any) -> str:
        node = self.names.node(variable.name)
        for operand in map(self._source, variables(call)):
            producer = self.bindings.get(operand)
            if not _is_float(operand) or op_name(producer) == "relax.dequantize":
                continue
            other = self.names.node(operand.name)
            if other == node:
                if _adds_or_clamps(call):
                    continue
                return _SEVERAL
            if producer is None:
                return f"its operand '{self.names.tensor(operand.name)}' is an input in floats"
            return f"its operand comes in floats from {_node(other)}"
        if not any(map(_is_float, (variable, *variables(call)))):
            kinds = sorted({dtype_of(v) for v in (variable, *variables(call)) if hasattr(v.ty, "dtype")})
            return f"no kernel takes it in {' and '.join(kinds)}"
        after = self._after(variable)
        if after is not None:
            return after
        if any(is_constant(a) and dtype_of(a).startswith("float") and a.value.numpy().size > 1 for a in call.args):
            return "its constants come in floats"
        return _UNKNOWN

    def _source(self, operand: Any) -> Any:
        """What an operand is a view of, where the layout put a view there."""
        call: Any = self.bindings.get(operand)
        while op_name(call) in _VIEWS and self.names.node(operand.name) is None and not is_constant(call.args[0]):
            operand, call = call.args[0], self.bindings.get(call.args[0])
        return operand

    def _after(self, variable: Any) -> str | None:
        """Why the result is not quantised where it is made."""
        if variable in self.outputs:
            return "its result is an output in floats"
        consumers = self.consumers.get(variable, [])
        if len(consumers) > 1 and not all(op_name(self.bindings[r]) == "relax.quantize" for r in consumers):
            return "several operators read its result in floats"
        for consumer in consumers:
            call, other = self.bindings[consumer], self.names.node(consumer.name)
            if op_name(call) == "relax.quantize":
                continue
            is_view = not isinstance(call, tvm.ir.Call) or op_name(call) in _VIEWS
            is_own = other == self.names.node(variable.name) or (other is None and is_view)
            if not is_own and not _adds_or_clamps(call):
                return f"its result goes in floats to {_node(other)}"
            after = self._after(consumer)
            if after is not None:
                return after
        return None


def _adds_or_clamps(call: Any) -> bool:
    """What a kernel does after its sum."""
    if op_name(call) == "relax.add":
        return len(variables(call)) < 2 or any(is_constant(a) for a in call.args)
    return op_name(call) in ("relax.nn.relu", "relax.clip")


def _is_float(variable: Any) -> bool:
    return hasattr(variable.ty, "dtype") and dtype_of(variable).startswith("float")


def _node(node: tuple[str, str] | None) -> str:
    return "a step of another operator" if node is None else f"node '{node[0]}' ({node[1]})"
