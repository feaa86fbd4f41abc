# SPDX-License-Identifier: CC0-1.0
"""Calls that run stripe by stripe give the bytes of the reference, whatever the network and the stripes are."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from arenas import CANARY, Loaded, build_guarded, spread
from hypothesis import HealthCheck, Phase, assume, event, find, given, settings
from hypothesis import strategies as st
from row_networks import networks
from striped_plans import striped_plans

from espdl import backends, emit
from espdl.plan import graph as graphs
from espdl.plan import regions
from espdl.plan.types import Plan
from espdl.verify import host, reference

# Each compiles a program; ESPDL_TEST_EXAMPLES=1000 for a long run.
EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "12"))
examples = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stripes")


def expected(plan: Plan, inputs: dict[str, np.ndarray]) -> dict[str, bytes]:
    values = reference.run(plan, inputs)
    return {port.name: values[port.tensor].tobytes() for port in plan.outputs}


@examples
@given(striped_plans())
def test_stripes_give_the_bytes_of_the_reference(programs: Path, case: tuple[Plan, dict]) -> None:
    """In the arena as it is planned, where pieces follow each other, with all sanitizers."""
    plan, inputs = case
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        files = emit.render(plan, "net", packings=backends.packings())
        program = host.build(plan, files, "net", Path(folder) / "net", flags=host.SANITIZERS)
        outputs = program.run({name: values[None] for name, values in inputs.items()}).outputs
    assert {name: values.tobytes() for name, values in outputs.items()} == expected(plan, inputs)


@pytest.mark.parametrize("chip", ["generic", pytest.param("esp32", marks=pytest.mark.sweep), "esp32s3"])
@examples
@given(st.data())
def test_nothing_between_the_pieces_is_written_and_a_cancelled_run_leaves_nothing_behind(
    programs: Path, chip: str, data: st.DataObject
) -> None:
    plan, inputs = data.draw(striped_plans(chip))
    apart, free = spread(plan)
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        loaded = Loaded(apart, Path(folder) / "net")
    wanted = expected(plan, inputs)
    assert loaded.init() == 0 and loaded.run(inputs) == 0
    assert loaded.outputs() == wanted and (loaded.arena[free] == CANARY).all()

    calls = []
    assert loaded.init(lambda: not calls.append(1)) == 0 and loaded.run(inputs) == 0
    left = data.draw(st.integers(0, len(calls) - 1))
    remaining = iter(range(left))
    assert loaded.init(lambda: next(remaining, None) is not None) == 0
    assert loaded.run(inputs) == 8, "ESPDL_CANCELLED"
    assert loaded.init() == 0 and loaded.run(inputs) == 0 and loaded.outputs() == wanted


@pytest.mark.parametrize("chip", ["generic", pytest.param("esp32", marks=pytest.mark.sweep), "esp32s3"])
@settings(examples, max_examples=max(1, EXAMPLES // 4), phases=[Phase.generate])  # a smaller case takes minutes to find
@given(st.data())
def test_no_kernel_touches_what_is_around_its_rows(programs: Path, chip: str, data: st.DataObject) -> None:
    """Around each tensor, rows that wait and scratch lies forbidden memory."""
    plan, inputs = data.draw(striped_plans(chip))
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        program = build_guarded(*spread(plan), Path(folder) / "net")
        outputs = program.run({name: values[None] for name, values in inputs.items()}).outputs
    assert {name: values.tobytes() for name, values in outputs.items()} == expected(plan, inputs)


def test_a_forbidden_access_is_noticed(programs: Path) -> None:
    """The fresh rows of a tensor are forbidden, though layers write and read them."""
    first = settings(phases=[Phase.generate])  # a smaller one would be no better
    plan, inputs = find(
        striped_plans(), lambda case: any(k for region in case[0].regions for k in region.kept), settings=first
    )
    apart, free = spread(plan)
    kept = next(kept for region in apart.regions for kept in region.kept)
    fresh = apart.tensor(kept.tensor).offset + graphs.ahead_bytes(kept)
    free[fresh : fresh + kept.row_bytes] = True
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        program = build_guarded(apart, free, Path(folder) / "net")
        with pytest.raises(RuntimeError, match="use-after-poison"):
            program.run({name: values[None] for name, values in inputs.items()})


NO_INPUT, INPUT_FAILED = 11, 13


@examples
@given(st.data())
def test_a_run_without_its_frame_or_whose_rows_fail_leaves_nothing_behind(programs: Path, data: st.DataObject) -> None:
    plan, inputs = data.draw(striped_plans())
    sources = {plan.tensor(port.tensor).source for port in plan.inputs}
    assume(sources != {""})
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        loaded = Loaded(plan, Path(folder) / "net")
    wanted = expected(plan, inputs)
    asked = []
    loaded.is_asked = lambda: not asked.append(1)
    assert loaded.init() == 0 and loaded.run(inputs) == 0 and loaded.outputs() == wanted
    if "caller" in sources:
        assert loaded.run_as_it_is() == NO_INPUT, "the address is forgotten"
    if "rows" in sources:
        remaining = iter(range(data.draw(st.integers(0, len(asked) - 1))))
        loaded.is_asked = lambda: next(remaining, None) is not None
        assert loaded.run(inputs) == INPUT_FAILED
        loaded.is_asked = lambda: True
    assert loaded.run(inputs) == 0 and loaded.outputs() == wanted


@examples
@given(striped_plans())
def test_the_arena_is_no_smaller_than_its_lower_bound_and_plans_survive_json(case: tuple[Plan, dict]) -> None:
    plan, _ = case
    assert plan.arena_bytes >= plan.arena_lower_bound
    assert Plan.from_json(plan.to_json()) == plan


@settings(examples, max_examples=4 * EXAMPLES)
@given(st.data())
def test_scratch_is_for_no_more_rows_than_a_stripe_has(data: st.DataObject) -> None:
    """Of kernels that copy their input band by band; in little memory, for one row where a region is fullest."""
    plan, _ = data.draw(striped_plans("esp32s3"))
    for region in plan.regions:
        for call, cap in zip(plan.calls[region.first : region.stop], region.caps):
            if call.function != "espdl_s3_depthwise_s8":
                continue
            p = call.params
            event("less than a stripe" if p.band < cap else "a stripe")
            copied = (min(cap, p.output_height) - 1) * p.stride_height + (p.kernel_height - 1) * p.dilation_height + 1
            taps = (p.output_width - 1) * p.stride_width + (p.kernel_width - 1) * p.dilation_width + 1
            widest = max(taps, p.pad_left + p.input_width if p.pixels == 2 else 0)
            beside = p.stride_width * p.pixels + p.output_width
            assert call.scratch_bytes <= 16 * (copied * widest + beside)


@pytest.mark.parametrize("chip", ["generic", "esp32s3"])
@examples
@given(st.data())
def test_every_arena_that_can_be_is_found(chip: str, data: st.DataObject) -> None:
    """Of a number of bytes: what fits, down to the smallest. An application that gives rows is asked in a region."""
    plan = data.draw(networks(chip))
    made = {wanted: regions.choose(plan, wanted) for wanted in ("plain", "auto", "smallest")}
    sizes = [made[wanted].arena_bytes for wanted in ("smallest", "auto", "plain")]
    assert sizes == sorted(sizes)
    room = data.draw(st.integers(sizes[0], sizes[-1] + 64))
    made["bytes"] = regions.choose(plan, str(room))
    assert made["bytes"].arena_bytes <= room
    for other in made.values():
        inside = {index for region in other.regions for index in range(region.first, region.stop)}
        assert all(index in inside for index, call in enumerate(other.calls) if call.asks)
