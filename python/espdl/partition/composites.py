# SPDX-License-Identifier: Apache-2.0
"""BYOC: finds the operators that a backend takes and groups each into a composite function of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import Any

import tvm
from tvm import relax
from tvm.relax.transform import FusionPattern, PatternCheckContext

from espdl.graph.types import Accept
from espdl.ops.operator import Mismatch, Operator, operators
from espdl.partition import reasons
from espdl.partition.importer import OnnxNames
from espdl.partition.patterns import TvmMatch, TvmPattern
from espdl.partition.spans import named_calls, original_name
from espdl.partition.tvm_compat import bindings


@cache
def _patterns() -> Mapping[str, TvmPattern]:
    """Those of all operators that have one, in the order in which they are tried, by name."""
    found = [
        (-priority, f"{operator.name}.{number}" if number else operator.name, TvmPattern(operator, build))
        for operator in operators().values()
        for number, (priority, build) in enumerate(operator.patterns())
    ]
    return {name: pattern for _, name, pattern in sorted(found, key=lambda f: f[:2]) if pattern.root is not None}


class Composites:
    """Runs the patterns of all operators over a module; keeps why matches were turned down, by output variable.

    `quantized`: the model is, so that floats in it need an explanation. `functions`: the composites by the names that
    main calls, once they are opaque.
    """

    def __init__(self, names: OnnxNames, accept: Accept, quantized: bool = True):
        self.names = names
        self.accept = accept
        self.quantized = quantized
        self.functions: dict[str, relax.Function] = {}
        self.reasons: dict[str, list[str]] = {}
        self._ungrouped = tvm.IRModule()
        self.patterns = _patterns()

    def group(self, module: tvm.IRModule, at_border: bool = False) -> tvm.IRModule:
        """Groups main's operators; with `at_border` those that convert at inputs and outputs, else all others."""
        fusion = [
            FusionPattern(
                f"espdl.{name}", pattern.root, pattern.labels, lambda context, p=pattern: self._check(p, context)
            )
            for name, pattern in self.patterns.items()
            if pattern.operator.at_border == at_border
        ]
        module = named_calls(module)
        if not at_border:
            self._ungrouped = module
        return relax.transform.FuseOpsByPattern(fusion, bind_constants=True, entry_functions=["main"])(module)

    @cached_property
    def failed(self) -> Mapping[str, str]:
        """`partition.reasons`, for operators that no pattern fits. Most networks have none, and nobody asks."""
        return reasons.of_operators(self._ungrouped, self.names)

    def operator_of(
        self, function: relax.Function, arguments: Any, name: Callable[[Any], str], output_name: str
    ) -> Operator:
        """The operator that a composite function holds; `arguments` are those of its call in main."""
        pattern = self.patterns[str(function.attrs["Composite"]).split(".", 1)[1]]
        actual = dict(zip(function.params, arguments))
        definitions = {v: _named_call(e, actual) for v, e in relax.analysis.get_var2val(function).items()}
        root = definitions[function.body.body]
        matched = pattern.root.extract_matched_expr(root, definitions)
        labels = {label: matched[part] for label, part in pattern.labels.items() if part in matched}

        def value(expression: relax.Expr) -> Any:
            return definitions.get(expression, expression) if isinstance(expression, tvm.ir.Var) else expression

        def tensor(variable: relax.Var) -> str:
            return name(actual[variable]) if variable in actual else self.names.tensor(variable.name) or variable.name

        nodes = self._nodes(_variables(function))
        match = TvmMatch(pattern, labels, value, tensor, root, output_name, nodes)
        return pattern.operator.from_match(match)

    def reasons_for(self, tensor: str) -> list[str]:
        """Why nothing took what computes this tensor of the model."""
        return [r for key, reasons in self.reasons.items() if self.names.tensor(key) == tensor for r in reasons]

    def output_name(self, function: relax.Function) -> str:
        """The ONNX tensor that a composite function computes: that of its last variable with a name; '' without one."""
        named = (self.names.tensor(name) for name in reversed(_variables(function)))
        return next((n for n in named if n), "")

    def _check(self, pattern: TvmPattern, context: PatternCheckContext) -> bool:
        bindings = dict(context.matched_bindings.items())
        variables = context.value_to_bound_var
        output = variables[context.matched_expr].name
        expressions = {
            k: e if isinstance(e, tvm.ir.Var) else variables.get(e, e) for k, e in context.annotated_expr.items()
        }
        if _is_read_elsewhere(context, output):
            return False
        try:
            match = TvmMatch(
                pattern, expressions, lambda e: bindings.get(e, e) if isinstance(e, tvm.ir.Var) else e,
                lambda v: self.names.tensor(v.name) or v.name, context.matched_expr, output,
                self._nodes(v.name for v in bindings),
            )  # fmt: skip
            declined = self.accept(pattern.operator.from_match(match))
        except Mismatch as mismatch:
            # A pattern without Q/DQ (a move) says nothing about a float operator that it happens to fit.
            declined = [str(mismatch)] if pattern.quantizes(context.annotated_expr) else []
        if declined is not None:
            self.reasons.setdefault(self.names.key(output), []).extend(declined)
        return declined is None

    def _nodes(self, variables: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(node[0] for name in variables for node in self.names.all_nodes(name)))


def _is_read_elsewhere(context: PatternCheckContext, output: str) -> bool:
    """Whether something outside of the match reads one of its inner values; a composite has one result only."""
    inside = {variable.name for variable in context.matched_bindings}
    users = (
        user.name
        for variable in context.matched_bindings
        if variable.name != output
        for user in context.var_usages[variable]
    )
    return any(user not in inside for user in users)


def _variables(function: relax.Function) -> list[str]:
    """The names that a function's variables had in main."""
    return [original_name(b) for b in bindings(function)]


def _named_call(value: Any, actual: dict) -> Any:
    """`value`; where it calls a function by a parameter, which is what grouping makes of a name, by the name again."""
    if isinstance(value, tvm.ir.Call) and value.args and isinstance(actual.get(value.args[0]), relax.ExternFunc):
        named = tvm.ir.Call(value.op, [actual[value.args[0]], *value.args[1:]], value.attrs, value.ty_args)
        return relax.BlockBuilder().normalize(named)  # a new call has no type
    return value
