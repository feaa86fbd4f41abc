# SPDX-License-Identifier: CC0-1.0
"""The archive that the component manager makes has everything that a build needs, and no tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from projects import REPOSITORY, PlainProject, copy_component

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("IDF_PYTHON_ENV_PATH" not in os.environ, reason="IDF_PYTHON_ENV_PATH is not set"),
]


def test_packed_component_builds(tmp_path: Path) -> None:
    component = copy_component(tmp_path / "clone", whole=True)
    for extra in ("examples", "test_apps"):
        shutil.copytree(REPOSITORY / extra, component / extra, ignore=shutil.ignore_patterns("build*", "__pycache__"))
    compote = Path(os.environ["IDF_PYTHON_ENV_PATH"]) / "bin" / "compote"
    command = [compote, "component", "pack", "--name", "espdl_onnx", "--dest-dir", tmp_path / "dist"]
    done = subprocess.run(command, cwd=component, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    unpacked = tmp_path / "components" / "espdl_onnx"
    with tarfile.open(next((tmp_path / "dist").glob("espdl_onnx_*[0-9].tgz"))) as archive:
        archive.extractall(unpacked)
    assert (unpacked / "examples" / "digits" / "main" / "held_out.bin").exists()
    assert not (unpacked / "test_apps").exists()
    assert not (unpacked / "python" / "tests").exists()
    project = PlainProject(tmp_path / "project", unpacked)
    project.build()
    assert project.answer().startswith("answer:")
