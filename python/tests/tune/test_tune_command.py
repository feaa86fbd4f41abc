# SPDX-License-Identifier: CC0-1.0
"""`espdl tune` with the real compiler: what it says of a point is true, what it writes is read, how it ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tune_fakes

from espdl.cli import main
from espdl.commands.arguments import add_model_arguments, options_from
from espdl.pipeline import compile_model
from espdl.tune import extras
from espdl.verify import evaluation, validate

COMMAND = [sys.executable, "-I", str(Path(extras.__file__).parents[2] / "espdl_cli.py")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tune_fakes.write(tmp_path_factory.mktemp("tune_command"))


def arguments(folder: Path, *more: str) -> list[str]:
    given = ["tune", str(folder / "net.onnx"), "--calibration", str(folder / "calib.npy"), "--cache"]
    return [*given, str(folder / "cache"), "--eval", str(folder / "eval.npz"), "-o", str(folder / "out"), *more]


def said(folder: Path) -> dict:
    return json.loads((folder / "out" / "tune.json").read_text())


def options_of(folder: Path, words: str, output: Path) -> object:
    """What a user's command line means."""
    import argparse

    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    paths = [str(folder / "net.onnx"), "--calibration", str(folder / "calib.npy"), "-o", str(output)]
    return options_from(parser.parse_args([*paths, *shlex.split(words)]))


def test_what_it_says_is_what_validate_says(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    applied = tmp_path / "net.tuned.json"
    assert main(arguments(folder, "--candidates", "6", "--jobs", "1", "--apply", str(applied))) == 0
    text = capsys.readouterr().out
    assert "default" in text and f"written to {applied}" in text
    values = said(folder)
    points = {point["flags"]: point for point in [values["default"], *values["front"], values["chosen"]]}
    assert len(points) > 1
    for index, (flags, point) in enumerate(list(points.items())[-2:]):
        options = options_of(folder, flags, tmp_path / str(index))
        row = validate.run(options, evaluation.of(options, str(folder / "eval.npz"))).generated
        assert (row.sqnr_db, row.agreement, row.accuracy) == (point["sqnr_db"], point["agreement"], point["accuracy"])
        report = compile_model(options).report
        assert (report["arena_bytes"], report["weights_bytes"]) == (point["arena_bytes"], point["weights_bytes"])
        assert (report["cost"] and report["cost"]["total"]) == point["instructions"]
    by_file = options_of(folder, f"--options {applied}", tmp_path / "file")
    by_flags = options_of(folder, values["chosen"]["flags"], tmp_path / "flags")
    texts = [(compile_model(o), (Path(o.output) / "net.c").read_text())[1] for o in (by_file, by_flags)]
    strip = [[line for line in text.splitlines() if "identity" not in line] for text in texts]
    assert [len(lines) for lines in strip] == [len(strip[0])] * 2


# What a shell starts in the background ignores interrupts, and so would all that this process starts.
HEARS_INTERRUPTS = [
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
]


def test_a_search_that_is_interrupted_goes_on(tmp_path: Path) -> None:
    """With processes, as a terminal interrupts them: all at once."""
    folder = tune_fakes.write(tmp_path)
    command = [*COMMAND, *arguments(folder, "--candidates", "5", "--jobs", "2", "--effort", "fast")]
    cache = folder / "cache"
    running = subprocess.Popen(
        [*HEARS_INTERRUPTS, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 240
    while len(list(cache.glob("*/*.json"))) < 2 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "the same command goes on from here" in err and "Traceback" not in err
    kept = len(list(cache.glob("*/*.json")))
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert 2 <= kept < 6 and f"{6 - kept} measured, {kept} taken" in done.stdout
    assert not list(cache.glob("*/*.part"))


def test_limits_that_nothing_can_meet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder, "--candidates", "2", "--jobs", "1", "--max-arena", "10")) == 1
    captured = capsys.readouterr()
    assert "nearest came" in captured.err and "wanted at most 10" in captured.err
    assert said(folder)["chosen"] is None


@pytest.mark.parametrize(
    "script, words",
    [
        ("def metric(outputs, reference, labels, inputs):\n    return outputs['none']\n", "line 2: KeyError"),
        ("def metric(*_):\n    return float('nan')\n", "it returned nan"),
        ("def metric(*_):\n    return 'good'\n", "ValueError"),
        ("def quality(*_):\n    return 1.0\n", "no function metric"),
        ("def metric(:\n", "SyntaxError"),
    ],
)
def test_metrics_that_do_not_work(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, words: str
) -> None:
    (tmp_path / "mine.py").write_text(script)
    more = ["--candidates", "2", "--jobs", "1", "--metric", str(tmp_path / "mine.py"), "--precision", "int8"]
    assert main(arguments(folder, *more)) == 1
    error = capsys.readouterr().err
    assert "mine.py" in error and words in error and "Remedy" in error


def test_a_metric_of_the_users(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["import numpy as np", "def metric(outputs, reference, labels, inputs):", "    (y,) = outputs.values()"]
    lines += ["    assert labels.shape == (len(y),) and y.shape == next(iter(reference.values())).shape"]
    lines += ["    return -float(np.abs(y - next(iter(reference.values()))).max())"]
    (tmp_path / "worst.py").write_text("\n".join(lines))
    more = ["--candidates", "2", "--jobs", "1", "--metric", str(tmp_path / "worst.py"), "--min-metric", "-0.5"]
    assert main(arguments(folder, *more, "--effort", "fast", "--precision", "int8")) == 0
    assert -0.5 <= said(folder)["chosen"]["score"] < 0.0


@pytest.mark.parametrize(
    "more, words",
    [
        (["--candidates", "0"], "--candidates"),
        (["--jobs", "0"], "--jobs"),
        (["--min-metric", "1"], "--min-metric"),
        (["--metric", "none.py"], "there is no"),
        (["--calibration", "none.npy"], "none.npy"),
    ],
)
def test_what_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str) -> None:
    assert main(arguments(folder, *more)) in (1, 2)
    error = capsys.readouterr().err
    assert words in error and "Remedy" in error


def test_a_package_that_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(arguments(folder, "--candidates", "2", "--jobs", "1")) == 1
    error = capsys.readouterr().err
    assert "optuna is missing" in error and "requirements-tune.lock" in error
