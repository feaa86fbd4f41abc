# SPDX-License-Identifier: CC0-1.0
"""The component inside ESP-IDF's build system, with a stand-in for the functions of it that the component calls."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from stand_in import CALL, OTHER, STAND_IN, StandInProject

pytestmark = pytest.mark.slow

TWO = {"main": CALL, "second": OTHER}
WITHOUT_CALIBRATION = {name: call.replace(" CALIBRATION ../models/calib.npy", "") for name, call in TWO.items()}


def with_arguments(arguments: str) -> dict[str, str]:
    """The call of `main` with more arguments."""
    return {"main": CALL.replace(")", f" {arguments})")}


def message_of(project: StandInProject) -> str:
    """The error that configuring must end in: begins with the function's name, ends with the remedy."""
    assert not project.configure()
    message = project.message
    assert message.startswith("espdl_add_onnx_model")
    assert re.search(r" Remedy: \S.*\.$", message)
    return message


def test_models_in_two_components(tmp_path: Path, component: Path) -> None:
    """And the report of both: `idf.py espdl-report` is `ninja espdl-report`."""
    project = StandInProject(tmp_path / "pro ject", component, calls=TWO)
    project.build()
    assert project.compilations == 2
    assert project.answer().startswith("answer:")
    assert project.output.count("-O2 -ffp-contract=off") == 0  # not verbose
    flags = (project.folder / "build" / "build.ninja").read_text()
    assert len(re.findall("FLAGS = .*-O2 -ffp-contract=off", flags)) > 2
    project.output = ""
    assert project._run("cmake", "--build", "build", "--target", "espdl-report"), project.output
    assert project.compilations == 0
    assert re.findall(r"^(\w+), identity \w+: 1 layers?, ", project.output, re.MULTILINE) == ["net", "other"]


def test_settings_of_menuconfig(tmp_path: Path, component: Path) -> None:
    sdkconfig = "CONFIG_ESPDL_ARENA_STATIC=y\nCONFIG_ESPDL_OPTIMIZE_SIZE=y\nCONFIG_ESPDL_WEIGHTS_RAM=y\n"
    project = StandInProject(tmp_path / "p", component, "esp32c3", sdkconfig, TWO)
    assert project.configure(), project.output
    assert project.option("main", "net", "chip") == '"esp32c3"'
    assert project.option("second", "other", "arena") == '"static"'
    assert project.option("second", "other", "weights") == '"ram"'
    assert "-Os -ffp-contract=off" in (project.folder / "build" / "build.ninja").read_text()


def test_arguments_win_over_menuconfig(tmp_path: Path, component: Path) -> None:
    calls = {**TWO, "second": OTHER.replace("NAME other", "NAME other ARENA caller")}
    project = StandInProject(tmp_path / "p", component, "linux", "CONFIG_ESPDL_ARENA_STATIC=y\n", calls)
    assert project.configure(), project.output
    assert project.option("main", "net", "arena") == '"static"'
    assert project.option("second", "other", "arena") == '"caller"'


def test_psram_must_be_enabled_on_a_chip(tmp_path: Path, component: Path) -> None:
    sdkconfig = "CONFIG_SPIRAM=y\nCONFIG_ESPDL_WEIGHTS_PSRAM=y\n"
    message = message_of(StandInProject(tmp_path / "p", component, "esp32s3", sdkconfig))
    assert message.startswith("espdl_add_onnx_model(net): WEIGHTS psram, but the project keeps no variables in PSRAM.")
    assert "SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY in menuconfig" in message


def test_psram_of_a_computer_is_its_memory(tmp_path: Path, component: Path) -> None:
    project = StandInProject(tmp_path / "p", component, calls=with_arguments("WEIGHTS psram"))
    assert project.configure(), project.output
    assert project.option("main", "net", "weights") == '"ram"'


def test_shared_calibration_of_menuconfig(tmp_path: Path, component: Path) -> None:
    sdkconfig = 'CONFIG_ESPDL_CALIBRATION="models/calib.npy"\n'
    message = message_of(StandInProject(tmp_path / "p", component, "linux", sdkconfig, WITHOUT_CALIBRATION))
    assert message.startswith("espdl_add_onnx_model(other): the models 'net' and 'other' would share")
    assert "(CONFIG_ESPDL_CALIBRATION). Remedy: pass CALIBRATION" in message


@pytest.mark.parametrize(
    ("target", "arguments", "lacking"),
    [
        ("esp32s3", "KERNELS esp_dl", "menuconfig does not choose it"),
        ("esp32c3", "KERNELS esp_dl", "it has kernels for ESP32-S3, ESP32-P4 and ESP32-S31 only"),
        ("esp32p4", "", "among the components of this build"),
    ],
)
def test_esp_dl_is_not_there(tmp_path: Path, component: Path, target: str, arguments: str, lacking: str) -> None:
    project = StandInProject(tmp_path / "p", component, target, calls=with_arguments(arguments))
    message = message_of(project)
    assert message.startswith("espdl_add_onnx_model(net): KERNELS ")
    assert lacking in message
    assert "KERNELS portable" in message


@pytest.mark.parametrize(
    ("sdkconfig", "arguments"), [("CONFIG_ESPDL_KERNELS_PORTABLE=y\n", ""), ("", "KERNELS portable")]
)
def test_portable_kernels_need_no_esp_dl(tmp_path: Path, component: Path, sdkconfig: str, arguments: str) -> None:
    project = StandInProject(tmp_path / "p", component, "esp32p4", sdkconfig, with_arguments(arguments))
    assert project.configure(), project.output
    assert "esp_dl.cpp" not in (project.folder / "build" / "build.ninja").read_text()


def test_called_before_registering(tmp_path: Path, component: Path) -> None:
    """Where there is no early pass that would end here, COMPONENT_LIB is empty and the arguments move forward."""
    project = StandInProject(tmp_path / "p", component)
    lists = project.folder / "main" / "CMakeLists.txt"
    lists.write_text("".join(reversed(lists.read_text().splitlines(keepends=True))))
    message = message_of(project)
    assert message.startswith("espdl_add_onnx_model: the target is missing before MODEL.")
    assert "behind idf_component_register(...), which sets COMPONENT_LIB." in message


def expand(folder: Path, text: str) -> subprocess.CompletedProcess:
    """Reads a CMakeLists.txt as ESP-IDF's build system v1 does at first."""
    script = folder / "expand.cmake"
    prologue = f'set(CMAKE_BUILD_EARLY_EXPANSION 1)\ninclude("{STAND_IN.as_posix()}")\n'
    script.write_text("cmake_minimum_required(VERSION 3.16)\n" + prologue + text)
    return subprocess.run(["cmake", "-P", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("lists", ["CMakeLists.txt", "cmake/idf/espdl_onnx/CMakeLists.txt"])
def test_early_expansion(tmp_path: Path, component: Path, lists: str) -> None:
    done = expand(tmp_path, f'include("{(component / lists).as_posix()}")\n')
    assert done.returncode == 0, done.stderr
    assert re.search(r"registered: SRCS;.*/src/runtime\.c;.*INCLUDE_DIRS;.*/include", done.stdout)


def test_called_before_registering_in_the_early_pass(tmp_path: Path) -> None:
    """CMake's own words, which docs/getting-started.md explains: the function is not defined yet."""
    done = expand(tmp_path, CALL + "idf_component_register(SRCS main.c)\n")
    assert 'Unknown CMake command "espdl_add_onnx_model".' in done.stderr
    done = expand(tmp_path, "idf_component_register(SRCS main.c)\n" + CALL)
    assert done.returncode == 0, done.stderr


def test_a_chip_of_a_newer_idf_gets_portable_code(tmp_path: Path, component: Path) -> None:
    project = StandInProject(tmp_path / "p", component, "esp32x9")
    assert project.configure(), project.output
    assert "this version does not know the chip esp32x9: portable C in" in " ".join(project.output.split())
    assert project.option("main", "net", "chip") == '"generic"'
