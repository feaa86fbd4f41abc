# SPDX-License-Identifier: Apache-2.0
"""Runs a Plan on numpy, with the operators' exact references: what the generated C must give, bit for bit.

The references read logical constants, never packed ones, and every tensor has memory of its own, so that a mistake in a
packing or in the memory plan shows as a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from espdl.ops.operator import operators
from espdl.plan import graph as graphs
from espdl.plan.graph import Span
from espdl.plan.types import KernelCall, Plan, Tensor
from espdl.verify import native


def run(
    plan: Plan, inputs: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray] = MappingProxyType({})
) -> dict[str, np.ndarray]:
    """All tensors of one run, by name, in their dtype and shape.

    `inputs` are the arrays of one sample by the name of the port, in the tensor's dtype, of as many elements. A tensor
    that a call overwrites later (an alias) keeps the value it had when it was written. Tensors in `given` are taken
    from there instead of being computed. Raises ValueError for inputs that are missing, unknown or of another type, and
    where a reference does not give what the Plan says.
    """
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    memory = {root: np.zeros(graph.tensors[root].nbytes, np.uint8) for root in graph.roots}
    values: dict[str, np.ndarray] = {}

    def load(name: str) -> np.ndarray:
        return read(memory[graph.spans[name].root], graph.spans[name], graph.tensors[name])

    def store(name: str, value: np.ndarray) -> None:
        write(memory[graph.spans[name].root], graph.spans[name], value)
        values[name] = value

    unknown = sorted(set(inputs) - {port.name for port in plan.inputs})
    if unknown:
        raise ValueError(f"the model has no input {unknown[0]!r}")
    for port in plan.inputs:
        if port.name not in inputs:
            raise ValueError(f"no value for the input {port.name!r}")
        value = np.asarray(inputs[port.name])
        store(port.tensor, _checked(value, plan.tensor(port.tensor), f"the input {port.name!r}"))
    for call in plan.calls:
        for name, value in zip(call.outputs, compute(plan, call, [load(name) for name in call.inputs]), strict=True):
            what = f"the reference of {call.operator} for {name!r}"
            store(name, _checked(given.get(name, value), plan.tensor(name), what))
    return {name: values[name] if name in values else load(name) for name in graph.tensors}


def compute(plan: Plan, call: KernelCall, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The exact outputs of one call."""
    if call.function in plan.functions:
        return native.call(plan, call, inputs)
    if call.asks:  # the application writes what the input is
        return inputs[:1]
    known = operators()
    if call.operator not in known:
        raise ValueError(f"the operator {call.operator!r} has no reference")
    return known[call.operator].reference(call.params, inputs, {c.name: c.data for c in call.constants})


def read(memory: np.ndarray, span: Span, tensor: Tensor) -> np.ndarray:
    """A copy of the tensor that lies in `span` of its root's `memory`, uint8 [bytes]."""
    return span.of(memory).copy().reshape(-1).view(tensor.dtype).reshape(tensor.shape)


def write(memory: np.ndarray, span: Span, value: np.ndarray) -> None:
    """Put `value` where `read` finds it."""
    place = span.of(memory)
    place[...] = np.ascontiguousarray(value).reshape(-1).view(np.uint8).reshape(place.shape)


def _checked(value: np.ndarray, tensor: Tensor, what: str) -> np.ndarray:
    if value.dtype != np.dtype(tensor.dtype) or value.size != tensor.count:
        raise ValueError(f"{what} is {value.dtype}{list(value.shape)}, not {tensor.dtype}{list(tensor.shape)}")
    return value.reshape(tensor.shape)
