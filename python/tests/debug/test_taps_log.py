# SPDX-License-Identifier: CC0-1.0
"""Logs with lost and damaged lines: what is left is compared, and a sound chip is never accused."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import firmware
import hand_made
import numpy as np
import pytest

from espdl.plan.types import Plan
from espdl.verify import debug, reference, taps


@pytest.fixture(scope="module")
def plan() -> Plan:
    return hand_made.residual_network()


@pytest.fixture(scope="module")
def build(plan: Plan, root: Path) -> debug.Build:
    files = hand_made.render(plan)
    return debug.Build(root, "net", "0123456789abcdef", plan, files["net_weights.bin"])


@pytest.fixture(scope="module")
def log(plan: Plan, root: Path) -> str:
    """Two runs with everything printed in full, and other output."""
    every = range(len(plan.calls))
    inputs = hand_made.samples(plan, 2)
    files = hand_made.render(plan)
    return firmware.run("host", firmware.build("host", root / "log", files, plan, inputs, every, True, "net"))


def line(number: int, text: str) -> str:
    return f"@espdl {number} {text} *{taps.check_of(f'{number} {text}')}\n"


def print_run(plan: Plan, values: dict[str, np.ndarray], inputs: dict[str, np.ndarray], full: bool = True) -> str:
    """What taps print of a run that computes `values`."""
    texts = ["run 0 net 0123456789abcdef 10"]

    def tensor(kind: str, name: str, data: bytes) -> None:
        texts.append(f"{kind} {name} {len(data)} {taps.fnv(data):08x}")
        for offset in range(0, len(data) if full else 0, 32):
            place = name if kind == "layer" else f"{name} 0"
            texts.append(f"{kind}-data {place} {offset} {data[offset : offset + 32].hex()}")

    for index, port in enumerate(plan.inputs):
        tensor("input", str(index), inputs[port.name].tobytes())
    for index, call in enumerate(plan.calls):
        for output, name in enumerate(call.outputs):
            tensor("layer", f"{index} {output}", values[name].tobytes())
    return "".join(line(i, text) for i, text in enumerate([*texts, "end 0"]))


def sample(plan: Plan) -> dict[str, np.ndarray]:
    return {name: array[2] for name, array in hand_made.samples(plan, 3).items()}


def test_c_and_python_agree_on_every_line(log: str, plan: Plan) -> None:
    parsed = taps.read(log)
    assert (len(parsed.runs), parsed.damaged, parsed.missing) == (2, 0, 0)
    inputs = hand_made.samples(plan, 2)
    for index, run in enumerate(parsed.runs):
        values = reference.run(plan, {name: array[index] for name, array in inputs.items()})
        assert (run.number, run.model, run.identity, run.ended) == (index, "net", "0123456789abcdef", True)
        assert run.inputs[0].complete() == inputs["image"][index].tobytes()
        for call, node in enumerate(plan.calls):
            for output, name in enumerate(node.outputs):
                assert run.layers[call, output].complete() == values[name].tobytes()
    # Printed by Python, the same texts get the same checks.
    texts = {found.group(2) for found in taps._LINE.finditer(log)}
    first = {name: array[0] for name, array in inputs.items()}
    own = {found.group(2) for found in taps._LINE.finditer(print_run(plan, reference.run(plan, first), first))}
    assert own <= texts and len(own) > 20


@pytest.mark.parametrize("seed", range(30))
def test_damage_is_never_taken_for_a_difference(log: str, build: debug.Build, seed: int) -> None:
    randomness = random.Random(seed)
    text = list(log)
    for _ in range(randomness.choice([1, 5, 40])):
        place = randomness.randrange(len(text))
        action = randomness.randrange(4)
        if action == 0:
            text[place] = chr(randomness.randrange(1, 256))
        elif action == 1:
            del text[place : place + randomness.randrange(1, 200)]
        elif action == 2:
            text.insert(place, "E (5) task: interrupted\r\n")
        else:
            text.insert(place, randomness.choice("*@ \n\0"))
    parsed = taps.read("".join(text))
    assert parsed.runs
    for run in parsed.runs:
        verdict = debug.examine(build, run)
        assert verdict.difference is None
        assert verdict.passed or verdict.problems or not run.layers


def test_lost_lines_are_counted(plan: Plan, build: debug.Build) -> None:
    inputs = sample(plan)
    lines = print_run(plan, reference.run(plan, inputs), inputs).splitlines(keepends=True)
    layers = [i for i, text in enumerate(lines) if " layer 3 0 " in text or " layer-data 3 0 " in text]
    assert " input-data 0 0 32 " in lines[3]
    lines[3] = lines[3].replace(" *", "0 *")
    parsed = taps.read("".join(text for i, text in enumerate(lines) if i not in layers))
    assert parsed.damaged == 1
    assert parsed.missing == len(layers) + 1
    lost_input = debug.examine(build, parsed.runs[0])
    assert "set dump_inputs" in lost_input.problems[0]
    verdict = debug.examine(build, parsed.runs[0], [inputs])
    assert verdict.unknown == (3,)
    assert verdict.passed and verdict.compared == len(plan.calls) - 1


def test_restart_in_the_middle(plan: Plan, build: debug.Build) -> None:
    inputs = sample(plan)
    text = print_run(plan, reference.run(plan, inputs), inputs)
    half = text[: len(text) // 2].rpartition("@espdl")[0]
    parsed = taps.read(half + "rst:0x7 (TG0WDT_SYS_RST)\n" + text)
    assert [run.ended for run in parsed.runs] == [False, True]
    verdicts = [debug.examine(build, run) for run in parsed.runs]
    assert all(v.passed for v in verdicts)
    assert 0 < verdicts[0].compared < verdicts[1].compared


def test_first_of_several_differences(plan: Plan, build: debug.Build) -> None:
    inputs = sample(plan)
    values = dict(reference.run(plan, inputs))
    for name in ("depth", "table"):
        values[name] = values[name].copy()
        values[name][0, 2, 3, 1] ^= 3
    verdict = debug.examine(build, taps.read(print_run(plan, values, inputs)).runs[0])
    found = verdict.difference
    assert found is not None and not verdict.passed
    assert (found.call, found.output, found.index, found.count) == (1, 0, (0, 2, 3, 1), 1)
    assert found.got == found.expected ^ 3
    verdict = debug.examine(build, taps.read(print_run(plan, values, inputs, full=False)).runs[0], [inputs])
    assert verdict.difference.call == 1 and verdict.difference.index is None


def test_floats_of_another_c_library_are_accepted(plan: Plan, build: debug.Build) -> None:
    """A layer that is not exact may be one step off; what follows is then computed from the chip's values."""
    calls = [dataclasses.replace(call, exact=i != 3) for i, call in enumerate(plan.calls)]
    inexact = dataclasses.replace(build, plan=dataclasses.replace(plan, calls=tuple(calls)))
    inputs = sample(plan)
    table = reference.run(plan, inputs)["table"].copy()
    table[0, 0, 0] += np.where(table[0, 0, 0] < 127, 1, -1).astype(np.int8)
    values = reference.run(plan, inputs, {"table": table})
    assert not np.array_equal(values["small"], reference.run(plan, inputs)["small"])
    verdict = debug.examine(inexact, taps.read(print_run(plan, values, inputs)).runs[0])
    assert verdict.passed and verdict.tolerated == (3,)
    assert debug.examine(build, taps.read(print_run(plan, values, inputs)).runs[0]).difference.call == 3
    table[0, 0, 0] ^= 0x40
    values = reference.run(plan, inputs, {"table": table})
    found = debug.examine(inexact, taps.read(print_run(plan, values, inputs)).runs[0]).difference
    assert found.call == 3 and "last bits may differ" in found.meanings[-1]
