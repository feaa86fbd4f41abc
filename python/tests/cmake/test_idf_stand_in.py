# SPDX-License-Identifier: CC0-1.0
"""The component inside ESP-IDF's build system, with a stand-in for the functions of it that the component calls."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from projects import Project

pytestmark = pytest.mark.slow

STAND_IN = Path(__file__).with_name("idf_stand_in.cmake")

PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(app C ASM)
set(IDF_TARGET {target})
set(STAND_IN_PYTHON "{python}")
execute_process(COMMAND "{python}" -I "{component}/python/espdl_cli.py" settings
    --sdkconfig "${{CMAKE_SOURCE_DIR}}/sdkconfig" --cmake "${{CMAKE_BINARY_DIR}}/sdkconfig.cmake"
    COMMAND_ERROR_IS_FATAL ANY)
include("${{CMAKE_BINARY_DIR}}/sdkconfig.cmake")
include("{stand_in}")
include("{component}/cmake/idf/espdl_onnx/project_include.cmake")
add_subdirectory(main)
add_subdirectory(second)
add_subdirectory("{component}/cmake/idf/espdl_onnx" espdl_onnx)
add_executable(app start.c)
target_link_libraries(app __idf_main __idf_second)
"""

MAIN = """
idf_component_register(SRCS main.c REQUIRES espdl_onnx)
espdl_add_onnx_model(${COMPONENT_LIB} MODEL ../models/net.onnx CALIBRATION ../models/calib.npy)
"""

SECOND = """
idf_component_register(SRCS second.c INCLUDE_DIRS . REQUIRES espdl_onnx)
espdl_add_onnx_model(${COMPONENT_LIB} MODEL ../models/net.onnx NAME other CALIBRATION ../models/calib.npy)
"""


class StandInProject(Project):
    """Two components with a model each."""

    def __init__(self, folder: Path, component: Path, target: str = "linux", sdkconfig: str = ""):
        super().__init__(folder, component)
        text = PROJECT.format(
            component=component.as_posix(), stand_in=STAND_IN.as_posix(), python=sys.executable, target=target
        )
        (folder / "CMakeLists.txt").write_text(text)
        (folder / "sdkconfig").write_text(f'CONFIG_IDF_TARGET="{target}"\n' + sdkconfig)
        (folder / "start.c").write_text("void app_main(void);\nint main(void) { app_main(); }\n")
        (folder / "main" / "CMakeLists.txt").write_text(MAIN)
        (folder / "second").mkdir()
        (folder / "second" / "CMakeLists.txt").write_text(SECOND)
        (folder / "second" / "second.c").write_text('#include "other.h"\nconst void *second = &other_model;\n')
        self.program = folder / "build" / "app"

    def try_build(self) -> bool:
        self.output = ""
        return self._run("cmake", "-G", "Ninja", "-B", "build", "-Wno-dev") and self._run("cmake", "--build", "build")

    def option(self, model: str, key: str) -> str:
        component = {"net": "main", "other": "second"}[model]
        text = (self.folder / "build" / component / "espdl" / f"{model}.options.json").read_text()
        return re.search(f'"{key}" : (.*?),?$', text, re.MULTILINE).group(1)


def test_models_in_two_components(tmp_path: Path, component: Path) -> None:
    project = StandInProject(tmp_path / "pro ject", component)
    project.build()
    assert project.compilations == 2
    assert project.answer().startswith("answer:")
    project.build()
    assert project.compilations == 0
    assert project.output.count("-O2 -ffp-contract=off") == 0  # not verbose
    flags = (project.folder / "build" / "build.ninja").read_text()
    assert len(re.findall("FLAGS = .*-O2 -ffp-contract=off", flags)) > 2


def test_settings_of_menuconfig(tmp_path: Path, component: Path) -> None:
    sdkconfig = "CONFIG_ESPDL_ARENA_STATIC=y\nCONFIG_ESPDL_OPTIMIZE_SIZE=y\nCONFIG_ESPDL_WEIGHTS_RAM=y\n"
    project = StandInProject(tmp_path / "p", component, "esp32c3", sdkconfig)
    project.build()
    assert project.option("net", "chip") == '"esp32c3"'
    assert project.option("other", "arena") == '"static"'
    assert project.option("other", "weights") == '"ram"'
    assert "-Os -ffp-contract=off" in (project.folder / "build" / "build.ninja").read_text()


def test_arguments_win_over_menuconfig(tmp_path: Path, component: Path) -> None:
    project = StandInProject(tmp_path / "p", component, sdkconfig="CONFIG_ESPDL_ARENA_STATIC=y\n")
    lists = project.folder / "second" / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("NAME other", "NAME other ARENA caller"))
    project.build()
    assert (project.option("net", "arena"), project.option("other", "arena")) == ('"static"', '"caller"')


def test_psram_must_be_enabled_on_a_chip(tmp_path: Path, component: Path) -> None:
    project = StandInProject(tmp_path / "p", component, "esp32s3", "CONFIG_SPIRAM=y\nCONFIG_ESPDL_WEIGHTS_PSRAM=y\n")
    assert not project.try_build()
    assert "espdl_add_onnx_model(net): WEIGHTS psram" in project.output
    assert "SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY in menuconfig" in " ".join(project.output.split())


def test_shared_calibration_of_menuconfig(tmp_path: Path, component: Path) -> None:
    project = StandInProject(tmp_path / "p", component, sdkconfig='CONFIG_ESPDL_CALIBRATION="models/calib.npy"\n')
    for name in ("main", "second"):
        lists = project.folder / name / "CMakeLists.txt"
        lists.write_text(lists.read_text().replace(" CALIBRATION ../models/calib.npy", ""))
    assert not project.try_build()
    text = " ".join(project.output.split())
    assert "espdl_add_onnx_model(other): the models 'net' and 'other' would share" in text
    assert "(CONFIG_ESPDL_CALIBRATION). Remedy: pass CALIBRATION" in text


@pytest.mark.parametrize("lists", ["CMakeLists.txt", "cmake/idf/espdl_onnx/CMakeLists.txt"])
def test_early_expansion(tmp_path: Path, component: Path, lists: str) -> None:
    script = tmp_path / "expand.cmake"
    script.write_text(
        "cmake_minimum_required(VERSION 3.16)\nset(CMAKE_BUILD_EARLY_EXPANSION 1)\n"
        f'include("{STAND_IN.as_posix()}")\ninclude("{(component / lists).as_posix()}")\n'
    )
    done = subprocess.run(["cmake", "-P", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"registered: SRCS;.*/src/runtime\.c;.*INCLUDE_DIRS;.*/include", done.stdout)
