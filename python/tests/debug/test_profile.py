# SPDX-License-Identifier: CC0-1.0
"""The profile: every layer is measured, alone, beside other hooks, and printed within 100 columns."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import firmware
import hand_made
import pytest

from espdl import backends
from espdl.plan import graph as graphs
from espdl.plan import regions
from espdl.plan.stripes import Striped
from espdl.plan.types import Plan
from espdl.verify import host, rv32

HERE = Path(__file__).parent


def striped() -> Plan:
    """The network with its first layers in stripes of one row."""
    plan = hand_made.residual_network()
    plan = replace(plan, calls=tuple(backends.with_rows(call, plan.tensor) for call in plan.calls))
    stop = Striped(graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)).stop_of(0)
    assert stop > 3
    return regions.with_regions(plan, [(0, stop, 1)])


def run(machine: str, root: Path, plan: Plan, *flags: str) -> str:
    folder = root / f"profile-{machine}{len(flags)}{len(plan.regions)}"
    layers = "-DNAMELESS" not in flags
    hand_made.render(plan, layers=layers).write(folder)
    sources = [HERE / "profile.c", folder / "net.c", folder / "net_weights.S"]
    program = folder / "program"
    if machine == "rv32":
        library = rv32.library(root, firmware.FEATURES)
        rv32.link(program, [*sources, rv32.HERE / "console.c", library], [*firmware.FEATURES, *flags, f"-I{folder}"])
        return firmware.run(machine, program)
    library = host.library(root, flags=firmware.FEATURES)
    include = [f"-I{folder}", f"-I{host.COMPONENT / 'include'}"]
    paths = [str(path) for path in (*sources, library)]
    host.run_tool(host.find_compiler(), *host.FLAGS, *firmware.FEATURES, *flags, *include, *paths, "-o", str(program))
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


ROW = re.compile(r"espdl: +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)\.(\d) %  (\S*)  ?(.*?)(?:  in (\d+) stripes)?$")


@pytest.mark.parametrize("flags", [(), ("-DNAMELESS",)], ids=["names", "nameless"])
def test_profile(machine: str, root: Path, flags: tuple[str, ...]) -> None:
    check(machine, hand_made.residual_network(), run(machine, root, hand_made.residual_network(), *flags), not flags)


@pytest.mark.parametrize("flags", [(), ("-DNAMELESS",)], ids=["names", "nameless"])
def test_stripes(machine: str, root: Path, flags: tuple[str, ...]) -> None:
    """A layer's parts are one run of it, also where a run was cancelled between them; how many there were is said."""
    plan = striped()
    rows = check(machine, plan, run(machine, root, plan, *flags), not flags)
    (region,) = plan.regions
    for index, row in enumerate(rows):
        height = plan.tensor(plan.calls[index].outputs[0]).shape[1]
        parts = int(row.group(9) or 1)
        if index < region.stop and height > 1:
            # The image is whole, but the rows below it that only a window's border makes come with the last one.
            assert height / region.caps[index] <= parts <= height and parts > 1
        else:
            assert parts == 1


def check(machine: str, plan: Plan, text: str, named: bool) -> list[re.Match]:
    """The lines about layers."""
    unit = "instructions" if machine == "rv32" else "ns"
    lines = text.splitlines()
    assert all(len(line) <= 100 for line in lines), text
    assert lines[0] == "espdl: no complete run was measured"
    head = re.fullmatch(
        rf"espdl: profile of net, identity 0123456789abcdef, 5 runs, (\d+) {unit} a run in layers", lines[1]
    )
    assert head, text
    rows = [ROW.fullmatch(line.rstrip("\n")) for line in lines[3:]]
    assert len(rows) == len(plan.calls) and all(rows), text
    numbers = [[int(row.group(i)) for i in range(1, 5)] for row in rows]
    assert [n[0] for n in numbers] == list(range(len(rows)))
    assert all(0 < least <= mean <= most for _, mean, least, most in numbers)
    assert abs(sum(n[1] for n in numbers) - int(head.group(1))) <= len(rows)
    assert abs(sum(int(row.group(5)) * 10 + int(row.group(6)) for row in rows) - 1000) <= len(rows)
    names = [(row.group(7), row.group(8)) for row in rows]
    expected = [(call.operator, ", ".join(call.source_nodes)[:32]) for call in plan.calls]
    assert names == (expected if named else [("", "")] * len(rows))
    if machine == "rv32":
        assert all(least == most for _, _, least, most in numbers)  # the same data, the same instructions
        assert numbers[0][1] > 5_000  # and none of the slow hook that the program has too
        assert sum(n[1] for n in numbers) < 1_000_000
    return rows
