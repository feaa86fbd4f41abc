# SPDX-License-Identifier: Apache-2.0
"""The operators of a network and what connects them: what partition makes, passes change and the plan is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from espdl.errors import EspdlError
from espdl.ops.operator import Operator
from espdl.plan.types import Port, Tensor

# None where a backend takes the operator, else the reasons why none does.
Accept = Callable[[Operator], "list[str] | None"]


@dataclass(frozen=True)
class OperatorGraph:
    """Operators in execution order; `aliases` are tensors that only give another's memory other dimensions."""

    operators: tuple[Operator, ...]
    aliases: tuple[Tensor, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Tensor, ...]

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name. Who moves data does not know its scale; somebody along the way does."""
        table: dict[str, Tensor] = {}
        written = [t for operator in self.operators for t in operator.outputs]
        read = [t for operator in self.operators for t in operator.inputs]
        for tensor in (*self.parameters, *written, *read):
            if tensor.name not in table or table[tensor.name].scale is None:
                table[tensor.name] = tensor
        for alias in self.aliases:
            known = alias if alias.scale is not None else table.get(alias.name, alias)
            table[alias.name] = replace(alias, scale=known.scale, zero_point=known.zero_point)
        same = [(t.name, o.outputs[0].name) for o in self.operators if o.keeps_scale for t in o.inputs]
        same += [(alias.alias_of, alias.name) for alias in self.aliases]
        changed = True
        while changed:
            changed = False
            for names in (*same, *(pair[::-1] for pair in same)):
                source, result = (table[name] for name in names)
                if source.scale is not None and result.scale is None:
                    table[result.name] = replace(result, scale=source.scale, zero_point=source.zero_point)
                    changed = True
        return table


def check_not_empty(graph: OperatorGraph, label: str) -> None:
    """Raises EspdlError for a tensor without elements: nothing computes one, so that something went wrong before."""
    made = by_output(graph.operators)
    for tensor in graph.tensors().values():
        if tensor.count == 0:
            node = next(iter(made[tensor.name].source_nodes), "") if tensor.name in made else ""
            raise EspdlError(
                f"{label}: tensor '{tensor.name}'" + (f" of node '{node}'" if node else ""),
                f"it has no elements: its shape is {list(tensor.shape)}",
                "export the model without it, or with other sizes",
            )


def by_output(operators: tuple[Operator, ...]) -> Mapping[str, Operator]:
    """The operator that writes each tensor."""
    return {t.name: operator for operator in operators for t in operator.outputs}
