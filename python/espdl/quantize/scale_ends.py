# SPDX-License-Identifier: Apache-2.0
"""Ends a scale where the use of its range ends: at a slice of a wide tensor, before a part joins wider ones.

What moves values shares one scale with them, so that it stays a copy of bytes. A tensor of much narrower range in such
a group has few integers. Where some tensor is rounded in its place for the first time and read there, a change of scale
(one table) between the narrow and the wide costs less than it saves: a Cast from float to float, which is only a border
between two groups, and which `mixed.without_casts` takes out again after the quantiser. A tensor that only repeats
what was rounded before gains nothing by finer steps, and one that only goes into a wider one has no use for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from espdl import traits
from espdl.quantize import placement
from espdl.quantize.edit import Edit, inferred
from espdl.quantize.network import Network
from espdl.quantize.sets import Sets
from espdl.quantize.types import Settings
from espdl.quantize.worth import Worth

# Ranges that differ less belong together.
_STEP = 2.0**0.5


@dataclass(frozen=True)
class _Edge:
    """`node` moves values from `source` to `target`; `ratio`: by how much the source's own scale is the wider one.

    `changed`: the one of both that would be brought to another scale.
    """

    node: onnx.NodeProto
    source: str
    target: str
    ratio: float
    changed: str

    @property
    def is_step(self) -> bool:
        return not 1 / _STEP < self.ratio < _STEP


def apply(network: Network, settings: Settings) -> tuple[Network, bool]:
    """The network with its borders, and whether there are any."""
    worth = Worth.of(network, settings)
    scale = {name: float(worth.own(name).scale) for name in network.placement.quantized}
    edges = _edges(network, scale)
    steps = [e for e in edges if e.is_step]
    if not steps:
        return network, False
    part = _parts(network, [e for e in edges if not e.is_step])
    worthy = {part[n] for n in network.placement.quantized if _gains(network, worth, n, part, steps)}
    if not worthy:
        return network, False
    unit = _units(part, worthy, steps, scale)
    cut = [e for e in steps if unit[part[e.source]] != unit[part[e.target]]]
    return (_with_borders(network, cut), True) if cut else (network, False)


def _edges(network: Network, scale: Mapping[str, float]) -> list[_Edge]:
    graph = network.graph
    group_of = {name: index for index, group in enumerate(network.placement.groups) for name in group}
    # In two scales what was picked from a tensor is not what the tensor holds.
    comparisons = (n for n in graph.nodes if traits.of(n.op_type).compares)
    groups_of = ([group_of[i] for i in n.input if i in group_of] for n in comparisons)
    compared = {groups[0] for groups in groups_of if len(groups) == 2 and groups[0] == groups[1]}
    found = []
    for node in graph.nodes:
        if not traits.of(node.op_type).moves:
            continue
        sources = [n for n in dict.fromkeys(node.input) if n in group_of and group_of[n] not in compared]
        for source in sources:
            for target in (t for t in node.output if t in group_of and group_of[t] == group_of[source]):
                smaller = math.prod(graph.shape(target)) <= math.prod(graph.shape(source))
                changed = target if smaller and len(sources) == 1 else source
                found.append(_Edge(node, source, target, scale[source] / scale[target], changed))
    return found


def _parts(network: Network, edges: Iterable[_Edge]) -> dict[str, str]:
    """Per tensor one that stands for all it shares its scale with in any case."""
    sets = Sets(network.placement.quantized)
    for names in (*((e.source, e.target) for e in edges), *placement.of_one_table(network.graph)):
        sets.join(names)
    return {name: sets.find(name) for name in network.placement.quantized}


def _units(
    part: Mapping[str, str], worthy: set[str], steps: Iterable[_Edge], scale: Mapping[str, float]
) -> dict[str, str]:
    """Per part one that stands for all that get one scale: a part that needs none of its own takes the least of those
    beside it that cover it."""
    widest = dict.fromkeys(part.values(), 0.0)
    for name, one in part.items():
        widest[one] = max(widest[one], scale[name])
    beside: dict[str, set[str]] = {one: set() for one in widest}
    for edge in steps:
        source, target = part[edge.source], part[edge.target]
        beside[source].add(target)
        beside[target].add(source)
    unit = {one: one for one in widest}
    for one in sorted(widest, key=lambda p: -widest[p]):  # what covers a part has found its own unit before
        covering = [other for other in sorted(beside[one]) if widest[other] >= widest[one]]
        if one not in worthy and covering:
            unit[one] = unit[min(covering, key=lambda p: widest[p])]
    return unit


def _gains(network: Network, worth: Worth, tensor: str, part: Mapping[str, str], steps: list[_Edge]) -> bool:
    """Whether finer steps for `tensor`, and what shares its scale, reach somebody and say more."""
    graph = network.graph
    if not _is_rounded_here(network, tensor):
        return False
    changed = {e.changed for e in steps if part[tensor] in (part[e.source], part[e.target])}
    if not changed or not worth.gains(tensor, worth.cost(changed)):
        return False
    outwards = {(e.node.name, e.source) for e in steps if e.ratio < 1.0}
    members = [name for name in part if part[name] == part[tensor]]
    return any(
        name in graph.outputs or any((r.name, name) not in outwards for r in graph.consumers.get(name, []))
        for name in members
    )


def _is_rounded_here(network: Network, tensor: str) -> bool:
    """Whether some of its values are on no grid before: computed, or moved here from other scales."""
    graph = network.graph
    producer = graph.producer.get(tensor)
    if producer is None or not traits.of(producer.op_type).moves:
        return True
    group = next(g for g in network.placement.groups if tensor in g)
    return any(i and graph.is_float(i) and i not in group for i in producer.input)


def _with_borders(network: Network, cut: list[_Edge]) -> Network:
    edit = Edit(network.graph.proto)
    statistics, wide = dict(network.statistics), set(network.wide)

    def border(tensor: str) -> str:
        """A name for `tensor` in another scale."""
        name = edit.names.unique(f"{tensor}_rescaled")
        statistics[name] = statistics[tensor]
        if tensor in wide:
            wide.add(name)
        return name

    changed: dict[str, dict[str, None]] = {}
    for edge in cut:
        changed.setdefault(edge.node.name, {})[edge.changed] = None
    for node in edit.proto.graph.node:
        names = {tensor: border(tensor) for tensor in changed.get(node.name, ())}
        for tensor in [n for n in names if n in node.input]:
            _cast(edit, tensor, names[tensor])
        edit.nodes.append(node)
        for tensor in [n for n in names if n in node.output]:
            _cast(edit, names[tensor], tensor)
        node.input[:] = [names.get(i, i) for i in node.input]
        node.output[:] = [names.get(o, o) for o in node.output]
    return Network.of(inferred(edit.finish()), statistics, frozenset(wide))


def _cast(edit: Edit, source: str, target: str) -> None:
    edit.node("Cast", [source], target, name=f"{source}_to_{target}", to=TensorProto.FLOAT)
