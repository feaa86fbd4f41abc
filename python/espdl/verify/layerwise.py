# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime as the sanity line: every layer fed with ONNX Runtime's own tensors, compared in integer steps.

ONNX Runtime computes the float operator between DequantizeLinear and QuantizeLinear (all optimisations off, one
thread); an integer kernel rounds elsewhere and may differ by as many steps as its operator says (`Operator.steps`).
Layers that compute with the C library's functions are left out: their last bit is the library's choice. So are those
that read a tensor which ONNX Runtime has not: what the layer before it has rounded otherwise would count as theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from espdl.frontend.loader import ValueInfo
from espdl.ops.operator import operators
from espdl.plan import graph as graphs
from espdl.plan.graph import CallGraph
from espdl.plan.types import KernelCall, Plan, Tensor
from espdl.quantize.ranges import session
from espdl.quantize.types import QuantizedModel
from espdl.verify import counterparts, reference, samples
from espdl.verify.counterparts import Counterpart


@dataclass(frozen=True)
class LayerDifference:
    """One call: the `largest` difference in steps of its output and the most `allowed`, the `share` of values that
    differ, and the `spread` of ONNX Runtime's values (a check that there was something to compare)."""

    name: str
    operator: str
    largest: int
    allowed: int
    share: float
    spread: int

    @property
    def is_right(self) -> bool:
        return self.largest <= self.allowed

    def __str__(self) -> str:
        return (
            f"layer '{self.name}' ({self.operator}) differs by {self.largest} steps from ONNX Runtime, and may by"
            f" {self.allowed}"
        )


def compare(model: QuantizedModel, plan: Plan, inputs: Mapping[str, np.ndarray]) -> list[LayerDifference]:
    """Layers whose output is a tensor of the quantised model, over N samples ([N, input shape])."""
    found = counterparts.find(model.proto, plan)
    wanted = sorted({name for c in found.values() for name in (c.integers, c.real)} - set(inputs))
    runner = session(model.proto, wanted)
    prepared = samples.to_tensors(plan, inputs)
    comparison = _Comparison(plan, found)
    for index in range(len(next(iter(inputs.values())))):
        feed = {i.name: _sample(inputs[i.name][index], i) for i in model.inputs}
        runtime = {**feed, **dict(zip(wanted, runner.run(wanted, feed)))}
        ports = {p.name: prepared[p.name][index] for p in plan.inputs}
        comparison.add(ports, runtime)
    return comparison.layers()


def _sample(values: np.ndarray, value: ValueInfo) -> np.ndarray:
    """In the model's shape; one exported with a larger batch sees the same sample in every place."""
    values = np.asarray(values, value.dtype)
    if values.size == math.prod(value.shape):
        return values.reshape(value.shape)
    return np.ascontiguousarray(np.broadcast_to(values, value.shape))


class _Comparison:
    """`seen`: by call, pairs of ONNX Runtime's and our values, without those of ONNX Runtime that are no numbers."""

    def __init__(self, plan: Plan, found: Mapping[str, Counterpart]):
        self.plan = plan
        self.found = dict(found)
        self.graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
        self.orders: dict[str, counterparts.Order] = {}
        self.seen: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}

    def add(self, ports: Mapping[str, np.ndarray], runtime: Mapping[str, np.ndarray]) -> None:
        """One sample: what the ports hold, and ONNX Runtime's tensors."""
        plan = self.plan
        if not self.orders:
            ours = reference.run(plan, ports)
            self.found = {
                name: c
                for name, c in self.found.items()
                if counterparts.is_same(runtime[c.integers], plan.tensor(name), ours[name])
            }
            self.orders = {
                name: counterparts.order(c.shifted(runtime), plan.tensor(name), ours[name])
                for name, c in self.found.items()
            }
        values = {p.tensor: ports[p.name].reshape(plan.tensor(p.tensor).shape) for p in plan.inputs}
        known = set(values)
        for name, counterpart in self.found.items():
            if name not in values:
                tensor = plan.tensor(name)
                values[name] = self.orders[name](counterpart.shifted(runtime), tensor.shape).astype(tensor.dtype)
                known.add(name)
        for index, call in enumerate(plan.calls):
            self._call(index, call, values, known, runtime)

    def _call(self, index: int, call: KernelCall, values: dict, known: set[str], runtime: Mapping) -> None:
        for tensor in (self.plan.tensor(name) for name in call.inputs):
            if tensor.name not in values:
                values[tensor.name], is_known = _from_memory(self.graph, tensor, values, known)
                known |= {tensor.name} if is_known else set()
        results = reference.compute(self.plan, call, [values[n] for n in call.inputs])
        is_known = call.exact and known.issuperset(call.inputs)
        keeps = call.operator in operators() and operators()[call.operator].keeps_scale
        for name, result in zip(call.outputs, results):
            tensor = self.plan.tensor(name)
            if name not in self.found:
                values[name] = result.reshape(tensor.shape)
                # What is moved, or not rounded to integers, is as good as ONNX Runtime's own.
                known |= {name} if is_known and (keeps or tensor.dtype == "float32") else set()
            elif is_known:
                real = self.orders[name](runtime[self.found[name].real], tensor.shape)
                finite = np.isfinite(real)
                pair = values[name][finite], result.reshape(tensor.shape)[finite]
                self.seen.setdefault(index, []).append(pair)

    def layers(self) -> list[LayerDifference]:
        return [self._layer(self.plan.calls[index], pairs) for index, pairs in sorted(self.seen.items())]

    def _layer(self, call: KernelCall, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> LayerDifference:
        expected, got = (np.concatenate([p[side] for p in pairs]).astype(np.int64) for side in (0, 1))
        difference = np.abs(expected - got) if expected.size else np.zeros(1, np.int64)
        operator = operators().get(call.operator)
        rounded = max(self.found[name].roundings for name in call.outputs if name in self.found)
        return LayerDifference(
            name=", ".join(call.source_nodes) or call.operator,
            operator=call.operator,
            largest=int(difference.max()),
            allowed=(operator.steps(call.params) if operator is not None else 1) + rounded - 1,
            share=float(np.mean(difference > 0)),
            spread=int(expected.max() - expected.min()) if expected.size else 0,
        )


def _from_memory(
    graph: CallGraph, tensor: Tensor, values: Mapping[str, np.ndarray], known: set[str]
) -> tuple[np.ndarray, bool]:
    """The value of a tensor that shares memory with others, and whether ONNX Runtime has all of those."""
    span = graph.spans[tensor.name]
    memory = np.zeros(graph.tensors[span.root].nbytes, np.uint8)
    parts = [name for name, other in graph.spans.items() if other.root == span.root and name in values]
    for name in parts:
        reference.write(memory, graph.spans[name], values[name])
    return reference.read(memory, span, tensor), known.issuperset(parts)
