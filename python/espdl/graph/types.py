# SPDX-License-Identifier: Apache-2.0
"""The operators of a network and what connects them: what partition makes, passes change and the plan is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from espdl.errors import present
from espdl.ops.operator import Operator
from espdl.plan.types import Features, Port, Tensor
from espdl.quantization import Quantization

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

    @property
    def producers(self) -> Mapping[str, Operator]:
        """The operator that writes each tensor."""
        return {t.name: operator for operator in self.operators for t in operator.outputs}

    @property
    def sizes(self) -> dict[str, int]:
        """How many elements each tensor has."""
        outputs = (t for operator in self.operators for t in operator.outputs)
        return {t.name: t.count for t in (*self.parameters, *outputs, *self.aliases)}

    @cached_property
    def _sources(self) -> dict[str, str]:
        return {alias.name: alias.alias_of for alias in self.aliases if alias.alias_of is not None}

    def root(self, name: str) -> str:
        """The tensor whose memory `name` is, itself where it is no alias."""
        while name in self._sources:
            name = self._sources[name]
        return name

    def __str__(self) -> str:
        """A line per operator and alias, for people."""
        lines = [f"input {p.name} = {p.tensor} {p.layout}" for p in self.inputs]
        lines += [f"alias {_text(a)} of {a.alias_of}" for a in self.aliases]
        for operator in self.operators:
            results, operands = (", ".join(map(_text, tensors)) for tensors in (operator.outputs, operator.inputs))
            lines.append(f"{results} = {operator.name}({operands})  # {', '.join(operator.source_nodes)}")
        lines += [f"output {p.name} = {p.tensor}" for p in self.outputs]
        return "".join(f"{line.rstrip()}\n" for line in lines)

    def consumers(self, name: str) -> list[Operator]:
        """The operators that read a tensor, each as often as it does."""
        return [operator for operator in self.operators for t in operator.inputs if t.name == name]

    def only_consumer(self, name: str) -> Operator | None:
        """Who reads a tensor, if it is one operator, once, and nothing else sees the tensor."""
        consumers = self.consumers(name)
        is_seen = any(p.tensor == name for p in self.outputs) or any(a.alias_of == name for a in self.aliases)
        return consumers[0] if len(consumers) == 1 and not is_seen else None

    def without_unread(self, operators: Collection[Operator]) -> OperatorGraph:
        """Without those of `operators` whose results nothing reads, once the others of them are gone."""
        read = {port.tensor for port in self.outputs} | {a.alias_of for a in self.aliases}
        removable, kept = set(map(id, operators)), []
        for operator in reversed(self.operators):
            if id(operator) not in removable or any(t.name in read for t in operator.outputs):
                kept.append(operator)
                read |= {t.name for t in operator.inputs}
        return replace(self, operators=tuple(reversed(kept)))

    def with_tensors(self, change: Callable[[Tensor], Tensor]) -> OperatorGraph:
        """With another description of tensors where they are made."""
        return replace(
            self,
            operators=tuple(replace(o, outputs=tuple(map(change, o.outputs))) for o in self.operators),
            aliases=tuple(map(change, self.aliases)),
            parameters=tuple(map(change, self.parameters)),
        )

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
            table[alias.name] = alias.with_quantization(known.quantization)
        same = [(t.name, o.outputs[0].name) for o in self.operators if o.keeps_scale for t in o.inputs]
        same += [(present(alias.alias_of), alias.name) for alias in self.aliases]
        changed = True
        while changed:
            changed = False
            for names in (*same, *(pair[::-1] for pair in same)):
                source, result = (table[name] for name in names)
                if source.scale is not None and result.scale is None:
                    table[result.name] = result.with_quantization(source.quantization)
                    changed = True
        return table


def _text(tensor: Tensor) -> str:
    scale = "" if tensor.scale is None else f" scale {tensor.scale:.9g} zero {tensor.zero_point}"
    return f"{tensor.name}: {tensor.dtype}{list(tensor.shape)}{scale}"


@dataclass(frozen=True)
class GraphOptions:
    """What passes over the graph may ask.

    `accept`: of every operator. `io`: what the application reads and writes, "int8", "uint8" or "float32".
    `input_layout`: how it gives images, as the "model" has them or "nhwc". `integers`: the ports whose values are
    integers in the model itself, or the application's own. `stream`: the input of which rows are pushed, if any.
    `scales`: what the integers of inputs stand for, `features` where that depends on the feature. `unsigned`: inputs
    and outputs that are uint8 whatever `io` says. `at_caller`: inputs are read where the application has them.
    """

    accept: Accept
    io: str = "int8"
    input_layout: str = "model"
    integers: Collection[str] = ()
    stream: str = ""
    scales: Mapping[str, Quantization] = field(default_factory=dict)
    features: Mapping[str, Features] = field(default_factory=dict)
    unsigned: Collection[str] = ()
    at_caller: bool = False
