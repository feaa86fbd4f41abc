# SPDX-License-Identifier: CC0-1.0
"""Code and instructions from the tables of the kernels: what is known, and what is not."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_models import compiled, conv, join, model, node, normal

from espdl import report
from espdl.plan.types import Plan
from espdl.report import costs

SPEC = importlib.util.spec_from_file_location("stack", Path(__file__).resolve().parents[2] / "stack.py")
stack = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(stack)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    nodes, constants = join(conv("x", "c", 3, 8, (3, 3)), node("Relu", ["c"], ["r"]), conv("r", "y", 8, 4, (1, 1)))
    proto = model(nodes, [("x", [1, 3, 8, 8])], [("y", [1, 4, 6, 6])], constants)
    return compiled(proto, {"x": normal(8, 3, 8, 8)}, tmp_path_factory.mktemp("estimates"), effort="fast").plan


def test_the_tables_have_every_kernel() -> None:
    for architecture, table in costs.tables().items():
        missing = set(stack.kernels()) - set(table["kernels"])
        assert not missing, f"{architecture}: make costs, for {', '.join(sorted(missing))}"
        assert table["source"] and len(table["layer"]) == 3
        assert all(min(numbers) >= 0 and max(numbers[1:]) > 0 for numbers in table["instructions"].values())


def test_what_several_layers_share_counts_once(plan: Plan) -> None:
    table = costs.tables()["rv32"]
    twice = replace(plan, calls=plan.calls * 2)
    assert costs.linked_bytes(table, twice) == costs.linked_bytes(table, plan)
    once, both = (costs.of_plan(p, "net").code_bytes for p in (plan, twice))
    assert 40 * len(plan.calls) < both - once < 300 * len(plan.calls)


def test_the_chip_decides_the_table(plan: Plan) -> None:
    sources = {
        chip: costs.of_plan(replace(plan, target=chip), "net").source for chip in ("generic", "esp32c3", "esp32")
    }
    assert sources["generic"] == sources["esp32c3"] != sources["esp32"]
    assert "rv32imc" in sources["generic"] and "Xtensa" in sources["esp32"]


def test_an_unknown_kernel_leaves_a_dash(plan: Plan) -> None:
    other = replace(plan, calls=(*plan.calls[:-1], replace(plan.calls[-1], function="espdl_of_tomorrow")))
    values = report.make(other, "net", 100, "id")
    assert values["code_bytes"] is None and values["cost"] is None
    assert np.isclose(sum(layer["share"] for layer in values["layers"]), 1)
    assert "not known" in report.html(values).decode()


def test_a_measurement_takes_the_estimates_place(plan: Plan) -> None:
    values = report.make(plan, "net", 100, "id")
    assert values["cost"]["estimate"] and values["cost"]["total"] == sum(layer["cost"] for layer in values["layers"])
    assert "estimate: rv32imc" in report.text(values) and "estimate: rv32imc" in report.html(values).decode()
    measured = report.with_cost(values, [5] * len(plan.calls), "cycles", "a board", code_bytes=4321)
    assert (measured["cost"]["estimate"], measured["code_bytes"], measured["code_source"]) == (False, 4321, "a board")
