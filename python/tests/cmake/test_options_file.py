# SPDX-License-Identifier: CC0-1.0
"""OPTIONS: a file that `espdl tune --apply` wrote decides what the call leaves open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from projects import PlainProject

from espdl.options import Options
from espdl.tune import lines

pytestmark = pytest.mark.slow

CALL = "espdl_add_onnx_model(app MODEL models/net.onnx CALIBRATION models/calib.npy OPTIONS models/net.tuned.json {})"
NODES = ("a;b", 'say "no"', "back\\slash $x [1]")
TUNED = {
    "scheme": "affine",
    "precision": "int8",
    "effort": "best",
    "calibration_method": "mse",
    "dead_channels": "keep",
    "int16": NODES,
    "memory": "4096",
}


def configured(folder: Path, component: Path, more: str, *definitions: str) -> dict:
    """The options that CMake hands to the compiler."""
    project = PlainProject(folder, component, CALL.format(more))
    lines.apply(TUNED, folder / "models" / "net.tuned.json")
    assert project.configure("-Wno-dev", *definitions), project.output
    (path,) = (folder / "build").rglob("net.options.json")
    return json.loads(path.read_text())


def test_the_file_decides_what_the_call_leaves_open(tmp_path: Path, component: Path) -> None:
    found = configured(tmp_path / "file", component, "", "-DESPDL_EFFORT=fast", "-DESPDL_IO=uint8")
    assert {key: found[key] for key in TUNED} == {**TUNED, "int16": list(NODES)}
    assert found["io"] == "uint8"
    pasted = lines.cmake({"int16": NODES, "effort": "fast"}, Options("net.onnx", "net", "out"))
    found = configured(tmp_path / "call", component, f"MEMORY plain {pasted}")
    assert (found["memory"], found["effort"], found["scheme"]) == ("plain", "fast", "affine")
    assert found["int16"] == list(NODES)


@pytest.mark.sweep
def test_a_build_follows_the_file(tmp_path: Path, component: Path) -> None:
    project = PlainProject(tmp_path / "app", component, CALL.format(""))
    applied = project.folder / "models" / "net.tuned.json"
    lines.apply({"io": "float32"}, applied)
    project.build()
    (header,) = (project.folder / "build").rglob("net.h")
    assert "float *net_input_x(" in header.read_text()
    lines.apply({"io": "int8"}, applied)
    project.build()
    assert project.compilations == 1 and "int8_t *net_input_x(" in header.read_text()


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "is no JSON object"),
        ("[1]", "is no JSON object"),
        ('{"model": "other.onnx"}', "keys that are no choices"),
        ('{"colour": "red"}', "keys that are no choices"),
        ('{"effort": "most"}', "OPTIONS: EFFORT is 'most'"),
    ],
)
def test_files_that_say_nothing(tmp_path: Path, component: Path, text: str, words: str) -> None:
    project = PlainProject(tmp_path / "app", component, CALL.format(""))
    (project.folder / "models" / "net.tuned.json").write_text(text)
    assert not project.configure("-Wno-dev")
    output = " ".join(project.output.split())
    assert words in output and "Remedy:" in output
