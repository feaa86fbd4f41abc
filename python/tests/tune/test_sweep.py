# SPDX-License-Identifier: CC0-1.0
"""`espdl sweep`: which models are found, what the table says, how it ends."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
import tune_fakes
from tune_fakes import FakeRunner, by_rule

from espdl.cli import main
from espdl.commands import sweep as command
from espdl.errors import EspdlError, UsageError
from espdl.tune import sweep, zoo
from espdl.tune.compute import Computer
from espdl.tune.store import Store


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a/model.onnx with all it needs, b/<left, right>.onnx of which one has no calibration data, and broken.onnx."""
    root = tmp_path_factory.mktemp("zoo")
    (root / "a").mkdir()
    tune_fakes.write(root / "a")
    (root / "a" / "net.onnx").rename(root / "a" / "model.onnx")
    (root / "a" / "tuned.json").write_text(json.dumps({"effort": "fast", "int16": []}))
    (root / "b").mkdir()
    for name in ("left", "right"):
        shutil.copy(root / "a" / "model.onnx", root / "b" / f"{name}.onnx")
    shutil.copy(root / "a" / "calib.npy", root / "b" / "left.npy")
    (root / "broken=1.onnx").write_bytes(b"no model")
    return root


def test_models_and_what_lies_beside_them(models: Path, tmp_path: Path) -> None:
    found = {model.name: model for model in zoo.models(models)}
    assert list(found) == ["a", "b/left", "b/right", "broken=1"]
    assert found["a"].settings == {"effort": "fast", "int16": ()}
    assert found["a"].evaluation.name == "eval.npz" and found["a"].calibration.name == "calib.npy"
    assert found["b/left"].calibration.name == "left.npy" and found["b/right"].calibration is None
    assert [model.name for model in zoo.models(models / "b" / "left.onnx")] == ["left"]
    with pytest.raises(EspdlError, match="no .onnx file"):
        zoo.models(tmp_path)


def table(models: Path, folder: Path, **limits: float) -> tuple[list[sweep.Row], FakeRunner]:
    sets = [sweep.SweepSet("default", {}), sweep.SweepSet("effort=best", {"effort": "best"})]
    runner = FakeRunner(by_rule)
    chips = ("generic", "esp32s3")
    rows = sweep.rows(zoo.models(models), chips, sets, Computer(Store(folder), runner), **limits)
    return rows, runner


def test_every_model_chip_and_set_has_a_row(models: Path, tmp_path: Path) -> None:
    rows, runner = table(models, tmp_path, min_sqnr=30.5)
    assert len(rows) == 4 * 2 * 2
    assert [row["model"] for row in rows[:4]] == ["a"] * 4
    assert {row["status"] for row in rows if row["model"] == "broken=1"} == {"failed"}
    assert {row["status"] for row in rows if row["options"] == "default"} == {"failed", "below"}
    # The options of a model's own file come before those of all.
    assert {row["sqnr_db"] for row in rows if row["model"] == "a"} == {29.0}
    assert {row["sqnr_db"] for row in rows if row["model"] == "b/left" and row["status"] == "ok"} == {31.0}
    again = list(csv.DictReader(sweep.to_csv(rows).decode().splitlines()))
    assert [row["model"] for row in again] == [row["model"] for row in rows]
    assert again[0]["sqnr_db"] == "29.0" and again[-1]["sqnr_db"] == "" and again[-1]["reason"]
    page = sweep.html(rows).decode()
    assert page.count("<tr class=") == 16 and "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert len(runner.jobs) == 10 and len({job.key for job in runner.jobs}) == 10  # a's sets are one
    assert "broken=1" in sweep.text(rows)


def test_the_command(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "runner_from", lambda arguments: FakeRunner(by_rule))
    given = ["sweep", str(models / "b"), "--cache", str(tmp_path / "cache"), "-o", str(tmp_path / "out")]
    assert main([*given, "--chips", "esp32c3", "--set", "effort=best", "memory=smallest"]) == 0
    assert "effort=best memory=smallest" in capsys.readouterr().out
    assert (tmp_path / "out" / "sweep.csv").exists() and (tmp_path / "out" / "sweep.html").exists()
    assert main([*given, "--min-sqnr", "90"]) == 1
    assert "below 90 dB" in capsys.readouterr().out
    for wrong in (["--chips", "z80"], ["--set", "nothing"], ["--set", "chip=esp32"], ["--set", "effort=most"]):
        assert main([*given, *wrong]) in (1, 2)


def test_a_wrong_set_is_a_usage_error() -> None:
    assert command._set(["int16=a,b", "calibration-method=mse"]).settings == {
        "int16": ("a", "b"),
        "calibration_method": "mse",
    }
    with pytest.raises(UsageError, match="OPTION=VALUE"):
        command._set(["scheme"])


@pytest.mark.slow
def test_with_the_compiler(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["sweep", str(models), "--cache", str(tmp_path / "cache"), "-o", str(tmp_path / "out"), "--jobs", "1"]
    assert main(given) == 1
    assert "3 measured" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "out" / "sweep.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["ok", "ok", "failed", "failed"]
    assert "no calibration data" in rows[2]["reason"] and "broken=1.onnx" in rows[3]["reason"]
    assert float(rows[0]["sqnr_db"]) > 20 and int(rows[0]["arena_bytes"]) > 0
