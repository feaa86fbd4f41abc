# SPDX-License-Identifier: Apache-2.0
"""What the application sees at inputs and outputs: int8 or float, the model's layout or channels last."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from espdl.graph.types import OperatorGraph, by_output
from espdl.ops.flip_sign import FlipSign
from espdl.ops.operator import Operator
from espdl.plan.types import QUANTIZED, Port, Tensor

# What converts between the application's floats and the network's integers, by the integers' width.
_QUANTIZE, _DEQUANTIZE = ("quantize", "quantize_int16"), ("dequantize", "dequantize_int16")


def apply(graph: OperatorGraph, io: str, input_layout: str) -> OperatorGraph:
    """`io` "int8": conversions at the borders go, the application reads and writes int8 itself. "uint8": likewise, with
    one cheap conversion to int8 inside. "float32": conversions stay.

    `input_layout` "nhwc": inputs of four dimensions are given channels last, and the transposition at the input goes.
    """
    if io in ("int8", "uint8"):
        graph = _without_quantize(graph)
        graph = _without_dequantize(graph)
    if input_layout == "nhwc":
        graph = _without_input_transpose(graph)
    if io == "uint8":
        graph = _with_unsigned_borders(graph)
    tensors = graph.tensors()
    inputs = tuple(replace(p, layout=p.layout or _layout(tensors[p.tensor].shape)) for p in graph.inputs)
    return replace(graph, inputs=inputs)


def with_own_integers(graph: OperatorGraph, integers: Collection[str]) -> OperatorGraph:
    """`graph` with scale 1 for the ports in `integers`, whose values are small integers in the model itself."""
    own = {p.tensor for p in (*graph.inputs, *graph.outputs) if p.name in integers}

    def scaled(tensor: Tensor) -> Tensor:
        if tensor.name not in own or tensor.dtype not in QUANTIZED or tensor.scale is not None:
            return tensor
        return replace(tensor, scale=1.0, zero_point=0)

    return _with_tensors(graph, scaled)


def _with_tensors(graph: OperatorGraph, change: Callable[[Tensor], Tensor]) -> OperatorGraph:
    """`graph` with another description of tensors where they are made."""
    return replace(
        graph,
        operators=tuple(replace(o, outputs=tuple(map(change, o.outputs))) for o in graph.operators),
        aliases=tuple(map(change, graph.aliases)),
        parameters=tuple(map(change, graph.parameters)),
    )


def _layout(shape: tuple[int, ...]) -> str:
    return "NCHW" if len(shape) == 4 else ""


def _readers(graph: OperatorGraph, name: str) -> list:
    return [o for o in graph.operators if any(t.name == name for t in o.inputs)]


def _is_aliased(graph: OperatorGraph, name: str) -> bool:
    return any(a.alias_of == name for a in graph.aliases)


def _without_quantize(graph: OperatorGraph) -> OperatorGraph:
    """Inputs become the int8 tensors that Quantize made of them, where it is their only reader."""
    for port in graph.inputs:
        readers = _readers(graph, port.tensor)
        if len(readers) != 1 or readers[0].name not in _QUANTIZE or _is_aliased(graph, port.tensor):
            continue
        (quantize,) = readers
        (tensor,) = quantize.outputs
        graph = replace(
            graph,
            operators=tuple(o for o in graph.operators if o is not quantize),
            inputs=tuple(replace(p, tensor=tensor.name) if p is port else p for p in graph.inputs),
            parameters=tuple(tensor if t.name == port.tensor else t for t in graph.parameters),
        )
    return graph


def _without_dequantize(graph: OperatorGraph) -> OperatorGraph:
    """Outputs become the int8 tensors before their Dequantize."""
    makers = by_output(graph.operators)
    removed: list[Operator] = []
    outputs = []
    for port in graph.outputs:
        maker = makers.get(port.tensor)
        if maker is not None and maker.name in _DEQUANTIZE and not _readers(graph, port.tensor):
            removed.append(maker)
            port = replace(port, tensor=maker.inputs[0].name)
        outputs.append(port)
    # Only the Dequantize may have known the scale: what moves values does not.
    known = {t.name: t for maker in removed for t in maker.inputs}

    def scaled(tensor: Tensor) -> Tensor:
        found = known.get(tensor.name, tensor) if tensor.scale is None else tensor
        return replace(tensor, scale=found.scale, zero_point=found.zero_point)

    kept = tuple(o for o in graph.operators if not any(o is r for r in removed))
    return replace(_with_tensors(replace(graph, operators=kept), scaled), outputs=tuple(outputs))


def _without_input_transpose(graph: OperatorGraph) -> OperatorGraph:
    """Inputs that are brought channels last are given so; with one channel only the dimensions change."""
    for port in graph.inputs:
        path = _path_to_transpose(graph, port.tensor)
        if path is not None:
            graph = _channels_last_input(graph, port, *path)
    return graph


def _path_to_transpose(graph: OperatorGraph, name: str) -> tuple[list[Operator], Operator | Tensor] | None:
    """The Quantize, if any, between an input and the transposition (or alias) that is all that reads it; that one."""
    passed: list[Operator] = []
    while True:
        readers = _readers(graph, name)
        aliases = [a for a in graph.aliases if a.alias_of == name]
        if len(readers) + len(aliases) != 1:
            return None
        if aliases:
            source = graph.tensors()[name].shape
            is_last = len(source) == 4 and source[1] == 1 and aliases[0].shape == (source[0], *source[2:], 1)
            return (passed, aliases[0]) if is_last else None
        if readers[0].name == "transpose" and tuple(readers[0].axes) == (0, 2, 3, 1):
            return passed, readers[0]
        if readers[0].name not in _QUANTIZE:
            return None
        passed.append(readers[0])
        name = readers[0].outputs[0].name


def _channels_last_input(
    graph: OperatorGraph, port: Port, passed: list[Operator], last: Operator | Tensor
) -> OperatorGraph:
    """`last` goes; the input and what Quantize makes of it take its result's dimensions."""
    tensors = graph.tensors()
    result = last if isinstance(last, Tensor) else last.outputs[0]

    def reshaped(name: str) -> Tensor:
        return replace(tensors[name], shape=result.shape)

    replaced = {port.tensor: reshaped(port.tensor)}
    source = passed[-1].outputs[0].name if passed else port.tensor
    if not passed:
        replaced[port.tensor] = replace(reshaped(port.tensor), name=result.name)
    operators = []
    for operator in graph.operators:
        if operator is last:
            continue
        if any(operator is p for p in passed):
            outputs = [
                replace(reshaped(t.name), name=result.name if t.name == source else t.name) for t in operator.outputs
            ]
            operator = replace(
                operator, inputs=tuple(reshaped(t.name) for t in operator.inputs), outputs=tuple(outputs)
            )
        operators.append(operator)
    return replace(
        graph,
        operators=tuple(operators),
        aliases=tuple(a for a in graph.aliases if a is not last),
        inputs=tuple(
            replace(p, tensor=replaced[p.tensor].name, layout="NHWC") if p is port else p for p in graph.inputs
        ),
        parameters=tuple(replaced.get(t.name, t) for t in graph.parameters),
    )


def _with_unsigned_borders(graph: OperatorGraph) -> OperatorGraph:
    """The application's tensors are uint8; int8 ones take their place inside."""
    tensors = graph.tensors()
    before, after, inputs, outputs = [], [], [], []
    parameters = {t.name: t for t in graph.parameters}
    for port in graph.inputs:
        inner = tensors[port.tensor]
        if inner.dtype == "int8":
            outer = _unsigned(inner)
            before.append(FlipSign((outer,), (inner,), (), True))
            del parameters[inner.name]
            parameters[outer.name] = outer
            port = replace(port, tensor=outer.name)
        inputs.append(port)
    for port in graph.outputs:
        inner = tensors[port.tensor]
        if inner.dtype == "int8":
            outer = _unsigned(inner)
            after.append(FlipSign((inner,), (outer,), (), False))
            port = replace(port, tensor=outer.name)
        outputs.append(port)
    return replace(
        graph,
        operators=(*before, *graph.operators, *after),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        parameters=tuple(parameters.values()),
    )


def _unsigned(tensor: Tensor) -> Tensor:
    return replace(
        tensor, name=f"{tensor.name}:uint8", dtype="uint8", zero_point=tensor.zero_point + 128, alias_of=None
    )
