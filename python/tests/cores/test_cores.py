# SPDX-License-Identifier: CC0-1.0
"""Two cores give the bytes of the reference, whatever the network is, and neither touches what the other works on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from shared_plans import THREADS, conflicts, shared_plans

from espdl import backends, emit
from espdl.plan.types import Plan
from espdl.verify import host, reference

# Each compiles a program; ESPDL_TEST_EXAMPLES=1000 for a long run.
EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "6"))
examples = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cores")


@pytest.mark.parametrize("chip", ["generic", pytest.param("esp32", marks=pytest.mark.sweep), "esp32s3"])
@settings(examples, max_examples=2 * EXAMPLES)
@given(st.data())
def test_no_core_touches_what_the_other_one_works_on(chip: str, data: st.DataObject) -> None:
    plan, _ = data.draw(shared_plans(chip))
    axes = {part.axis or "whole" for turn in plan.turns for part in turn.parts}
    event(" ".join(sorted(axes)))
    calls = [turn.first.call for turn in plan.turns]
    event("bands" if len(calls) > len(set(calls)) else "no bands")
    event("beside" if any(len({part.call for part in turn.parts}) > 1 for turn in plan.turns) else "not beside")
    assert list(conflicts(plan)) == []
    assert plan.arena_bytes >= plan.arena_lower_bound and Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("chip", "flags"),
    [
        ("generic", host.SANITIZERS),
        ("generic", THREADS),
        ("esp32s3", ()),
        pytest.param("esp32", host.SANITIZERS, marks=pytest.mark.sweep),
        pytest.param("esp32s3", THREADS, marks=pytest.mark.sweep),
    ],
    ids=["generic-memory", "generic-threads", "esp32s3", "esp32", "esp32s3-threads"],
)
@examples
@given(st.data())
def test_two_cores_give_the_bytes_of_the_reference(
    programs: Path, chip: str, flags: tuple[str, ...], data: st.DataObject
) -> None:
    plan, inputs = data.draw(shared_plans(chip))
    event(f"{len(plan.turns)} turns")
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        files = emit.render(plan, "net", packings=backends.packings())
        program = host.build(plan, files, "net", Path(folder) / "net", flags=flags)
        outputs = program.run({name: np.stack([values, values]) for name, values in inputs.items()}).outputs
    values = reference.run(plan, inputs)
    for port in plan.outputs:
        for got in outputs[port.name]:
            assert got.tobytes() == values[port.tensor].tobytes()
