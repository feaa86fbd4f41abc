# SPDX-License-Identifier: CC0-1.0
"""Two cores need the scratch memory of a kernel twice: kernels that are fastest on one may not be so on two."""

from __future__ import annotations

from dataclasses import replace

from harness import EXAMPLES, examples
from hypothesis import event, given, settings
from hypothesis import strategies as st
from row_networks import Builder

from espdl import pipeline, report
from espdl.graph.types import OperatorGraph
from espdl.ops.add import Add
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.options import FLASH_BUDGET
from espdl.plan import cores
from espdl.plan.types import Plan, Port
from espdl.targets import select

TARGET = select("generic", "auto", "affine")
WINDOW = ((3, 3), (1, 1), (1, 1), (1, 1, 1, 1))


def residual_blocks(size: int, channels: list[int]) -> OperatorGraph:
    """Convolutions of 3x3 of so many channels, each followed by one whose sum with it goes on."""
    b = Builder(0, TARGET)
    image = b.tensor(size, size, 4)
    x = image
    for count in channels:
        x = b.put(b.conv(x, count, *WINDOW))
        inner = b.put(b.conv(x, count, *WINDOW))
        conv = b.conv(inner, count, *WINDOW)
        result = b.tensor(size, size, count)
        add = Add((conv.outputs[0], x), (result,), (), None)
        x = b.put(Conv2dAdd((inner, x), (result,), (), replace(conv, activation=None), add))
    ports = ((Port(image.name, image.name),), (Port(x.name, x.name),))
    return OperatorGraph(tuple(b.nodes), (), *ports, (image,))


def instructions(plan: Plan) -> float:
    return cores.instructions(plan, report.instructions(TARGET.chip))


@settings(examples, max_examples=max(1, EXAMPLES // 16))
@given(st.integers(3, 16), st.lists(st.sampled_from([4, 8, 16, 20]), min_size=1, max_size=2), st.integers(0, 2**16))
def test_no_more_than_of_usual_kernels_and_a_tenth_more_memory(size: int, channels: list[int], budget: int) -> None:
    graph = residual_blocks(size, channels)
    one = pipeline.make_plan(graph, TARGET, flash_budget=budget)
    two = pipeline.make_plan(graph, TARGET, flash_budget=budget, cores=2)
    usual = pipeline.make_plan(graph, TARGET, cores=2)
    event(f"{sum('winograd' in call.function for call in two.calls)} of {len(two.calls)}")
    assert two.arena_bytes <= 1.10 * one.arena_bytes
    assert sum(call.trade[0] for call in two.calls) <= budget
    assert instructions(two) <= instructions(one)
    if usual.arena_bytes <= 1.10 * one.arena_bytes:
        assert instructions(two) <= instructions(usual)


def test_half_the_work_each_with_the_flash_that_is_default() -> None:
    """32x32 pixels of 16 channels: larger tiles, which are best on one core, would leave one layer to it."""
    graph = residual_blocks(32, [16])
    one, two = (pipeline.make_plan(graph, TARGET, flash_budget=FLASH_BUDGET, cores=count) for count in (1, 2))
    assert [call.function.endswith("2x4_add_s8") for call in one.calls] == [False, False, True]
    assert two.arena_bytes <= 1.10 * one.arena_bytes
    assert instructions(two) <= 0.56 * instructions(one)
    assert all(turn.second is not None for turn in two.turns)


def test_smaller_bands_for_two() -> None:
    """25x5 pixels of 64 channels, as a network of keywords has: a copy as large as is best on one core leaves no room
    for another one, and a depthwise layer would be left to one core."""
    target = select("esp32s3", "auto", "power_of_two")
    b = Builder(0, target)
    image = b.tensor(25, 5, 64)
    x = b.put(b.conv(image, 64, *WINDOW, groups=64))
    graph = OperatorGraph(tuple(b.nodes), (), (Port(image.name, image.name),), (Port(x.name, x.name),), (image,))
    one, two = (pipeline.make_plan(graph, target, cores=count) for count in (1, 2))
    assert two.arena_bytes <= 1.10 * one.arena_bytes
    assert two.calls[0].params.band < one.calls[0].params.band
    assert all(turn.second is not None for turn in two.turns)
