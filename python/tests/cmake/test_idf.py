# SPDX-License-Identifier: CC0-1.0
"""ESP-IDF itself, where IDF_PATH is set: both build systems, the component manager, and mistakes in its own words."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import documents
import pytest
from projects import IdfProject, write_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("IDF_PATH" not in os.environ, reason="IDF_PATH is not set"),
]

V2_PROJECT = """
cmake_minimum_required(VERSION 3.22)
set(EXTRA_COMPONENT_DIRS "{component}/cmake/idf")
include($ENV{{IDF_PATH}}/tools/cmakev2/idf.cmake)
project(app C CXX ASM)
idf_project_default()
"""
V2_IDF = Path(os.environ.get("IDF_PATH", "")) / "tools" / "cmakev2" / "idf.cmake"
needs_v2 = pytest.mark.skipif(not V2_IDF.exists(), reason="this ESP-IDF has no build system v2")


def use_v2(project: IdfProject) -> None:
    text = V2_PROJECT.format(component=project.component.as_posix())
    (project.folder / "CMakeLists.txt").write_text(text)


def call_before_registering(project: IdfProject) -> str:
    """What configuring a project says that calls before idf_component_register(), on one line."""
    lists = project.folder / "main" / "CMakeLists.txt"
    lists.write_text("\n".join(reversed(lists.read_text().strip().splitlines())))
    assert not project.try_build()
    return " ".join(project.output.split())


@needs_v2
def test_build_system_v2(tmp_path: Path, component: Path) -> None:
    project = IdfProject(tmp_path / "pro ject", component)
    use_v2(project)
    project.build()
    assert project.compilations == 1
    assert project.answer().startswith("answer:")
    project.build()
    assert project.compilations == 0
    assert project.idf_py("espdl-report"), project.output
    assert "net, identity " in project.output


def test_component_manager(tmp_path: Path, component: Path) -> None:
    """As the README says: a path in the project's manifest, whatever the clone's folder is called."""
    project = IdfProject(tmp_path / "pro ject", component)
    lists = project.folder / "CMakeLists.txt"
    lists.write_text("\n".join(line for line in lists.read_text().splitlines() if "EXTRA_COMPONENT_DIRS" not in line))
    manifest = f"dependencies:\n  espdl_onnx:\n    path: {component.as_posix()}/cmake/idf/espdl_onnx\n"
    (project.folder / "main" / "idf_component.yml").write_text(manifest)
    project.component_manager = "1"
    project.build()
    assert project.answer().startswith("answer:")


@pytest.mark.parametrize("io", ["INT8", "FLOAT32"])
def test_getting_started_to_the_letter(tmp_path: Path, component: Path, io: str) -> None:
    """The files that the document shows make a project that builds, prints, and ends."""
    shown, document = documents.block, documents.GETTING_STARTED
    project = IdfProject(tmp_path / "my-project", component)
    manifest = re.sub(
        "path: .*", f"path: {component.as_posix()}/cmake/idf/espdl_onnx", shown(document, "yaml", "path:")
    )
    files = {
        "CMakeLists.txt": shown(document, "cmake", "MINIMAL_BUILD"),
        "main/CMakeLists.txt": shown(document, "cmake", "idf_component_register"),
        "main/idf_component.yml": manifest,
        "main/main.c": shown(document, "c", "void app_main("),
    }
    for name, text in files.items():
        (project.folder / name).write_text(text)
    (project.folder / "sdkconfig.defaults").write_text(f"CONFIG_ESPDL_IO_{io}=y\n")
    (project.folder / "models").rename(project.folder / "model")
    write_model(project.folder / "model" / "net.onnx", ports=("image", "scores"))
    project.component_manager = "1"
    project.build()
    program = project.folder / "build" / "my-project.elf"
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.count("score ")) == (0, 4), done.stdout


def test_called_before_registering(tmp_path: Path, component: Path) -> None:
    text = call_before_registering(IdfProject(tmp_path / "p", component))
    assert 'Unknown CMake command "espdl_add_onnx_model".' in text
    assert "component_get_requirements.cmake" in text


@needs_v2
def test_called_before_registering_in_v2(tmp_path: Path, component: Path) -> None:
    project = IdfProject(tmp_path / "p", component)
    use_v2(project)
    text = call_before_registering(project)
    assert "espdl_add_onnx_model: '_idf_main' is not a target." in text
    assert "Remedy: pass a library or an executable that exists; in ESP-IDF write" in text
    assert "behind idf_component_register(...)." in text


def test_not_required(tmp_path: Path, component: Path) -> None:
    """CMake's own words, which docs/getting-started.md explains."""
    project = IdfProject(tmp_path / "p", component)
    lists = project.folder / "main" / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace(" REQUIRES espdl_onnx", ""))
    assert not project.try_build()
    assert 'Unknown CMake command "espdl_add_onnx_model".' in " ".join(project.output.split())
