# SPDX-License-Identifier: Apache-2.0
"""What a stream must give on a recording: by the references of the Plan, and by ONNX Runtime.

With edges of the stream, the layers of the stream run on the whole recording, those behind them on windows of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from espdl import pipeline
from espdl.errors import EspdlError, present
from espdl.ops.numerics import quantize_value
from espdl.plan import graph as graphs
from espdl.plan.params import Params
from espdl.plan.stripes import Striped
from espdl.plan.types import KernelCall, Plan
from espdl.quantize.ranges import session
from espdl.verify import counterparts, reference, samples

Outputs = dict[str, np.ndarray]


def axis_of_time(plan: Plan, shape: Sequence[int]) -> int:
    """Of the model's input."""
    rows = present(plan.stream).tensors[0].rows
    port = plan.inputs[0]
    if port.layout == "NTC":
        return 2
    candidates = [axis for axis, size in enumerate(shape) if axis and size == rows]
    return candidates[0] if port.layout != "NHWC" or candidates[0] != 1 else candidates[-1]


def rows(plan: Plan, x: np.ndarray, axis: int) -> np.ndarray:
    """A recording as the C takes it: [time, values of a row], quantised."""
    port = plan.inputs[0]
    tensor = plan.tensor(port.tensor)
    if port.features is not None:
        x = samples.recorded_in_steps(x, port, tensor)
        tensor = replace(tensor, scale=1.0)
    order = [axis, *(i for i in range(2, x.ndim) if i != axis), *([1] if axis != 1 else [])]
    values = x[0].transpose([i - 1 for i in order]) if axis != 1 else x[0]
    values = values.reshape(x.shape[axis], -1)
    if tensor.scale is not None and not port.integers:
        values = quantize_value(values.astype(np.float32), tensor)
    return np.ascontiguousarray(values, tensor.dtype)


def expected(plan: Plan, recorded: np.ndarray, steps: Sequence[int]) -> dict[int, Outputs]:
    """By push, what the references give; `recorded` [time, values of a row]."""
    stream = present(plan.stream)
    if stream.edges == "window":
        whole, window = replace(plan, stream=None), stream.tensors[0].rows
        return {s: _outputs(whole, recorded[s * stream.hop - window : s * stream.hop]) for s in steps}
    maps = _maps(plan, recorded)
    return {step: _behind(plan, maps, step) for step in steps}


def _outputs(plan: Plan, window: np.ndarray) -> Outputs:
    values = reference.run(plan, {plan.inputs[0].name: window})
    return {port.name: values[port.tensor] for port in plan.outputs}


def _maps(plan: Plan, recorded: np.ndarray) -> Outputs:
    """By root, the tensors of the stream over all of the recording, [rows, ...]."""
    stream = present(plan.stream)
    pushes = len(recorded) // stream.hop
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    maps = {stream.input: recorded}
    for row_call in Striped(graph, streams=True).row_calls(stream.first, stream.stop):
        call = plan.calls[row_call.call]
        count = present(stream.rows(row_call.output)).end(pushes)
        inputs = [maps[graph.spans[name].root][np.newaxis] for name in call.reads]
        for source in row_call.sources:  # layers that wait for further rows are behind others: no more than is read
            whole = inputs[source.index]
            inputs[source.index] = whole[:, : source.reach.end(count - 1, whole.shape[1])]
        first = row_call.sources[0]
        quantities = {"rows": count, "input_rows": inputs[first.index].shape[1], "above": first.reach.above(0)}
        long = replace(call, params=_changed(call, quantities))
        (result,) = reference.compute(plan, long, inputs)
        maps[row_call.output] = result.reshape(count, -1)
    return maps


def _changed(call: KernelCall, quantities: Mapping[str, int]) -> Params:
    """The parameters of a call for other rows."""
    params: Any = call.params
    for change in present(call.rows).changes:
        params = _with_field(params, change.field, change.factor * quantities[change.quantity] + change.plus)
    return params


def _with_field(params: Any, field: str, value: int) -> Any:
    head, dot, rest = field.partition(".")
    if dot:
        return replace(params, **{head: _with_field(getattr(params, head), rest, value)})
    match = re.fullmatch(r"(\w+)\[(\d+)\]", field)
    if match is None:
        return replace(params, **{field: value})
    values = list(getattr(params, match[1]))
    values[int(match[2])] = value
    return replace(params, **{match[1]: tuple(values)})


def _behind(plan: Plan, maps: Outputs, step: int) -> Outputs:
    """The outputs of the window that ends with a push."""
    stream = present(plan.stream)
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    memory: dict[str, np.ndarray] = {}
    for tensor in stream.tensors:
        end = tensor.end(step)
        if end >= tensor.rows:
            memory[tensor.tensor] = np.ascontiguousarray(maps[tensor.tensor][end - tensor.rows : end])
    memory = {root: values.reshape(-1).view(np.uint8) for root, values in memory.items()}

    def load(name: str) -> np.ndarray:
        return reference.read(memory[graph.spans[name].root], graph.spans[name], graph.tensors[name])

    for call in plan.calls[stream.stop :]:
        results = reference.compute(plan, call, [load(name) for name in call.inputs])
        for name, value in zip(call.outputs, results, strict=True):
            memory[name] = np.ascontiguousarray(value).reshape(-1).view(np.uint8).copy()
    return {port.name: load(port.tensor) for port in plan.outputs}


def forms(made: pipeline.Compilation, x: np.ndarray, axis: int, steps: Sequence[int]) -> list[Outputs]:
    """Outputs [steps, ...] of the float model and of the quantised one in ONNX Runtime."""
    stream = present(made.plan.stream)
    if stream.edges == "window":
        window = stream.tensors[0].rows
        windows = [x.take(np.arange(s * stream.hop - window, s * stream.hop), axis) for s in steps]
        return [_of_windows(proto, windows) for proto in (made.model.proto, made.quantized.proto)]
    known = counterparts.find(made.quantized.proto, made.plan)
    graph = graphs.build(made.plan.calls, made.plan.tensors, made.plan.inputs, made.plan.outputs)
    read = [name for call in made.plan.calls[stream.stop :] for name in call.inputs]
    read += [port.tensor for port in made.plan.outputs]
    ends = {root: None for name in read if (root := graph.spans[name].root) in {r.tensor for r in stream.tensors}}
    if not set(ends) <= set(known):
        raise EspdlError(
            made.model.label,
            "a tensor between new rows and windows is none of the ONNX model, so that ONNX Runtime cannot compute it",
            "compare the C with its reference in a program of your own",
        )
    float_proto = made.quantized.reference_proto or made.quantized.float_proto
    found = []
    for proto in (float_proto, made.quantized.proto):
        cuts = {_real(proto, made.quantized.proto, known[root]): present(stream.rows(root)) for root in ends}
        maps = _long(proto, x, axis, list(cuts))
        behind = _cut(proto, list(cuts))
        shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in behind.graph.input}
        feeds = [
            {n: _window(maps[n], shapes[n], rows.end(step) - rows.rows) for n, rows in cuts.items()} for step in steps
        ]
        found.append(_run_all(behind, feeds))
    return found


def _real(proto: onnx.ModelProto, quantized: onnx.ModelProto, tensor: counterparts.Counterpart) -> str:
    """What a tensor of reals is called in `proto`: an output of the model has its name behind its quantisation."""
    if any(tensor.real in node.output for node in proto.graph.node):
        return tensor.real
    readers = (node for node in quantized.graph.node if tensor.integers in node.input)
    return next(node.output[0] for node in readers if node.op_type == "DequantizeLinear")


def _of_windows(proto: onnx.ModelProto, windows: Sequence[np.ndarray]) -> Outputs:
    (name,) = (i.name for i in proto.graph.input if i.name not in {t.name for t in proto.graph.initializer})
    return _run_all(proto, [{name: window} for window in windows])


def _run_all(proto: onnx.ModelProto, feeds: Sequence[Mapping[str, np.ndarray]]) -> Outputs:
    runner, names = session(proto), [o.name for o in proto.graph.output]
    results = [runner.run(names, {n: np.ascontiguousarray(v) for n, v in feed.items()}) for feed in feeds]
    return {name: np.stack([result[i] for result in results]) for i, name in enumerate(names)}


def _long(proto: onnx.ModelProto, x: np.ndarray, axis: int, names: Sequence[str]) -> Outputs:
    """Tensors of the model for an input that is longer than its own."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.value_info[:]
    del copy.graph.output[:]
    needed = _needed(copy, names, [])
    copy.graph.ClearField("node")
    copy.graph.node.extend(node for node in proto.graph.node if needed & set(node.output))
    copy.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = x.shape[axis]
    return dict(zip(names, session(copy, names).run(list(names), {copy.graph.input[0].name: x})))


def _cut(proto: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """The part of a model behind these tensors, which are its inputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    known = {v.name: v for v in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output)}
    needed = _needed(proto, [o.name for o in proto.graph.output], names)
    del copy.graph.input[:]
    copy.graph.input.extend(known[name] for name in names)
    copy.graph.ClearField("node")
    copy.graph.node.extend(n for n in proto.graph.node if needed & set(n.output) and not set(n.output) & set(names))
    return copy


def _needed(proto: onnx.ModelProto, wanted: Sequence[str], given: Sequence[str]) -> set[str]:
    """Tensors that `wanted` are made of, as far as `given`."""
    needed = set(wanted) - set(given)
    for node in reversed(proto.graph.node):
        if needed & set(node.output):
            needed |= set(node.input) - set(given)
    return needed


def _window(values: np.ndarray, shape: Sequence[int], start: int) -> np.ndarray:
    """Of a tensor over the whole recording the part of the shape of a window's, from row `start` on."""
    axis = next((i for i, (a, b) in enumerate(zip(values.shape, shape)) if a != b), None)
    return values if axis is None else values.take(np.arange(start, start + shape[axis]), axis)
