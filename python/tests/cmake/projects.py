# SPDX-License-Identifier: CC0-1.0
"""Small projects around one model, built as a user builds them: with CMake, or with idf.py where IDF_PATH is set."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

REPOSITORY = Path(__file__).resolve().parents[3]
COMPONENT_PARTS = (
    "port",
    "CMakeLists.txt",
    "Kconfig",
    "project_include.cmake",
    "idf_component.yml",
    "cmake",
    "include",
    "src",
    "python",
)

MAIN_C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef ESP_PLATFORM
#include "sdkconfig.h"
#endif
#include "net.h"

void app_main(void)
{
    static net_arena_t arena;
    net_t net;
    net_init(&net, &(espdl_config_t){.arena = &arena, .arena_size = sizeof arena});
    memset(net_input_x(&net), 1, NET_INPUT_X_SIZE);
    net_run(&net);
    printf("answer:");
    for (int i = 0; i < NET_OUTPUT_Y_COUNT; i++) {
        printf(" %d", net_output_y(&net)[i]);
    }
    printf("\n");
    exit(0);
}

#ifndef ESP_PLATFORM
int main(void)
{
    app_main();
}
#endif
"""

PLAIN = """
cmake_minimum_required(VERSION 3.16)
project(app C ASM)
add_subdirectory("{component}" espdl_onnx)
add_executable(app main/main.c)
{call}
"""

IDF_PROJECT = """
cmake_minimum_required(VERSION 3.16)
set(EXTRA_COMPONENT_DIRS "{component}/cmake/idf")
include($ENV{{IDF_PATH}}/tools/cmake/project.cmake)
idf_build_set_property(MINIMAL_BUILD ON)
project(app)
"""

IDF_MAIN = """
idf_component_register(SRCS main.c REQUIRES espdl_onnx)
{call}
"""


# Kernels that write_model()'s networks call. Compiling all others takes most of a build: test_examples.py builds the
# whole component.
KERNELS = re.compile(
    r"((gemm|dot|pack)_\w+|(de)?quantize_s8|s3_(gemm|conv2d)(_planar)?_narrow(_affine)?_s8|s3_(requantise|convolve|finish|affine_job|narrow_\w+)|pie_emulation)\.c$"
)


def copy_component(destination: Path, whole: bool = False) -> Path:
    """What a user has of this repository, in a folder of another name; with few kernels unless it is to be `whole`."""
    destination.mkdir(parents=True)
    kernels = {REPOSITORY / "src" / "kernels", REPOSITORY / "port" / "esp32s3" / "src"}
    hidden = shutil.ignore_patterns("__pycache__", "tests", ".*")

    def left_out(folder: str, names: list[str]) -> set[str]:
        sources = {name for name in names if Path(folder) in kernels and name.endswith(".c") and not whole}
        return {name for name in sources if not KERNELS.match(name)} | hidden(folder, names)

    for part in COMPONENT_PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, destination / part, ignore=left_out)
        else:
            shutil.copy(source, destination / part)
    return destination


def write_model(
    path: Path,
    seed: int = 0,
    operator: str = "Gemm",
    external: bool = False,
    ports: tuple[str, str] = ("x", "y"),
) -> None:
    """A network x [1, 8] -> y [1, 4] of one layer, the weights of which depend on `seed`; `ports` are the names."""
    x, y = ports
    weights = np.random.default_rng(seed).normal(size=(8, 4)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node(operator, [x, "w"], [y], name="layer")],
        "net",
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if external:
        path.with_name(path.name + ".data").unlink(missing_ok=True)
    onnx.save_model(model, path, save_as_external_data=external, location=path.name + ".data", size_threshold=0)


def write_calibration(path: Path, seed: int = 0) -> None:
    np.save(path, np.random.default_rng(seed).normal(size=(16, 8)).astype(np.float32))


def change_sdkconfig(path: Path, name: str, value: str) -> None:
    """Change a line of an sdkconfig; choices as ESPDL_<SETTING>_<VALUE> = y."""
    lines = [line for line in path.read_text().splitlines() if not re.match(rf"(# )?CONFIG_{name}\b", line)]
    if value == "y" and name.startswith("ESPDL_"):
        choice = name.rpartition("_")[0]
        lines = [line for line in lines if not line.startswith(f"CONFIG_{choice}_") or not line.endswith("=y")]
    path.write_text("\n".join([*lines, f"CONFIG_{name}={value}", ""]))


class Project:
    """A project folder, and what building it said."""

    environment = {"ESPDL_PYTHON": sys.executable}

    def __init__(self, folder: Path, component: Path):
        self.folder = folder
        self.component = component
        self.output = ""
        (folder / "main").mkdir(parents=True)
        (folder / "models").mkdir()
        (folder / "main" / "main.c").write_text(MAIN_C)
        write_model(folder / "models" / "net.onnx")
        write_calibration(folder / "models" / "calib.npy")

    @property
    def compilations(self) -> int:
        """How often the last build ran the compiler of models."""
        return self.output.count("espdl: compiling")

    def recompiled(self, file: str) -> bool:
        """Whether the last build ran the C compiler or assembler on `file`."""
        return re.search(rf"Building (C|ASM) object \S*{re.escape(file)}\.o", self.output) is not None

    def build(self) -> None:
        """Build, which must succeed."""
        assert self.try_build(), self.output

    def answer(self) -> str:
        """What the program prints."""
        done = subprocess.run([self.program], capture_output=True, text=True, check=True, timeout=60)
        return re.search("^answer:.*$", done.stdout, re.MULTILINE).group()

    def _run(self, *command: str | Path, **environment: str) -> bool:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **self.environment, "NINJA_STATUS": "", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        self.output += done.stdout
        return done.returncode == 0


class PlainProject(Project):
    """cmake && cmake --build."""

    def __init__(self, folder: Path, component: Path, call: str | None = None, generator: str = "Ninja"):
        super().__init__(folder, component)
        call = call or "espdl_add_onnx_model(app MODEL models/net.onnx CALIBRATION models/calib.npy)"
        (folder / "CMakeLists.txt").write_text(PLAIN.format(component=component.as_posix(), call=call))
        self.generator = generator
        self.program = folder / "build" / "app"

    def configure(self, *definitions: str) -> bool:
        return self._run("cmake", "-G", self.generator, "-S", ".", "-B", "build", *definitions)

    def try_build(self) -> bool:
        self.output = ""
        configured = (self.folder / "build" / "CMakeCache.txt").exists() or self.configure()
        return configured and self._run("cmake", "--build", "build")

    def set_option(self, name: str, value: str) -> None:
        """A setting of the component, or with another prefix one that it does not know."""
        assert self.configure(f"-D{name}={value}"), self.output


class IdfProject(Project):
    """idf.py set-target linux && idf.py build."""

    component_manager = "0"

    def __init__(self, folder: Path, component: Path, call: str | None = None):
        super().__init__(folder, component)
        call = call or "espdl_add_onnx_model(${COMPONENT_LIB} MODEL ../models/net.onnx CALIBRATION ../models/calib.npy)"
        (folder / "CMakeLists.txt").write_text(IDF_PROJECT.format(component=component.as_posix()))
        (folder / "main" / "CMakeLists.txt").write_text(IDF_MAIN.format(call=call))
        self.program = folder / "build" / "app.elf"

    def idf_py(self, *arguments: str) -> bool:
        environment = os.environ.get("IDF_PYTHON_ENV_PATH")
        python = Path(environment) / "bin" / "python" if environment else Path("python")
        return self._run(
            python,
            Path(os.environ["IDF_PATH"]) / "tools" / "idf.py",
            *arguments,
            IDF_COMPONENT_MANAGER=self.component_manager,
        )

    def try_build(self) -> bool:
        self.output = ""
        if not (self.folder / "sdkconfig").exists() and not self.idf_py("--preview", "set-target", "linux"):
            return False
        return self.idf_py("build")

    def set_option(self, name: str, value: str) -> None:
        change_sdkconfig(self.folder / "sdkconfig", name, value)
