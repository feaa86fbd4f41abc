# SPDX-License-Identifier: Apache-2.0
"""From kernel calls to a Plan: what need not be copied, execution order and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from espdl.plan import cores, graph, in_place_concat, memory, regions, schedule, stream_memory, streams
from espdl.plan.in_place_concat import CallNetwork
from espdl.plan.states import with_states
from espdl.plan.types import Cost, KernelCall, Plan, Port, Tensor

__all__ = ["cores", "run", "run_stream", "with_states"]

# How many concatenations are tried one by one where all of them together would need more memory.
MAX_TRIALS = 8


def run(
    calls: Sequence[KernelCall],
    tensors: Iterable[Tensor],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    target: str,
    scheme: str,
    functions: Mapping[str, str] | None = None,
    stripes: str = "plain",
    costs: Mapping[str, Cost] = MappingProxyType({}),
    core_count: int = 1,
    most_bytes: int | None = None,
    standard: Plan | None = None,
) -> Plan:
    """The Plan of a network: `calls` in the order with the smallest peak, every tensor placed in the arena.

    `calls` come in any order that computes the network, `tensors` are all they name. Concatenations that need no copy
    are no calls any more, unless the arena would grow: their result lives from its first part on. `stripes`, a
    choice of the option `memory`, says whether calls may run stripe by stripe, at the `costs` of their kernels;
    `core_count`, 1 or 2, how many cores may share them, in an arena of `most_bytes`, if any are given. `standard` is
    what "auto" compares with, if it is not the network as it is. Raises ValueError, naming call and tensor, where the
    network is malformed.
    """
    tensors = tuple(tensors)

    def arranged(network: CallNetwork) -> Plan:
        known = network.tensors.values()
        ordered = schedule.order(graph.build(network.calls, known, *network.ports))
        return memory.assign(
            Plan(
                tensors=tuple(known),
                calls=ordered,
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                functions=dict(functions or {}),
                scheme=scheme,
                target=target,
            )
        )

    graph.build(calls, tensors, inputs, outputs)
    network = CallNetwork(tuple(calls), {t.name: t for t in tensors}, (tuple(inputs), tuple(outputs)))
    copying = arranged(network)
    best = _without_copies(network, copying, arranged)
    if copying is best:
        planned = regions.choose(best, stripes, costs, standard)
    else:
        planned = regions.choose_of(best, copying, stripes, costs, standard)
    if core_count == 1:
        return planned
    room = int(stripes) if stripes.isdecimal() else most_bytes
    return cores.choose(planned, {call.outputs: call for call in (*best.calls, *copying.calls)}, costs, room)


def _without_copies(network: CallNetwork, copying: Plan, arranged: Callable[[CallNetwork], Plan]) -> Plan:
    """`copying`, the plan of a network, or the plan of one in which concatenations are no calls, if it is no larger."""
    best, results = copying, in_place_concat.candidates(network)
    for joined in [results, *([result] for result in results[:MAX_TRIALS] if len(results) > 1)]:
        trial = in_place_concat.without_copies(network, joined)
        if len(trial.calls) == len(network.calls):
            continue
        plan = arranged(trial)
        if plan.arena_bytes <= best.arena_bytes:
            network, best = trial, plan
        if joined is results and network is trial:
            break
    return best


def run_stream(
    calls: Sequence[KernelCall],
    tensors: Iterable[Tensor],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    target: str,
    scheme: str,
    functions: Mapping[str, str],
    wanted: streams.Wanted,
) -> Plan:
    """The Plan of a network that computes a stream. Raises NoStream where it cannot."""
    network = graph.build(calls, tensors, inputs, outputs)
    network = replace(network, calls=schedule.order(network))
    stream, chosen = streams.plan_stream(network, wanted)
    named = {index: call for index, call in enumerate(chosen) if not stream.first <= index < stream.stop}
    known = {t.name: t for t in network.tensors.values()}
    root = network.spans[wanted.tensor].root
    known[root] = replace(known[root], source="stream")
    return stream_memory.assign(
        Plan(
            tensors=tuple(known.values()),
            calls=tuple(replace(call, rows=None) if index in named else call for index, call in enumerate(chosen)),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            functions=dict(functions),
            scheme=scheme,
            target=target,
            stream=stream,
        )
    )
