# SPDX-License-Identifier: CC0-1.0
"""What a wrong call says: an error that begins with the function's name and ends with the remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from projects import PlainProject

pytestmark = pytest.mark.slow

CALL = "espdl_add_onnx_model(app MODEL models/net.onnx CALIBRATION models/calib.npy {})"


def message_of(project: PlainProject, *definitions: str) -> str:
    """The text of the CMake error that configuring must end in, on one line."""
    assert not project.configure("-Wno-dev", *definitions)
    text = " ".join(project.output.split())
    return re.search(r"CMake Error at .*?: (.*?) (Call Stack|-- Configuring)", text).group(1)


CASES = {
    "unknown argument": (
        CALL.format("QUANTIZE yes"),
        "unknown arguments: QUANTIZE yes. Remedy: use one value for each of",
    ),
    "unknown argument, lists": (
        CALL.format("QUANTIZE yes"),
        "or lists: SHAPES <input>=<sizes>..., INPUT <input>=<numbers>..., FLOAT <node>..., INT16 <node>..., "
        "STATE <input>=<output>....",
    ),
    "no value": (CALL.format("SCHEME"), "no value behind SCHEME."),
    "no model": ("espdl_add_onnx_model(app NAME net)", "MODEL is missing."),
    "no target before MODEL": (
        "espdl_add_onnx_model(${COMPONENT_LIB} MODEL models/net.onnx NAME net)",
        "the target is missing before MODEL.",
    ),
    "no such target": ("espdl_add_onnx_model(nothing MODEL models/net.onnx)", "'nothing' is not a target."),
    "no sources": (
        "add_library(headers INTERFACE)\nespdl_add_onnx_model(headers MODEL models/net.onnx)",
        "'headers' has no source files",
    ),
    "missing model": ("espdl_add_onnx_model(app MODEL models/nat.onnx)", "(nat): MODEL: there is no "),
    "missing calibration": (
        "espdl_add_onnx_model(app MODEL models/net.onnx CALIBRATION a.npy)",
        "(net): CALIBRATION: there is no ",
    ),
    "missing test vectors": (CALL.format("TEST_VECTORS t.npz"), "(net): TEST_VECTORS: there is no "),
    "name with a blank": (CALL.format('NAME "my net"'), "'my net' cannot be the model's name"),
    "name with a digit first": (CALL.format("NAME 2net"), "'2net' cannot be the model's name"),
    "name from the file": ("espdl_add_onnx_model(app MODEL models/my-net.onnx)", "'my-net' cannot be the model's name"),
    "keyword of C": (CALL.format("NAME switch"), "'switch' cannot be the model's name"),
    "keyword of C++": (CALL.format("NAME class"), "'class' cannot be the model's name"),
    "header of ours": (CALL.format("NAME espdl"), "'espdl' cannot be the model's name"),
    "same name": (CALL.format("") + "\n" + CALL.format("NAME Net"), "the model name 'Net' is taken by "),
    "bad scheme": (CALL.format("SCHEME symmetric"), "(net): SCHEME is 'symmetric'. Remedy: use one of default, affine"),
    "bad variable": (f"set(ESPDL_IO int4)\n{CALL.format('')}", "(net): ESPDL_IO is 'int4'."),
    "bad samples": (f"set(ESPDL_CALIBRATION_SAMPLES few)\n{CALL.format('')}", "ESPDL_CALIBRATION_SAMPLES is 'few'."),
    "shared calibration": (
        "set(ESPDL_CALIBRATION models/calib.npy)\n"
        "espdl_add_onnx_model(app MODEL models/net.onnx)\n"
        "espdl_add_onnx_model(app MODEL models/net.onnx NAME other)",
        "(other): the models 'net' and 'other' would share the calibration file ",
    ),
    "bad samples of one model": (CALL.format("CALIBRATION_SAMPLES -1"), "(net): CALIBRATION_SAMPLES is '-1'."),
    "bad kernels": (
        CALL.format("KERNELS fast"),
        "(net): KERNELS is 'fast'. Remedy: use one of auto, portable, own, esp_dl.",
    ),
    "bad memory": (
        CALL.format("MEMORY tiny"),
        "(net): MEMORY is 'tiny'. Remedy: use one of plain, smallest, auto, <bytes>.",
    ),
    "bad memory of inputs": (
        CALL.format("INPUT_MEMORY flash"),
        "(net): INPUT_MEMORY is 'flash'. Remedy: use one of arena, caller, rows.",
    ),
    "bad shape": (CALL.format("SHAPES x=1,eight"), "(net): SHAPES has 'x=1,eight'."),
    "bad input": (CALL.format("INPUT sr=fast"), "(net): INPUT has 'sr=fast'."),
    "no sdkconfig": (f"set(ESPDL_SDKCONFIG sdkconfig)\n{CALL.format('')}", "(net): ESPDL_SDKCONFIG: there is no file "),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_call(tmp_path: Path, component: Path, case: str) -> None:
    call, expected = CASES[case]
    message = message_of(PlainProject(tmp_path / "p", component, call))
    assert message.startswith("espdl_add_onnx_model")
    assert expected in message
    assert re.search(r"Remedy: \S.*\.$", message)


def test_language_is_enabled_without_asking(tmp_path: Path, component: Path) -> None:
    project = PlainProject(tmp_path / "p", component)
    lists = project.folder / "CMakeLists.txt"
    include = f'include("{component.as_posix()}/cmake/espdl_add_onnx_model.cmake")'
    text = re.sub(r"add_subdirectory\(.*\)", include, lists.read_text()).replace("C ASM", "C")
    lists.write_text(text)
    project.build()
    assert project.answer().startswith("answer:")


def test_language_missing_behind_add_subdirectory(tmp_path: Path, component: Path) -> None:
    project = PlainProject(tmp_path / "p", component)
    lists = project.folder / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("C ASM", "C"))
    message = message_of(project)
    assert "ASM is not enabled" in message
    assert message.endswith("project(<name> C ASM).")


def test_wrong_interpreter(tmp_path: Path, component: Path) -> None:
    message = message_of(PlainProject(tmp_path / "p", component), "-DESPDL_PYTHON=/there/is/no/python")
    assert message.startswith("espdl_add_onnx_model(net): no Python to run the compiler.")
    assert "Remedy: pass -DESPDL_PYTHON=" in message


def test_calibration_folder_of_the_project(tmp_path: Path, component: Path) -> None:
    call = "espdl_add_onnx_model(app MODEL models/net.onnx)\nespdl_add_onnx_model(app MODEL models/net.onnx NAME other)"
    project = PlainProject(tmp_path / "p", component, "set(ESPDL_CALIBRATION samples)\n" + call)
    (project.folder / "samples").mkdir()
    (project.folder / "models" / "calib.npy").rename(project.folder / "samples" / "net.npy")
    assert project.configure(), project.output
    options = project.folder / "build" / "espdl"
    assert '/samples/net.npy"' in (options / "net.options.json").read_text()
    assert '"calibration" : null' in (options / "other.options.json").read_text()


def test_lists(tmp_path: Path, component: Path) -> None:
    call = CALL.format(
        "SHAPES x=1,8 y/z:0=1,2,3 INPUT sr=16000 h=0.5,-1e-3 "
        'INT16 layer "head/\\"dense\\"" EFFORT fast CALIBRATION_SAMPLES 3'
    )
    project = PlainProject(tmp_path / "p", component, call)
    assert project.configure(), project.output
    options = json.loads((project.folder / "build" / "espdl" / "net.options.json").read_text())
    assert options["shapes"] == {"x": [1, 8], "y/z:0": [1, 2, 3]}
    assert options["input"] == {"sr": [16000], "h": [0.5, -1e-3]}
    assert options["int16"] == ["layer", 'head/"dense"']
    assert (options["effort"], options["calibration_samples"]) == ("fast", 3)
