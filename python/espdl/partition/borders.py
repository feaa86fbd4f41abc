# SPDX-License-Identifier: Apache-2.0
"""What the application sees at inputs and outputs: int8 or float, the model's layout or channels last."""

from __future__ import annotations

from dataclasses import replace

from espdl.partition.graph import Graph, by_output


def apply(graph: Graph, io: str, input_layout: str) -> Graph:
    """`io` "int8": conversions at the borders go, the application reads and writes int8 itself. "float32": they stay.

    `input_layout` "nhwc": inputs of four dimensions are given channels last, and the transposition at the input goes.
    """
    if io == "int8":
        graph = _without_quantize(graph)
        graph = _without_dequantize(graph)
    if input_layout == "nhwc":
        graph = _without_input_transpose(graph)
    tensors = graph.tensors()
    inputs = tuple(replace(p, layout=p.layout or _layout(tensors[p.tensor].shape)) for p in graph.inputs)
    return replace(graph, inputs=inputs)


def _layout(shape: tuple[int, ...]) -> str:
    return "NCHW" if len(shape) == 4 else ""


def _readers(graph: Graph, name: str) -> list:
    return [o for o in graph.operators if any(t.name == name for t in o.inputs)]


def _is_aliased(graph: Graph, name: str) -> bool:
    return any(a.alias_of == name for a in graph.aliases)


def _without_quantize(graph: Graph) -> Graph:
    """Inputs become the int8 tensors that Quantize made of them, where it is their only reader."""
    for port in graph.inputs:
        readers = _readers(graph, port.tensor)
        if [o.name for o in readers] != ["quantize"] or _is_aliased(graph, port.tensor):
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


def _without_dequantize(graph: Graph) -> Graph:
    """Outputs become the int8 tensors before their Dequantize."""
    makers = by_output(graph.operators)
    removed = []
    outputs = []
    for port in graph.outputs:
        maker = makers.get(port.tensor)
        if maker is not None and maker.name == "dequantize" and not _readers(graph, port.tensor):
            removed.append(maker)
            port = replace(port, tensor=maker.inputs[0].name)
        outputs.append(port)
    kept = tuple(o for o in graph.operators if not any(o is r for r in removed))
    return replace(graph, operators=kept, outputs=tuple(outputs))


def _without_input_transpose(graph: Graph) -> Graph:
    for port in graph.inputs:
        readers = _readers(graph, port.tensor)
        if len(readers) != 1 or readers[0].name != "transpose" or tuple(readers[0].axes) != (0, 2, 3, 1):
            continue
        (tensor,) = readers[0].outputs
        graph = replace(
            graph,
            operators=tuple(o for o in graph.operators if o is not readers[0]),
            inputs=tuple(replace(p, tensor=tensor.name, layout="NHWC") if p is port else p for p in graph.inputs),
            parameters=tuple(
                replace(tensor, scale=t.scale, zero_point=t.zero_point) if t.name == port.tensor else t
                for t in graph.parameters
            ),
        )
    return graph
