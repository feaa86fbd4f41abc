# SPDX-License-Identifier: CC0-1.0
"""The examples as their READMEs build them, on the computer and, where IDF_PATH is set, with ESP-IDF's linux target."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from projects import REPOSITORY

from espdl import pipeline
from espdl.verify import reference, samples

pytestmark = pytest.mark.slow

needs_idf = pytest.mark.skipif("IDF_PATH" not in os.environ, reason="IDF_PATH is not set")
kinds = pytest.mark.parametrize("kind", ["cmake", pytest.param("idf", marks=needs_idf)])


def output_of(example: str, kind: str, build: Path) -> str:
    """Builds an example in the folder `build` and returns what it prints."""
    folder = REPOSITORY / "examples" / example
    if kind == "cmake":
        strict = "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"
        commands = [["cmake", "-G", "Ninja", "-S", folder, "-B", build, strict], ["cmake", "--build", build]]
        program = build / example
    else:
        environment = os.environ.get("IDF_PYTHON_ENV_PATH")
        python = Path(environment) / "bin" / "python" if environment else Path("python")
        tool = [python, Path(os.environ["IDF_PATH"]) / "tools" / "idf.py", "-C", folder, "-B", build]
        tool.append(f"-DSDKCONFIG={build.with_suffix('.sdkconfig')}")
        commands = [[*tool, "--preview", "set-target", "linux"], [*tool, "build"]]
        program = build / f"{example}.elf"
    variables = {**os.environ, "ESPDL_PYTHON": sys.executable, "IDF_COMPONENT_MANAGER": "0"}
    for command in commands:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    return subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray]:
    """What the numpy reference answers for the held-out digits, and their labels."""
    model = REPOSITORY / "examples" / "digits" / "model"
    options = pipeline.Options(
        model=str(model / "digits.onnx"),
        calibration=str(model / "calib.npy"),
        name="digits",
        output=str(tmp_path_factory.mktemp("digits")),
    )
    plan = pipeline.compile_model(options).plan
    held_out = np.load(model / "test.npz")
    images = samples.to_tensors(plan, {"image": held_out["x"]})["image"]
    scores = [reference.run(plan, {"image": image})[plan.outputs[0].tensor] for image in images]
    return np.argmax(np.reshape(scores, (len(images), -1)), axis=1), held_out["label"]


@kinds
def test_digits_answers_as_the_reference(tmp_path: Path, answers: tuple[np.ndarray, np.ndarray], kind: str) -> None:
    expected, labels = answers
    output = output_of("digits", kind, tmp_path / "build")
    right = int((expected == labels).sum())
    assert f"{right} of {len(labels)} correct" in output
    shown = {int(i): int(answer) for i, answer in re.findall(r"digit (\d+): (?:this is a|answered) (\d)", output)}
    wrong = {int(i) for i in np.flatnonzero(expected != labels)}
    assert shown == {i: int(expected[i]) for i in {0, 1, 2} | wrong}

    shown_there = (REPOSITORY / "examples" / "digits" / "README.md").read_text().split("```\n")[-2]
    assert shown_there in output, "the README shows another output"


@kinds
def test_two_models(tmp_path: Path, kind: str) -> None:
    output = output_of("two_models", kind, tmp_path / "build")
    correct = [int(n) for n in re.findall(r": (\d+) of 360 correct", output)]
    assert len(correct) == 2 and min(correct) >= 354
    assert int(re.search(r"same answer for (\d+) of 360", output).group(1)) >= 354


@kinds
def test_line_camera(tmp_path: Path, answers: tuple[np.ndarray, np.ndarray], kind: str) -> None:
    """The same answers as from whole pictures; what the README shows."""
    output = output_of("line_camera", kind, tmp_path / "build")
    expected, labels = answers
    assert f"ESPDL_OK: {int((expected == labels).sum())} of {len(labels)} correct" in output
    shown_there = (REPOSITORY / "examples" / "line_camera" / "README.md").read_text().split("```\n")[-2]
    assert shown_there in output


@kinds
def test_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A frame of a file goes through the network; the README shows what it says."""
    monkeypatch.setenv("CAMERA_FILE", str(REPOSITORY / "examples" / "camera" / "frame.rgb565"))
    output = output_of("camera", kind, tmp_path / "build")
    assert (REPOSITORY / "examples" / "camera" / "README.md").read_text().split("```\n")[-2] in output


def test_digits_are_those_of_the_test_set() -> None:
    held_out = np.load(REPOSITORY / "examples" / "digits" / "model" / "test.npz")
    records = np.fromfile(REPOSITORY / "examples" / "digits" / "main" / "held_out.bin", np.uint8).reshape(-1, 65)
    assert np.array_equal(records[:, 0], held_out["label"])
    assert np.array_equal(records[:, 1:] / np.float32(16), held_out["x"].reshape(-1, 64))


@kinds
def test_stream(tmp_path: Path, kind: str) -> None:
    """What the README shows: the motor stands, runs and rubs as in the recording, and again after a reset."""
    output = output_of("stream", kind, tmp_path / "build")
    shown_there = (REPOSITORY / "examples" / "stream" / "README.md").read_text().split("```\n")[-2]
    assert shown_there in output
    first, second = (
        re.findall(r"moment +(\d+): ESPDL_OK, it (\w+)", part) for part in output.split("from the beginning")
    )
    assert first == second and [state for _, state in first[:3]] == ["stands", "runs", "rubs"]
