# SPDX-License-Identifier: CC0-1.0
"""The order of calls: the meaning stays, the peak is the smallest there is."""

from __future__ import annotations

import dataclasses
import itertools

import plan_networks
from hypothesis import given, settings
from plan_networks import EXAMPLES, call, plan, plans, tensor

from espdl import plan as planner
from espdl.plan import graph, memory, schedule
from espdl.plan.types import KernelCall, Plan


def build(network: Plan, calls: tuple[KernelCall, ...] | None = None) -> graph.CallGraph:
    return graph.build(network.calls if calls is None else calls, network.tensors, network.inputs, network.outputs)


def values(network: Plan, calls: tuple[KernelCall, ...]) -> list[object]:
    """What the outputs are computed from, as expressions: equal for two orders that mean the same."""
    spans = build(network).spans
    memory_of: dict[tuple[str, int], object] = {}

    def load(name: str) -> tuple:
        span = spans[name]
        return tuple(memory_of.get((span.root, byte)) for byte in range(span.start, span.stop))

    def store(name: str, value: object) -> None:
        span = spans[name]
        memory_of.update({(span.root, byte): (value, byte) for byte in range(span.start, span.stop)})

    for port in network.inputs:
        store(port.tensor, port.tensor)
    for node in calls:
        inputs = hash(tuple(load(name) for name in node.inputs))
        for name in node.outputs:
            store(name, (name, inputs))
    return [load(port.tensor) for port in network.outputs]


@settings(deadline=None, max_examples=EXAMPLES // 6)
@given(plans(max_calls=5))
def test_smallest_peak_of_all_orders(network: Plan) -> None:
    found = schedule.order(build(network))
    assert values(network, found) == values(network, network.calls)
    if len(network.calls) > 5:
        return
    meaning = values(network, network.calls)
    valid = (order for order in itertools.permutations(network.calls) if is_valid(network, order))
    assert peak(network, found) == min(peak(network, order) for order in valid if values(network, order) == meaning)


def peak(network: Plan, calls: tuple[KernelCall, ...]) -> int:
    return memory.assign(dataclasses.replace(network, calls=calls)).arena_lower_bound


def is_valid(network: Plan, calls: tuple[KernelCall, ...]) -> bool:
    try:
        build(network, calls)
    except ValueError:
        return False
    return True


def test_wide_branches_run_one_after_the_other() -> None:
    """Both heavy results first, then both light ones: the better order finishes a branch before it starts the next."""
    sizes = {"x": 16, "a": 1600, "b": 1600, "c": 16, "d": 16, "y": 16}
    tensors = [tensor(name, size) for name, size in sizes.items()]
    calls = [call("x", "a"), call("x", "b"), call("a", "c"), call("b", "d"), call("cd", "y")]
    ports = plan(calls, tensors, "x", "y")
    planned = planner.run(calls, tensors, ports.inputs, ports.outputs, "generic", "affine")
    assert [c.outputs[0] for c in planned.calls] == ["a", "c", "b", "d", "y"]
    assert planned.arena_bytes == planned.arena_lower_bound == 1632


def test_overwriting_alias_stays_behind_its_readers() -> None:
    """v is written over a, so b, which reads a, must be computed before."""
    sizes = {"x": 16, "a": 16, "b": 1600, "c": 1600, "y": 16}
    tensors = [tensor("v", 16, "a"), *(tensor(name, size) for name, size in sizes.items())]
    calls = [call("x", "a"), call("a", "b"), call("x", "v"), call("v", "c"), call("bc", "y")]
    network = plan(calls, tensors, "x", "y")
    found = schedule.order(build(network))
    assert values(network, found) == values(network, network.calls)
    scheduler = schedule._Scheduler(build(network))
    assert scheduler.before[2] == 0b11


def test_order_is_kept_where_no_other_is_better() -> None:
    for network in (plan_networks.resnet(), plan_networks.mobilenet(), plan_networks.unet()):
        assert schedule.order(build(network))[:3] == network.calls[:3]


def test_too_wide_a_network_keeps_its_order() -> None:
    tensors = [tensor("x", 16), *(tensor(f"t{i}", 16 * (i + 1)) for i in range(20))]
    calls = [call(["x"], [f"t{i}"]) for i in range(20)]
    network = plan(calls, tensors, ["x"], ["t0"])
    assert schedule.order(build(network)) == network.calls
