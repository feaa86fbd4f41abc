# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime as the sanity line: every layer fed with ONNX Runtime's own tensors, compared in integer steps.

ONNX Runtime computes the float operator between DequantizeLinear and QuantizeLinear (all optimisations off, one
thread); an integer kernel rounds elsewhere and may differ by one step, not more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from espdl.plan import graph as graphs
from espdl.plan.graph import Graph
from espdl.plan.types import Plan, Tensor
from espdl.quantize.ranges import session
from espdl.quantize.types import QuantizedModel
from espdl.verify import reference, samples


@dataclass(frozen=True)
class Layer:
    """One call: the `largest` difference in steps of its output, the `share` of values that differ, and the `spread` of
    ONNX Runtime's values (a check that there was something to compare)."""

    name: str
    operator: str
    largest: int
    share: float
    spread: int


def compare(model: QuantizedModel, plan: Plan, inputs: Mapping[str, np.ndarray]) -> list[Layer]:
    """Layers whose output is a tensor of the quantised model, over N samples ([N, input shape without batch])."""
    quantized = {n.input[0]: n.output[0] for n in model.proto.graph.node if n.op_type == "QuantizeLinear"}
    outputs = {n.output[0]: n.input[0] for n in model.proto.graph.node if n.op_type == "DequantizeLinear"}
    names = {t.name: quantized.get(t.name) or outputs.get(t.name) for t in plan.tensors}
    wanted = sorted({n for n in names.values() if n})
    runner = session(model.proto, wanted)
    seen: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    count = len(next(iter(inputs.values())))
    prepared = samples.to_tensors(plan, inputs)
    for index in range(count):
        feed = {i.name: np.asarray(inputs[i.name][index], i.dtype).reshape(i.shape) for i in model.inputs}
        runtime = dict(zip(wanted, runner.run(wanted, feed)))
        values = {p.tensor: prepared[p.name][index].reshape(plan.tensor(p.tensor).shape) for p in plan.inputs}
        _fill(values, plan, names, runtime)
        _run(values, plan, names, runtime, seen)
    return [_layer(plan, call, pairs) for call, pairs in sorted(seen.items())]


def _fill(values: dict, plan: Plan, names: Mapping[str, str | None], runtime: Mapping[str, np.ndarray]) -> None:
    """ONNX Runtime's values for all tensors that it knows."""
    for tensor in plan.tensors:
        source = names[tensor.name]
        if source is not None and tensor.name not in values:
            values[tensor.name] = _in_memory_order(runtime[source], tensor)


def _run(values: dict, plan: Plan, names: Mapping, runtime: Mapping, seen: dict) -> None:
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    for index, call in enumerate(plan.calls):
        for tensor in (plan.tensor(name) for name in call.inputs):
            if tensor.name not in values:
                values[tensor.name] = _from_memory(graph, tensor, values)
        results = reference.compute(plan, call, [values[n] for n in call.inputs])
        for name, result in zip(call.outputs, results):
            tensor = plan.tensor(name)
            if names[name] is None:
                values[name] = result.reshape(tensor.shape)
            else:
                seen.setdefault(index, []).append((values[name], result.reshape(tensor.shape)))


def _from_memory(graph: Graph, tensor: Tensor, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The value of a tensor that shares memory with others, all of which were computed here."""
    span = graph.spans[tensor.name]
    memory = np.zeros(graph.size(span.root), np.uint8)
    for name, other in graph.spans.items():
        if other.root == span.root and name in values:
            reference.write(memory, other, values[name])
    return reference.read(memory, span, tensor)


def _in_memory_order(array: np.ndarray, tensor: Tensor) -> np.ndarray:
    """A value of the model (NCHW) as the Plan holds it."""
    if len(tensor.shape) == 4 and array.ndim == 4:
        last = array.transpose(0, 2, 3, 1)
        if last.shape == tensor.shape:
            return last
    return array.reshape(tensor.shape)


def _layer(plan: Plan, index: int, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Layer:
    call = plan.calls[index]
    expected, got = (np.stack([p[side] for p in pairs]).astype(np.int64) for side in (0, 1))
    difference = np.abs(expected - got)
    name = ", ".join(call.source_nodes) or call.operator
    return Layer(
        name, call.operator, int(difference.max()), float(np.mean(difference > 0)), int(expected.max() - expected.min())
    )
