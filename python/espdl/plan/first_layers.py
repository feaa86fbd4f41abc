# SPDX-License-Identifier: Apache-2.0
"""First layers of inputs that the application has: what is done to such an input before them needs no second one.

Where an input is converted or turned before its first layer reads it, the result is as large as the input. Row by row,
together with that layer, it is a few rows of it.
"""

from __future__ import annotations

from espdl.plan.graph import CallGraph
from espdl.plan.stripes import Striped

# Of the instructions of the whole network: what rows may cost at most; and instructions that any network can afford.
MAX_PRICE, NO_PRICE = 0.01, 4000.0
# Rows of a stripe beside the usual ones: small networks can afford few stripes, which are less than a picture too.
MORE_HEIGHTS = (24, 32, 48)
# Why a region of a first layer goes on no further (`Region.ends`).
ENDS = "only what makes of the application's input what the first layer reads, and that layer, run so"


def spans(striped: Striped) -> set[tuple[int, int]]:
    """(first, stop) of the calls from the one that reads an input at the caller to the first layer behind it, where
    they can run for some rows and no other call reads what is between them."""
    found = set()
    for first in range(len(striped.graph.calls)):
        stop = _behind_conversions(striped.graph, first)
        if stop is None or striped.stop_of(first) < stop:
            continue
        between = [call.output for call in striped.row_calls(first, stop - 1)]
        if all(striped.is_kept(root, first, stop) for root in between):
            found.add((first, stop))
    return found


def _behind_conversions(graph: CallGraph, first: int) -> int | None:
    """Behind the first layer that reads what `first` and the calls behind it make of an input; None where `first` is
    no conversion of one."""
    name = graph.calls[first].inputs[0] if graph.calls[first].inputs else ""
    if not name or graph.tensors[graph.spans[name].root].source != "caller":
        return None
    for index, call in enumerate(graph.calls[first:], first):
        if graph.spans[name].root not in {graph.spans[read].root for read in call.reads}:
            return None
        sizes = [graph.tensors[tensor].count for tensor in (*call.reads, *call.outputs)]
        if call.macs or len(sizes) != 2 or sizes[0] != sizes[1]:
            return index + 1 if index > first else None
        name = call.outputs[0]
    return None
