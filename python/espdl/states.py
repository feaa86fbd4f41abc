# SPDX-License-Identifier: Apache-2.0
"""What STATE asks for, against the model: which input is which output of the run before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import onnx

from espdl.errors import EspdlError, UsageError
from espdl.frontend import Model
from espdl.options import Options
from espdl.plan import with_states
from espdl.plan.stream_types import State
from espdl.plan.types import Plan
from espdl.wording import option


def ties(options: Options, model: Model) -> tuple[tuple[str, str], ...]:
    """Pairs (input, output) of the model, after packed ones were taken apart. Raises UsageError for what cannot be."""
    graph = model.proto.graph
    inputs = {value.name: value for value in graph.input}
    outputs = {value.name: value for value in graph.output}
    pairs: list[tuple[str, str]] = []
    if options.state and options.stream:
        remedy = f"compile it for one step with {option('state')}, or for a window with {option('stream')}"
        raise UsageError(option("state", options.state[0]), "a stream keeps its states itself", remedy)
    if options.state and options.input_memory != "arena":
        remedy = f"say {option('input_memory', 'arena')} for this model"
        raise UsageError(option("state", options.state[0]), "states are in the arena", remedy)
    for text in options.state:
        what = option("state", text)
        source, equals, result = text.partition("=")
        if not equals:
            raise UsageError(what, "it is not of the form INPUT=OUTPUT", "name an input and an output, such as h=hn")
        for kind, name, known in (("input", source, inputs), ("output", result, outputs)):
            if name not in known:
                raise UsageError(
                    what, f"the model has no {kind} '{name}'", f"name one of {', '.join(map(repr, known))}"
                )
        if any(source == a or result == b for a, b in pairs):
            raise UsageError(what, "one of them is another state already", "name every input and output once")
        forms = [_form(value) for value in (inputs[source], outputs[result])]
        if forms[0] != forms[1]:
            raise UsageError(
                what,
                f"the input is {forms[0]}, the output {forms[1]}",
                "export the model with states of one type and shape",
            )
        pairs.append((source, result))
    if pairs and len(pairs) == len(inputs):
        raise UsageError(option("state"), "no input is left for the application", "leave one that is no state")
    return tuple(pairs)


def _form(value: onnx.ValueInfoProto) -> str:
    tensor = value.type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in tensor.shape.dim]
    return f"{onnx.TensorProto.DataType.Name(tensor.elem_type).lower()}{dims}"


def without(model: Model, pairs: Sequence[tuple[str, str]]) -> Model:
    """The model with the inputs that the application gives."""
    held = {source for source, _ in pairs}
    return replace(model, inputs=tuple(value for value in model.inputs if value.name not in held))


def loop_nodes(model: Model, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The names of the nodes through which states come back: those that depend on one and that one depends on."""
    nodes = list(model.proto.graph.node)
    reached = {source for source, _ in pairs}
    for node in nodes:
        if reached & set(node.input):
            reached |= set(node.output)
    needed = {result for _, result in pairs}
    for node in reversed(nodes):
        if needed & set(node.output):
            needed |= set(node.input)
    return tuple(n.name for n in nodes if n.name and reached & set(n.output) and needed & set(n.output))


def held(planned: Plan, options: Options, model: Model) -> Plan:
    """`planned` with the states that `options` asks for."""
    found = []
    for source, result in ties(options, model):
        inner = next(port for port in planned.inputs if port.name == source)
        outer = next(port for port in planned.outputs if port.name == result)
        kept, made = planned.tensor(inner.tensor), planned.tensor(outer.tensor)
        ways = [(t.dtype, t.scale, t.zero_point, p.layout) for t, p in ((kept, inner), (made, outer))]
        if ways[0] != ways[1]:
            raise EspdlError(
                f"{model.label}: {option('state', f'{source}={result}')}",
                "input and output are not stored alike",
                f"say {option('input_layout', 'model')}, or report this with the model",
            )
        found.append(State(kept.name, made.name))
    return with_states(planned, found) if found else planned
