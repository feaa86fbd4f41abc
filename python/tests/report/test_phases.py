# SPDX-License-Identifier: CC0-1.0
"""`espdl compile -v` and --dump-phases: times, decisions, and every stage's value, also where a later stage fails."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import onnx
import pytest

from espdl import pipeline
from espdl.cli import main
from espdl.plan.types import Plan

DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits" / "model"
PHASES = ("load", "quantize", "partition", "plan", "emit")


def compile_(folder: Path, *arguments: object) -> tuple[int, str]:
    """Exit code and what goes to the standard error stream."""
    model, calibration = DIGITS / "digits.onnx", DIGITS / "calib.npy"
    command = ["compile", model, "--calibration", calibration, "--effort", "fast", "-o", folder, *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in command])
    return code, err.getvalue()


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_ladder(level: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPDL_TRACEBACK", "")  # restored behind the test
    code, said = compile_(tmp_path / "out", *["-v"] * level)
    assert code == 0
    if level == 0:
        assert said == ""
        return
    phases = re.findall(r"^(\w+) +\d+\.\d\d s  \S", said, re.MULTILINE)
    assert tuple(phases) == PHASES
    assert (said.count("\n") == len(PHASES)) == (level == 1)
    assert ("layer 0, stem/conv" in said) == (level >= 2)
    assert ("zero point" in said) == (level >= 3)


def test_dumped_phases(tmp_path: Path) -> None:
    code, _ = compile_(tmp_path / "out", "--dump-phases", tmp_path / "phases")
    assert code == 0
    dumped = {p.relative_to(tmp_path / "phases").as_posix(): p.read_bytes() for p in (tmp_path / "phases").rglob("*.*")}
    assert onnx.load_from_string(dumped["1-model.onnx"]).graph.node
    quantized = onnx.load_from_string(dumped["2-qdq.onnx"])
    assert any(node.op_type == "QuantizeLinear" for node in quantized.graph.node)
    assert not any(
        node.op_type == "QuantizeLinear" for node in onnx.load_from_string(dumped["2-float.onnx"]).graph.node
    )
    passes = [name for name in sorted(dumped) if name.startswith("3-")]
    assert [int(name.split("-")[1]) for name in passes] == list(range(1, len(passes) + 1))
    assert b"R.function" in dumped["3-01-import.txt"] and b"espdl." not in dumped["3-01-import.txt"]
    grouped = next(name for name in passes if name.endswith("-group.txt"))
    assert b'"Composite": "espdl.' in dumped[grouped]
    assert b"conv2d(" in dumped[passes[-1]] and b"stem/conv" in dumped[passes[-1]]
    assert len(Plan.from_json(dumped["4-plan.json"].decode()).calls) > 10
    for path in (tmp_path / "out").iterdir():
        assert dumped[f"5-c/{path.name}"] == path.read_bytes()


def test_what_was_done_before_a_failure_is_dumped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the planner fails")

    monkeypatch.setattr(pipeline, "make_plan", fail)
    code, said = compile_(tmp_path / "out", "-v", "--dump-phases", tmp_path / "phases")
    assert code == 70 and "the planner fails" in said
    assert "partition " in said and "plan  " not in said
    names = {p.name for p in (tmp_path / "phases").iterdir()}
    assert any(name.endswith("-remove_identity_tables.txt") for name in names) and "4-plan.json" not in names
    assert not (tmp_path / "out").exists()


def test_phases_change_nothing(tmp_path: Path) -> None:
    assert compile_(tmp_path / "a")[0] == compile_(tmp_path / "b", "-v", "--dump-phases", tmp_path / "p")[0] == 0
    contents = [{p.name: p.read_bytes() for p in (tmp_path / folder).iterdir()} for folder in "ab"]
    assert contents[0] == contents[1] and len(contents[0]) > 4
