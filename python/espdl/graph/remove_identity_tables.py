# SPDX-License-Identifier: Apache-2.0
"""Tables that hold every integer at its own place: the result is the operand's memory, with a scale of its own.

A product with a positive constant is one where the result's range is that much larger, and so is a ReLU of what has no
negative values.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.lookup import Lookup, Table, every_integer
from espdl.passes import Pass


def apply(graph: OperatorGraph, _: GraphOptions) -> OperatorGraph:
    """`graph` with an alias in the place of each such table, except between an input and an output of the model."""
    ends = {p.tensor for p in graph.outputs}, {p.tensor for p in graph.inputs}
    for operator in graph.operators:
        if not isinstance(operator, (Lookup, Table)):
            continue
        (x,), (y,) = operator.inputs, operator.outputs
        if not np.array_equal(operator.table(), every_integer(x)):
            continue
        roots = {name: graph.root(name) for name in (*ends[0], *ends[1], x.name)}
        if any(roots[name] == y.name for name in ends[0]) and any(roots[name] == roots[x.name] for name in ends[1]):
            continue
        kept = tuple(o for o in graph.operators if o is not operator)
        graph = replace(graph, operators=kept, aliases=(*graph.aliases, replace(y, alias_of=x.name)))
    return graph


PASS = Pass("remove_identity_tables", apply, leaves=("no_identity_tables",))
