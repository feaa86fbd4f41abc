# SPDX-License-Identifier: Apache-2.0
"""What holds of every graph of operators, and what no pass over one may change."""

from __future__ import annotations

from espdl.errors import EspdlError
from espdl.graph.types import OperatorGraph


def check(before: OperatorGraph, after: OperatorGraph) -> None:
    """Raises ValueError where an operator of `after` reads what nothing writes before it, or reads it in another type
    or size, and where the ports are not those of `before`, in names and sizes."""
    known = {t.name: (t.count, t.dtype) for t in (*after.parameters, *after.aliases)}
    made = {t.name for t in after.parameters}
    written = set(made)
    for operator in after.operators:
        for tensor in operator.inputs:
            if after.root(tensor.name) not in written:
                raise ValueError(f"{operator.name} reads '{tensor.name}', which nothing writes before it")
            if known[tensor.name] != (tensor.count, tensor.dtype):
                raise ValueError(f"{operator.name} reads '{tensor.name}' as {tensor.dtype}{list(tensor.shape)}")
        for tensor in operator.outputs:
            if tensor.name in made:
                raise ValueError(f"'{tensor.name}' is written twice")
            made.add(tensor.name)
            known[tensor.name] = (tensor.count, tensor.dtype)
            written |= {tensor.name, after.root(tensor.name)}
    unwritten = [p.name for p in after.outputs if after.root(p.tensor) not in written]
    ports = [[(p.name, graph.sizes[p.tensor]) for p in (*graph.inputs, *graph.outputs)] for graph in (before, after)]
    if unwritten or ports[0] != ports[1]:
        raise ValueError(f"inputs and outputs were {ports[0]}, and are {ports[1]}; nothing writes {unwritten}")


def check_not_empty(graph: OperatorGraph, label: str) -> None:
    """Raises EspdlError for a tensor without elements: nothing computes one, so that something went wrong before."""
    producers = graph.producers
    for tensor in graph.tensors().values():
        if tensor.count == 0:
            node = next(iter(producers[tensor.name].source_nodes), "") if tensor.name in producers else ""
            raise EspdlError(
                f"{label}: tensor '{tensor.name}'" + (f" of node '{node}'" if node else ""),
                f"it has no elements: its shape is {list(tensor.shape)}",
                "export the model without it, or with other sizes",
            )
