# SPDX-License-Identifier: CC0-1.0
"""A stream gives, push by push, the bytes of the network on the whole window, or of the network for the long input."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st
from pushes import BAD_PUSH, CANCELLED, FILLING, NO_INPUT, OK, Pushed
from stream_networks import Network, networks, with_last_only

from espdl.plan.rows import as_signal
from espdl.plan.streams import NoStream
from espdl.plan.types import Plan
from espdl.verify import reference

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "8"))
examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams")


@st.composite
def streams(draw: st.DrawFn, edges: str, chip: str = "generic") -> tuple[Network, Plan]:
    """A network that can be a stream of a random hop, and its plan."""
    network = with_last_only(draw(networks(chip)))
    window = draw(st.integers(8, 40))
    assume(network.plan(window) is not None)
    hop = draw(st.integers(1, 6))
    try:
        plan = network.plan(window, (hop, edges))
    except NoStream as refusal:
        assume(refusal.hop is not None)
        assert refusal.hop <= window
        plan = network.plan(window, (refusal.hop, edges))
    event(f"{plan.stream.stop - plan.stream.first} of {len(plan.calls)} calls")
    return network, plan


def recording(plan: Plan, rows: int) -> np.ndarray:
    """uint8 [rows, bytes of a row]."""
    random = np.random.default_rng(rows)
    return random.integers(0, 256, (rows, plan.stream.tensors[0].row_bytes)).astype(np.uint8)


def as_input(plan: Plan, rows: np.ndarray) -> dict[str, np.ndarray]:
    tensor = plan.tensor(plan.inputs[0].tensor)
    shape = list(tensor.shape)
    shape[shape.index(max(shape[1:3])) if shape[1] == 1 else 1] = len(rows)
    return {plan.inputs[0].name: np.ascontiguousarray(rows).view(tensor.dtype)}


def of_window(plan: Plan, rows: np.ndarray) -> dict[str, bytes]:
    values = reference.run(plan, as_input(plan, rows))
    return {port.name: values[port.tensor].tobytes() for port in plan.outputs}


@settings(examples, max_examples=max(2, EXAMPLES // 2))
@given(streams("window"), st.integers(0, 4))
def test_with_edges_of_the_window_every_output_is_that_of_the_window(
    programs: Path, case: tuple[Network, Plan], more: int
) -> None:
    network, plan = case
    stream = plan.stream
    window, hop = stream.tensors[0].rows, stream.hop
    rows = recording(plan, (stream.fills + more) * hop)
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        loaded = Pushed(plan, Path(folder) / "net")
    assert loaded.init() == OK
    for push, (status, outputs) in enumerate(loaded.run_all(rows), 1):
        assert status == (OK if push * hop >= window else FILLING)
        if status == OK:
            assert outputs == of_window(network.plan(window), rows[push * hop - window : push * hop])


@pytest.mark.parametrize("chip", ["generic", pytest.param("esp32", marks=pytest.mark.sweep), "esp32s3"])
@examples
@given(data=st.data(), more=st.integers(0, 4))
def test_with_edges_of_the_stream_outputs_are_those_of_the_long_input(
    programs: Path, chip: str, data: st.DataObject, more: int
) -> None:
    """Maps are compared with the network for the long input, layer by layer of the same weights and scales."""
    network, plan = data.draw(streams("stream", chip))
    stream = plan.stream
    window, hop = stream.tensors[0].rows, stream.hop
    pushes = max(stream.fills, stream.settles) + more
    rows = recording(plan, pushes * hop)
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        loaded = Pushed(plan, Path(folder) / "net")
    assert loaded.init() == OK
    long = network.plan(pushes * hop)
    values = reference.run(long, as_input(long, rows))
    maps = {call.outputs[0]: values[call.outputs[0]] for call in long.calls}
    (port,) = plan.outputs
    for push, (status, outputs) in enumerate(loaded.run_all(rows), 1):
        assert status == (OK if push >= stream.fills else FILLING)
        if status == OK:
            assert outputs[port.name] == expected(plan, maps, push)
    assert window


def expected(plan: Plan, maps: dict[str, np.ndarray], push: int) -> bytes:
    """The output whose window ends with this push: what the references make of those rows of the maps."""
    values: dict[str, np.ndarray] = {}
    for rows in plan.stream.tensors[1:]:
        whole = maps[rows.tensor]
        long = as_signal(whole.shape) if plan.tensor(plan.inputs[0].tensor).shape[1] == 1 else whole.shape
        end = rows.end(push)
        if end >= rows.rows:
            part = whole.reshape(long)[:, end - rows.rows : end]
            values[rows.tensor] = part.reshape(plan.tensor(rows.tensor).shape)
    for call in plan.calls[plan.stream.stop :]:
        (result,) = reference.compute(plan, call, [values[name] for name in call.inputs])
        values[call.outputs[0]] = result.reshape(plan.tensor(call.outputs[0]).shape)
    return values[plan.outputs[0].tensor].tobytes()


@examples
@given(st.sampled_from(["window", "stream"]).flatmap(streams), st.integers(1, 9))
def test_a_reset_equals_a_fresh_instance_and_wrong_pushes_change_nothing(
    programs: Path, case: tuple[Network, Plan], before: int
) -> None:
    _, plan = case
    rows = recording(plan, (plan.stream.fills + 2) * plan.stream.hop)
    with tempfile.TemporaryDirectory(dir=programs) as folder:
        loaded = Pushed(plan, Path(folder) / "net")
    assert loaded.push(rows) != OK, "before init"
    assert loaded.init() == OK
    assert loaded.run_as_it_is() == NO_INPUT, "nothing was pushed"
    wanted = list(loaded.run_all(rows))
    assert loaded.reset() == OK and list(loaded.run_all(rows)) == wanted
    assert loaded.reset() == OK
    for start in range(0, len(rows), loaded.hop):
        part = rows[start : start + loaded.hop]
        assert loaded.push(part, loaded.hop + 1) == BAD_PUSH
        assert loaded.push(part) == OK and loaded.push(rows[::-1]) == BAD_PUSH
        status = loaded.run_as_it_is()
        assert (status, loaded.outputs() if status == OK else {}) == wanted[start // loaded.hop]
        assert loaded.run_as_it_is() == NO_INPUT
    remaining = iter(range(before))
    assert loaded.init(lambda: next(remaining, None) is not None) == OK
    statuses = [status for status, _ in loaded.run_all(rows)]
    assert CANCELLED in statuses
    assert loaded.init() == OK and list(loaded.run_all(rows)) == wanted
