# SPDX-License-Identifier: CC0-1.0
"""The values of a report, and its text and HTML: complete, bounded, and safe against names from strangers."""

from __future__ import annotations

import copy
import dataclasses
import html.parser
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import hand_made
import numpy as np
import onnx
import pytest
from hostile_names import HOSTILE, hostile_plan

from espdl import report
from espdl.report import advice, memory, stack, values


def test_json_holds_the_plan(sound: dict[str, Any]) -> None:
    plan = hand_made.residual_network()
    assert json.loads(report.to_json(sound)) == sound
    assert (sound["macs"], sound["arena_bytes"]) == (plan.macs, plan.arena_bytes)
    assert len(sound["layers"]) == len(plan.calls)
    for layer, call in zip(sound["layers"], plan.calls):
        assert (layer["nodes"], layer["kernel"], layer["macs"]) == (list(call.source_nodes), call.function, call.macs)
        assert [t["tensor"] for t in layer["inputs"]] == list(call.inputs)
        assert layer["outputs"][0]["scale"] == plan.tensor(call.outputs[0]).scale
        assert layer["cost"] > 0 and layer["sqnr_db"] is None and not layer["fallback"]
    assert sound["cost"]["estimate"] and sound["cost"]["total"] == sum(layer["cost"] for layer in sound["layers"])
    assert sum(layer["share"] for layer in sound["layers"]) == pytest.approx(1)
    assert sound["layers"][0]["share"] == max(layer["share"] for layer in sound["layers"][:1])


def test_memory_over_time(sound: dict[str, Any]) -> None:
    """In no slot do two blocks overlap, but those of one call that share; nothing lies outside of the arena."""
    found = sound["memory"]
    assert found["slots"] == len(sound["layers"]) + 2
    for slot in range(found["slots"]):
        blocks = sorted(memory.alive(found, slot), key=lambda b: b["offset"])
        assert blocks or slot not in (0, found["slots"] - 1)
        assert all(b["offset"] + b["bytes"] <= sound["arena_bytes"] for b in blocks)
        for one, other in zip(blocks, blocks[1:]):
            apart = one["offset"] + one["bytes"] <= other["offset"]
            shared = slot in (one["first"], other["first"]) and slot in (one["last"], other["last"])
            assert apart or shared
        assert found["used"][slot] <= sound["arena_bytes"]
    assert found["used"][found["peak"]] == max(found["used"])
    assert {b["kind"] for b in found["blocks"]} >= {"input", "output", "tensor"}


def test_scratch_and_state_are_in_the_picture() -> None:
    found = memory.make(hand_made.scratch_network())
    assert [(b["bytes"], b["first"], b["last"]) for b in found["blocks"] if b["kind"] == "scratch"] == [(48, 1, 1)]
    assert found["used"] == [48, 144, 48] and found["peak"] == 1


def test_stack_is_that_of_the_deepest_kernel(sound: dict[str, Any]) -> None:
    known = stack.table()["kernels"]
    depths = [known[call.function] for call in hand_made.residual_network().calls]
    assert [layer["stack_bytes"] for layer in sound["layers"]] == depths
    assert sound["stack_bytes"] == stack.table()["run"] + max(depths) > 100
    assert f"stack of a run {sound['stack_bytes']} bytes (rv32imc, gcc " in report.text(sound)
    assert f"most of it in layer {depths.index(max(depths))}; rv32imc, gcc " in report.html(sound).decode()


def test_stack_is_a_dash_where_a_kernel_was_not_measured() -> None:
    plan = hand_made.residual_network()
    calls = (dataclasses.replace(plan.calls[0], function="other_kernel"), *plan.calls[1:])
    found = report.make(dataclasses.replace(plan, calls=calls), "net", 1, "x")
    assert found["stack_bytes"] is None and found["layers"][0]["stack_bytes"] is None
    assert "stack of a run - (not measured: other_kernel)" in report.text(found)
    assert '<div class="tile" data-what="Stack"><span>Stack</span><b>-</b>' in report.html(found).decode()


def test_versions_are_in_every_form(sound: dict[str, Any]) -> None:
    text = "espdl 1.2.3, python 3.99.1, numpy 2.7, onnx -"
    assert report.text(sound).splitlines()[-1] == f"made by {text}"
    assert f"Made by {text}." in report.html(sound).decode()
    assert sound["environment"] == {"python": "3.99.1", "numpy": "2.7", "onnx": None}


def test_versions_are_those_that_run() -> None:
    found = report.versions()
    assert found["numpy"] == np.__version__ and found["onnx"] == onnx.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    # What the package asks for, but for the reader of Kconfig files, takes part in computing the output.
    project = (Path(report.__file__).parents[2] / "pyproject.toml").read_text()
    wanted = re.search(r"^dependencies = \[(.*?)^\]", project, re.M | re.S)[1]
    assert set(re.findall(r'^ *"([\w-]+)', wanted, re.M)) - {"kconfiglib"} == set(found) - {"python"}


def test_errors_and_costs(sound: dict[str, Any]) -> None:
    untouched = copy.deepcopy(sound)
    with_errors = report.with_errors(sound, {"stem": 31.5, "depth": float("inf"), "nothing": 1.0})
    assert [layer["sqnr_db"] for layer in with_errors["layers"][:3]] == [31.5, None, None]
    costs = [10 * i for i in range(len(sound["layers"]))]
    with_cost = report.with_cost(with_errors, costs, "cycles", "a chip", per_microsecond=160.0, code_bytes=7)
    assert with_cost["layers"][0]["sqnr_db"] == 31.5
    assert [layer["cost"] for layer in with_cost["layers"]] == costs
    assert with_cost["layers"][2]["share"] == pytest.approx(20 / sum(costs))
    assert with_cost["cost"]["total"] == sum(costs) and with_cost["code_bytes"] == 7
    assert values.time(with_cost) == f"{sum(costs) / 160 / 1000:.3f} ms"
    assert sound == untouched
    with pytest.raises(ValueError, match="1 costs for"):
        report.with_cost(sound, [1], "cycles", "a chip")


def test_a_time_says_who_found_it(sound: dict[str, Any]) -> None:
    """Measured, estimated from the tables of the kernels, or a dash where one of them is in no table."""
    plan = hand_made.residual_network()
    unknown = replace(plan, calls=(replace(plan.calls[0], function="espdl_of_tomorrow"), *plan.calls[1:]))
    neither = report.make(unknown, "net", 100, "id")
    counted = report.with_cost(sound, [1000] * len(sound["layers"]), "instructions", "QEMU")
    assert values.time(counted) == f"{1000 * len(sound['layers']):,} instructions"
    assert "one run: 10,000 instructions (QEMU)" in report.text(counted)
    assert f"one run: {sound['cost']['total']:,} instructions (estimate: rv32imc" in report.text(sound)
    assert "one run" not in report.text(neither)
    tiles = dict(re.findall(r'data-what="(\w+)"><span>\w+</span><b>([^<]*)</b>', report.html(neither).decode()))
    assert (tiles["Time"], tiles["Code"]) == ("-", "-")
    tiles = dict(re.findall(r'data-what="(\w+)"><span>\w+</span><b>([^<]*)</b>', report.html(counted).decode()))
    assert tiles["Instructions"] == "10,000" and "Time" not in tiles


@pytest.mark.parametrize("which", ["sound", "hostile"])
def test_text_fits_100_columns(which: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(which)
    lines = report.text(found).splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert all(character.isprintable() for line in lines for character in line)
    rows = [line for line in lines if re.match(r" *\d+  ", line)]
    assert len(rows) == len(found["layers"])
    for line, layer in zip(rows, found["layers"]):
        assert values.percent(layer["share"]) in line and values.shape(layer) in line
        assert (values.number(layer["macs"]) if layer["macs"] else "-") in line
    assert "(fallback)" in rows[2] or which == "sound"


class Page(html.parser.HTMLParser):
    """All tags and attributes, and whether those that are opened are closed."""

    VOID = {"meta", "link", "br", "wbr"}

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("which", ["sound", "hostile"])
def test_html_is_well_formed_and_alone(which: str, request: pytest.FixtureRequest) -> None:
    text = report.html(request.getfixturevalue(which)).decode()
    page = Page(text)
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")]
        assert tag == "link" or "href" not in attributes
    assert [a["href"] for tag, a in page.tags if tag == "link"] == ["data:,"]
    assert "url(" not in text and "@import" not in text
    assert "7 * 7" in text or which == "sound"  # a template inside of a name is text
    assert sum(tag == "tr" for tag, _ in page.tags) > len(hand_made.residual_network().calls)


def test_reports_are_equal_bytes() -> None:
    once, twice = (report.make(hostile_plan(), "net", 1, "x") for _ in range(2))
    assert report.to_json(once) == report.to_json(twice)
    assert report.html(once) == report.html(twice)


def test_advice(sound: dict[str, Any], hostile: dict[str, Any]) -> None:
    assert [sentence.partition(" in layer")[0] for sentence in sound["advice"]] == ["RAM peaks"]
    joined = "\n".join(hostile["advice"])
    assert joined.startswith(HOSTILE[0])
    assert "in loops that TVM made" in joined
    assert "dB from the float model" in joined
    assert "could be faster" in joined
    assert "partition of 1 MB for the application: make one of 3456 KB" in joined
    assert "The last bit may differ" in joined
    layers = copy.deepcopy(sound)
    layers["layers"][0]["operator"] = "transpose"
    layers["arena_bytes"] += 64
    joined = "\n".join(advice.make(layers))
    assert "--input-layout nhwc" in joined and "64 bytes above its lower bound" in joined


def test_long_names_keep_both_ends() -> None:
    assert values.short("abc") == "abc"
    name = "begin" + 200 * "x" + "end"
    assert (
        len(values.short(name)) == 48 and values.short(name).startswith("begin") and values.short(name).endswith("end")
    )
