# SPDX-License-Identifier: CC0-1.0
"""A command writes into its output folder and nowhere else: not into the home, temporary or current folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from small_models import conv, model

REPOSITORY = Path(__file__).resolve().parents[3]
# What points into the user's folders, or keeps the libraries from doing what they do by themselves.
TELLING = ("XDG_", "TMP", "TEMP", "HOME", "ORT_", "IDF_")


def run(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess, list[str]]:
    """The command line in folders of its own, and what it left in them beside `out`."""
    places = {variable: folder / variable.lower() for variable in ("HOME", "TMPDIR")}
    for path in (*places.values(), folder / "here"):
        path.mkdir(parents=True)
    environment = {n: v for n, v in os.environ.items() if not n.startswith(TELLING)}
    environment |= {n: str(path) for n, path in places.items()}
    launcher = str(REPOSITORY / "python" / "espdl_cli.py")
    done = subprocess.run(
        [sys.executable, "-I", launcher, *arguments],
        cwd=folder / "here",
        env=environment,
        capture_output=True,
        text=True,
    )
    places["here"] = folder / "here"
    left = [str(p.relative_to(folder)) for place in places.values() for p in sorted(place.rglob("*"))]
    return done, left


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("leftovers")
    nodes, constants = conv("x", "y", 2, 4, [3, 3])
    onnx.save(model(nodes, [("x", [1, 2, 8, 8])], [("y", [1, 4, 6, 6])], constants), folder / "net.onnx")
    np.save(folder / "calib.npy", np.random.default_rng(1).normal(size=(4, 2, 8, 8)).astype(np.float32))
    return str(folder / "net.onnx"), str(folder / "calib.npy")


def test_compile_writes_into_its_output_folder_only(files: tuple[str, str], tmp_path: Path) -> None:
    model_file, calibration = files
    out = tmp_path / "out"
    done, left = run(tmp_path / "user", "compile", model_file, "--calibration", calibration, "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert (out / "net.c").exists()
    assert left == []


def test_a_refused_model_leaves_nothing(files: tuple[str, str], tmp_path: Path) -> None:
    done, left = run(tmp_path / "user", "compile", files[0], "-o", str(tmp_path / "out"))
    assert done.returncode == 1
    assert left == [] and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_validate_keeps_compiled_kernels_and_nothing_else(files: tuple[str, str], tmp_path: Path) -> None:
    arguments = ["validate", files[0], "--calibration", files[1], "--eval", files[1]]
    done, left = run(tmp_path / "user", *arguments)
    assert done.returncode == 0, done.stderr
    files_left = [name for name in left if (tmp_path / "user" / name).is_file()]
    assert len(files_left) == 2
    assert all(name.startswith("home/.cache/espdl_onnx/kernels/") for name in files_left)
