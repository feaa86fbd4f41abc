# SPDX-License-Identifier: Apache-2.0
"""Concatenations without a copy: the parts become tensors in the memory of the result, and no call has to move them.

Where the parts lie beside each other in every row, who writes or reads one of them must step over the others: calls say
that they can (`KernelCall.pitched`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from espdl.plan.params import Params
from espdl.plan.types import KernelCall, Port, Tensor


@dataclass(frozen=True)
class CallNetwork:
    """What a Plan is made of. `ports` are inputs and outputs of the model."""

    calls: tuple[KernelCall, ...]
    tensors: Mapping[str, Tensor]
    ports: tuple[tuple[Port, ...], tuple[Port, ...]]

    @cached_property
    def users(self) -> dict[str, list[int]]:
        """Per tensor, the calls that name it."""
        users: dict[str, list[int]] = {name: [] for name in self.tensors}
        for index, call in enumerate(self.calls):
            for name in dict.fromkeys((*call.inputs, *call.outputs)):
                users[name].append(index)
        return users

    @cached_property
    def aliases(self) -> dict[str, list[str]]:
        """Per tensor, those that are in its memory, aliases of aliases included."""
        found: dict[str, list[str]] = {name: [] for name in self.tensors}
        for tensor in self.tensors.values():
            whole = tensor
            while whole.alias_of is not None:
                whole = self.tensors[whole.alias_of]
                found[whole.name].append(tensor.name)
        return found


def candidates(network: CallNetwork) -> list[str]:
    """The results of calls that `without_copies` removes, inner ones first: a joined tensor can be part of the next."""
    results = []
    for result in [call.outputs[0] for call in network.calls if call.concatenates]:
        joined = without_copies(network, [result])
        if len(joined.calls) < len(network.calls):
            results.append(result)
            network = joined
    return results


def without_copies(network: CallNetwork, results: Iterable[str]) -> CallNetwork:
    """`network` without the calls that write `results`, whose parts are written in place; those that need it stay."""
    for result in results:
        index = next(i for i, call in enumerate(network.calls) if result in call.outputs)
        network = _joined(network, index) or network
    return network


def _joined(network: CallNetwork, index: int) -> CallNetwork | None:
    call = network.calls[index]
    parts = call.inputs[: len(call.concatenates)]
    tensors, calls = dict(network.tensors), list(network.calls)
    first, result = tensors[parts[0]], tensors[call.outputs[0]]
    pitch = sum(call.concatenates) if first.nbytes > call.concatenates[0] else 0
    if len(set(parts)) < len(parts) or result.pitch:
        return None
    place, writers = 0, []
    for name, row in zip(parts, call.concatenates):
        if not _can_move(network, name, index, place, row, pitch):
            return None
        tensors[name] = replace(tensors[name], alias_of=result.name, alias_offset=place, pitch=pitch)
        inside = [name, *network.aliases[name]]
        if pitch:
            tensors.update({n: replace(tensors[n], pitch=pitch) for n in inside})
            for user in {u for n in inside for u in network.users[n] if u != index}:
                calls[user] = _with_pitch(calls[user], inside, pitch)
        writers += [user for n in inside for user in network.users[n] if n in calls[user].outputs]
        place += row
    last = max(writers)
    nodes = (*calls[last].source_nodes, *call.source_nodes)
    calls[last] = replace(calls[last], source_nodes=tuple(dict.fromkeys(nodes)))
    return CallNetwork(tuple(c for i, c in enumerate(calls) if i != index), tensors, network.ports)


def _can_move(network: CallNetwork, name: str, concat_index: int, place: int, row: int, pitch: int) -> bool:
    """Whether the tensor can be the bytes from `place` on of the joined one, or of each of its rows."""
    tensor, inside = network.tensors[name], [name, *network.aliases[name]]
    ports = {port.tensor for side in network.ports for port in side}
    if tensor.alias_of is not None or not ports.isdisjoint(inside):
        return False
    if pitch and (tensor.row_bytes != row or any(not network.tensors[n].pitch for n in inside[1:])):
        return False
    users = {user: [n for n in inside if user in network.users[n]] for n in inside for user in network.users[n]}
    users.pop(concat_index)
    for user, names in users.items():
        call = network.calls[user]
        if place % call.alignment or pitch % call.alignment or call.asks:
            return False
        if pitch and any(not _steps_over(call, n) for n in names):
            return False
    return True


def _steps_over(call: KernelCall, name: str) -> bool:
    """Whether the call can read and write rows of the tensor with something else between them."""
    reads, writes = ([i for i, n in enumerate(names) if n == name] for names in (call.inputs, call.outputs))
    return (not reads or (reads == [0] and "input_pitch" in call.pitched)) and (
        not writes or (writes == [0] and "output_pitch" in call.pitched)
    )


def _with_pitch(call: KernelCall, names: list[str], pitch: int) -> KernelCall:
    pitches = {"input_pitch": call.inputs[:1], "output_pitch": call.outputs[:1]}
    wider = {field: pitch for field, ends in pitches.items() if set(ends) & set(names)}
    return replace(call, params=replace(call.params_of(Params), **wider))
