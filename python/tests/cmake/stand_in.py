# SPDX-License-Identifier: CC0-1.0
"""Projects around models inside ESP-IDF's build system, with a stand-in for the few functions of it that are called."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from projects import Project, change_sdkconfig

STAND_IN = Path(__file__).with_name("idf_stand_in.cmake")

PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(app C CXX ASM)
set(IDF_TARGET {target})
set(STAND_IN_PYTHON "{python}")
set(BUILD_COMPONENTS {names} espdl_onnx)
execute_process(COMMAND "{python}" -I "{component}/python/espdl_cli.py" settings
    --sdkconfig "${{CMAKE_SOURCE_DIR}}/sdkconfig" --cmake "${{CMAKE_BINARY_DIR}}/sdkconfig.cmake"
    COMMAND_ERROR_IS_FATAL ANY)
include("${{CMAKE_BINARY_DIR}}/sdkconfig.cmake")
include("{stand_in}")
include("{component}/cmake/idf/espdl_onnx/project_include.cmake")
foreach(name {names})
    add_subdirectory(${{name}})
endforeach()
add_subdirectory("{component}/cmake/idf/espdl_onnx" espdl_onnx)
add_executable(app start.c)
foreach(name {names})
    target_link_libraries(app __idf_${{name}})
endforeach()
"""

# A component: what it registers, and the call.
REGISTER = "idf_component_register(SRCS {name}.c INCLUDE_DIRS . REQUIRES espdl_onnx)\n"
CALL = "espdl_add_onnx_model(${COMPONENT_LIB} MODEL ../models/net.onnx CALIBRATION ../models/calib.npy)\n"
OTHER = "espdl_add_onnx_model(${COMPONENT_LIB} MODEL ../models/net.onnx NAME other CALIBRATION ../models/calib.npy)\n"


class StandInProject(Project):
    """Components `main`, whose C file is that of all projects, and others that only refer to the model `other`.

    `calls`: what stands behind idf_component_register(), by the component's name; `sdkconfig`: its lines.
    """

    def __init__(
        self,
        folder: Path,
        component: Path,
        target: str = "linux",
        sdkconfig: str = "",
        calls: Mapping[str, str] = {"main": CALL},  # noqa: B006 (only read)
    ):
        super().__init__(folder, component)
        text = PROJECT.format(
            component=component.as_posix(),
            stand_in=STAND_IN.as_posix(),
            python=sys.executable,
            target=target,
            names=" ".join(calls),
        )
        (folder / "CMakeLists.txt").write_text(text)
        (folder / "sdkconfig").write_text(f'CONFIG_IDF_TARGET="{target}"\n' + sdkconfig)
        (folder / "start.c").write_text("void app_main(void);\nint main(void) { app_main(); }\n")
        for name, call in calls.items():
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "CMakeLists.txt").write_text(REGISTER.format(name=name) + call)
            if name != "main":
                (folder / name / f"{name}.c").write_text(f'#include "other.h"\nconst void *{name} = &other_model;\n')
        self.program = folder / "build" / "app"

    def configure(self) -> bool:
        self.output = ""
        return self._run("cmake", "-G", "Ninja", "-B", "build", "-Wno-dev")

    def try_build(self) -> bool:
        self.output = ""
        configured = (self.folder / "build" / "build.ninja").exists() or self.configure()
        return configured and self._run("cmake", "--build", "build")

    def set_option(self, name: str, value: str) -> None:
        change_sdkconfig(self.folder / "sdkconfig", name, value)

    def option(self, component: str, model: str, key: str) -> str:
        """What the compiler is told, as JSON."""
        text = (self.folder / "build" / component / "espdl" / f"{model}.options.json").read_text()
        return re.search(f'"{key}" : (.*?),?$', text, re.MULTILINE).group(1)

    @property
    def message(self) -> str:
        """The text of the CMake error in what the last build said, on one line."""
        text = " ".join(self.output.split())
        return re.search(r"CMake Error at .*?: (.*?) (Call Stack|-- Configuring)", text).group(1)
