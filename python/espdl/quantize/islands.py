# SPDX-License-Identifier: Apache-2.0
"""Islands of floats in a network of integers: what integers of one step size cannot carry and is small.

The logarithm of a power, the root or the reciprocal of something that may be small: where rounding what such a node
reads leaves little of what it makes, it runs in floats, and with it as much of what is before it as that takes (to the
inputs, which then are floats themselves). Decided by the error on calibration samples; the user may name nodes, too.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from espdl import traits
from espdl.errors import EspdlError
from espdl.frontend import non_max_suppression
from espdl.quantization import Quantization
from espdl.quantize import float_marks, input_forms, mixed_outputs
from espdl.quantize.affine import HEADROOM
from espdl.quantize.edit import part
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.placement import place
from espdl.quantize.ranges import session
from espdl.quantize.samples import evenly
from espdl.quantize.types import Settings
from espdl.wording import option

# What asks for floats where it is read badly: it tells small values from smaller ones.
_SEEDS = {"Log", "Reciprocal", "Sqrt", "Div", "Pow", "ReduceLogSum"}
# Below this an island is looked for, up to this it grows, and so much it must gain.
_POOR_DB, _GOOD_DB, _GAIN_DB = 20.0, 35.0, 10.0
# Float operations of an island that nobody asked for, and its nodes.
_MOST_WORK, _MOST_NODES = 2_000_000, 24
_SAMPLES = 24
# Instructions of one float operation: with the address arithmetic around it, and where it is a call of the C library's.
_COST = {True: 8, False: 70}


@dataclass(frozen=True)
class _Values:
    """All float activations of the network on some samples, how each would be rounded, and which of them are."""

    values: Mapping[str, Sequence[np.ndarray]]
    rounding: Mapping[str, Quantization]
    quantized: frozenset[str]

    def of(self, name: str, rounded: bool) -> list[np.ndarray]:
        exact = self.values[name]
        return [self.rounding[name].fake_quantize(v) for v in exact] if rounded else list(exact)


def apply(
    proto: onnx.ModelProto, samples: Sequence[Mapping[str, np.ndarray]] | Iterable, settings: Settings, label: str
) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model with marks on the nodes that stay in floats, and sentences about those that nobody named."""
    graph = Graph(proto)
    wanted = _named(graph, settings.float_nodes, label)
    wanted |= {node.name for node in graph.nodes if non_max_suppression.INSIDE in node.name}
    proto = float_marks.mark(proto, wanted) if wanted else proto
    seeds = [n for n in graph.nodes if _is_seed(graph, n) and n.name not in wanted]
    ends = [node for name in graph.outputs if (node := graph.producer.get(name)) is not None]
    if not seeds and not any(traits.of(node.op_type).moves for node in ends):
        return proto, ()
    known = _observed(proto, graph, samples, settings)
    if known is None:
        return proto, ()
    told, inside = _outputs(graph, known, settings)
    inside |= wanted
    for seed in seeds:
        if seed.name in inside:
            continue
        found = _island(graph, known, seed, inside)
        if found is not None:
            names, before, after = found
            inside |= names
            told.append(_sentence(graph, seed, names, before, after, settings))
    return (float_marks.mark(proto, inside) if told else proto), tuple(told)


def _outputs(graph: Graph, known: _Values, settings: Settings) -> tuple[list[str], set[str]]:
    """Sentences about outputs whose parts reach differently far, and the nodes that run in floats for them."""
    told: list[str] = []
    inside: set[str] = set()
    for output, nodes, part_name in mixed_outputs.concatenations(graph, known.values, known.rounding):
        reason = f"output '{output}' holds '{part_name}' beside values that reach much farther"
        if graph.count(output) > mixed_outputs.MOST_VALUES:
            told.append(
                f"{reason}, and one scale for all leaves it few integers; cut the graph before the concatenation, so"
                f" that each part is an output, or name its nodes in {option('float')}"
            )
            continue
        inside |= nodes
        told.append(f"{reason}: it is float32, and each part has integers of its own up to there")
    return told, inside


def _named(graph: Graph, names: Sequence[str], label: str) -> set[str]:
    known = [node.name for node in graph.nodes]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.3)
            raise EspdlError(
                f"{label}: floats for node '{name}'",
                "the model has no such node once it is simplified",
                f"name one that `espdl analyze` lists{', such as ' + ', '.join(near) if near else ''}",
            )
    return {*names, *(b.name for n in graph.nodes if n.name in names for b in _parts_of_bias(graph, n))}


def _parts_of_bias(graph: Graph, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The Add that `biases` puts behind a MatMul belongs to it."""
    reader = graph.only_consumer(node.output[0]) if node.op_type == "MatMul" else None
    return [reader] if reader is not None and reader.op_type == "Add" else []


def _is_seed(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type not in _SEEDS or not graph.is_activation(node.output[0]):
        return False
    if node.op_type == "Div":
        return all(graph.is_activation(i) for i in node.input)
    if node.op_type == "Pow":
        exponent = graph.array(node.input[1]) if graph.is_constant(node.input[1]) else np.zeros(2)
        return bool(exponent.size != 1 or exponent.item() < 1.0)
    return True


def _observed(
    proto: onnx.ModelProto, graph: Graph, samples: Iterable[Mapping[str, np.ndarray]], settings: Settings
) -> _Values | None:
    rows = list(samples)
    names = [name for name in graph.activations if name not in graph.inputs]
    runner, chosen = session(proto, names), evenly(len(rows), _SAMPLES)
    values: dict[str, list[np.ndarray]] = {name: [] for name in graph.activations}
    for index in chosen:
        try:
            results = runner.run(names, dict(rows[index]))
        except Exception:  # onnxruntime raises its own types; calibration says what is wrong with the model
            return None
        for name, value in (*zip(names, results), *((n, rows[index][n]) for n in graph.inputs if n in values)):
            values[name].append(np.asarray(value, np.float32))
    dtype = "int16" if settings.precision == "int16x8" else "int8"
    exact = input_forms.exact(graph, dtype == "int16")
    rounding = {}
    for name, found in values.items():
        ends = [(float(v.min()), float(v.max())) for v in found if v.size and np.isfinite(v).all()]
        if len(ends) < len(found):
            return None
        low, high = min(e[0] for e in ends), max(e[1] for e in ends)
        rounding[name] = exact.get(name) or Quantization.of_range(low, high, dtype, HEADROOM)
    return _Values(values, rounding, frozenset(place(graph).quantized))


def _island(
    graph: Graph, known: _Values, seed: onnx.NodeProto, floats: Collection[str]
) -> tuple[set[str], float, float] | None:
    """The nodes that make `seed` good in floats, with what it has in integers and then; None where nothing does, or it
    is good as it is."""
    nodes = {seed.name}
    if _decibels(graph, known, seed, _one_table(graph, known, seed), floats) >= _GOOD_DB:
        return None
    before = reached = _decibels(graph, known, seed, nodes, floats)
    if before >= _POOR_DB:
        return None
    best = None
    while len(nodes) <= _MOST_NODES:
        if reached >= before + _GAIN_DB and (best is None or reached > best[1]):
            best = set(nodes), reached
        borders = _borders(graph, nodes, floats)
        if reached >= _GOOD_DB or not borders:
            break
        worst = sorted(borders, key=lambda name: _decibels(graph, known, seed, nodes, floats, only=name))
        more = next((found for name in worst if (found := _behind(graph, name, seed, nodes))), None)
        if not more:
            break
        nodes |= more
        if _work(graph, nodes) > _MOST_WORK:
            break
        reached = _decibels(graph, known, seed, nodes, floats)
    return None if best is None else (best[0], before, best[1])


def _one_table(graph: Graph, known: _Values, seed: onnx.NodeProto) -> set[str]:
    """`seed` and what is computed together with it: nothing is rounded between nodes of a chain that is one table."""
    nodes, waiting = {seed.name}, list(seed.input)
    while waiting:
        name = waiting.pop()
        if name in graph.producer and name not in known.quantized and graph.is_activation(name):
            nodes.add(graph.producer[name].name)
            waiting += graph.producer[name].input
    return nodes


def _behind(graph: Graph, name: str, seed: onnx.NodeProto, nodes: Collection[str]) -> set[str]:
    """The nodes with which an island that reads `name` rounded reads it as it is; none where there are no such ones."""
    producer = graph.producer.get(name)
    if producer is not None:
        is_taken = not traits.of(producer.op_type).activations and graph.is_activation(producer.output[0])
        return {producer.name, *(n.name for n in _parts_of_bias(graph, producer))} if is_taken else set()
    others = {reader.name for reader in graph.consumers.get(name, []) if reader.name not in nodes}
    return others if others <= _before(graph, seed) else set()


def _before(graph: Graph, seed: onnx.NodeProto) -> set[str]:
    """The names of all nodes that lead to `seed`."""
    found: set[str] = set()
    waiting = [seed]
    while waiting:
        made = [graph.producer[i] for i in waiting.pop().input if i in graph.producer]
        new = [node for node in made if node.name not in found]
        found |= {node.name for node in new}
        waiting += new
    return found


def _borders(graph: Graph, nodes: Collection[str], floats: Collection[str]) -> list[str]:
    """The tensors that an island reads rounded: what others make, and inputs that others read, too."""
    found = dict.fromkeys(i for n in graph.nodes if n.name in nodes for i in n.input if graph.is_activation(i))
    inside = {*nodes, *floats}

    def is_rounded(name: str) -> bool:
        producer = graph.producer.get(name)
        if producer is not None:
            return producer.name not in inside
        return any(reader.name not in inside for reader in graph.consumers.get(name, []))

    return [name for name in found if is_rounded(name)]


def _decibels(
    graph: Graph, known: _Values, seed: onnx.NodeProto, nodes: Collection[str], floats: Collection[str], only: str = ""
) -> float:
    """How near the output of `seed` is to the float model's, with the island's borders rounded; or `only` one."""
    members = [node for node in graph.nodes if node.name in nodes]
    made = {output for node in members for output in node.output}
    read = dict.fromkeys(i for n in members for i in n.input if i and i not in made)
    rounded = {only} if only else set(_borders(graph, nodes, floats))
    feeds = [name for name in read if name in known.values]
    others = [name for name in read if name not in known.values and name not in graph.constants]
    if others:
        return np.inf
    inputs = [onnx.ValueInfoProto(name=name, type=graph.type(name)) for name in feeds]
    result = seed.output[0]
    runner = session(
        part(graph.proto, members, inputs, [result], [graph.constants[n] for n in read if n in graph.constants])
    )
    columns = [known.of(name, name in rounded) for name in feeds]
    noise = signal = 0.0
    for exact, *row in zip(known.values[result], *columns):
        (value,) = runner.run([result], dict(zip(feeds, row)))
        difference = np.nan_to_num(value.astype(np.float64) - exact, nan=1e9, posinf=1e9, neginf=-1e9)
        noise += float((difference**2).sum())
        signal += float((exact.astype(np.float64) ** 2).sum())
    return -10.0 * math.log10(noise / signal) if noise > 0.0 and signal > 0.0 else np.inf


def _work(graph: Graph, nodes: Collection[str]) -> int:
    """Float operations: products of layers, elements of all else."""
    total = 0
    for node in graph.nodes:
        if node.name not in nodes or traits.of(node.op_type).is_alias:
            continue
        size = max(math.prod(graph.shape(o)) for o in node.output if o)
        if traits.of(node.op_type).layer:
            weights = graph.shape(node.input[1])
            rows = weights[1:] if node.op_type == "Conv" else weights[-2:-1]
            size *= math.prod(rows)
            size //= 1 if node.op_type == "Conv" else int(attribute(node, "group", 1))
        elif node.op_type.startswith("Reduce"):
            size = math.prod(graph.shape(node.input[0]))
        total += size
    return total


def _sentence(
    graph: Graph, seed: onnx.NodeProto, names: Collection[str], before: float, after: float, settings: Settings
) -> str:
    work = _work(graph, names)
    listed = [node.name for node in graph.nodes if node.name in names]
    shown = ", ".join(f"'{name}'" for name in listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
    verb = "run" if len(listed) > 1 else "runs"
    unit = "with" if settings.has_fpu else "without"
    then = f"{after:.0f} dB" if math.isfinite(after) else "nothing is lost"
    return (
        f"{shown} {verb} in floats: rounded to integers, what '{seed.name}' ({seed.op_type}) makes is {before:.0f} dB"
        f" from the float model, so {then}. That takes about {work:,} float operations, on a chip {unit} FPU some"
        f" {work * _COST[settings.has_fpu]:,} instructions; {option('precision', 'float32')} has all layers in floats"
    )
