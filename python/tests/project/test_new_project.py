# SPDX-License-Identifier: CC0-1.0
"""New projects: what is in them, and that ESP-IDF builds one where it is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from espdl import cli
from espdl.errors import EspdlError
from espdl.project.new_project import CompiledModel, ProjectFiles, create

DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits" / "model"
SMALL = CompiledModel("net", ("x",), 2048, 5000)


@pytest.fixture
def files(tmp_path: Path) -> ProjectFiles:
    model = tmp_path / "my-net.onnx"
    model.write_bytes(b"onnx")
    (tmp_path / "weights").mkdir()
    external = tmp_path / "weights" / "big.data"
    external.write_bytes(b"data")
    calibration = tmp_path / "samples"
    calibration.mkdir()
    (calibration / "a.npz").write_bytes(b"a")
    (calibration / "notes.txt").write_bytes(b"")
    return ProjectFiles((model, external), calibration, None)


def test_files(tmp_path: Path, files: ProjectFiles) -> None:
    out = tmp_path / "out"
    made = create(out, SMALL, files, "esp32s3")
    names = {path.relative_to(out).as_posix() for path in made}
    assert {"CMakeLists.txt", "README.md", "main/CMakeLists.txt", "main/main.c", "partitions.csv"} <= names
    assert {"sdkconfig.defaults", "sdkconfig.defaults.esp32", "sdkconfig.defaults.esp32p4"} <= names
    assert {"model/my-net.onnx", "model/weights/big.data", "model/calibration/a.npz"} <= names
    assert "model/calibration/notes.txt" not in names
    text = (out / "main" / "CMakeLists.txt").read_text()
    assert "NAME net\n" in text and "MODEL ../model/my-net.onnx\n" in text
    assert "CALIBRATION ../model/calibration)" in text and "TEST_VECTORS" not in text
    assert "net_input_x(&model)" in (out / "main" / "main.c").read_text()
    assert not any("{{" in path.read_text() or "{%" in path.read_text() for path in made)


@pytest.mark.parametrize(
    ("weights", "partition", "flash"),
    [(0, 0x80000, 2), (1 << 20, 0x180000, 2), (3_600_000, 0x3F0000, 4), (5 << 20, 0x580000, 8)],
)
def test_partition_fits_weights(tmp_path: Path, files: ProjectFiles, weights: int, partition: int, flash: int) -> None:
    create(tmp_path / "out", CompiledModel("net", ("x",), 2048, weights), files, "esp32")
    size = re.search(r"factory, 0x10000, (0x\w+)", (tmp_path / "out" / "partitions.csv").read_text()).group(1)
    assert int(size, 16) == partition >= weights + 0x80000
    defaults = (tmp_path / "out" / "sdkconfig.defaults").read_text()
    assert f"CONFIG_ESPTOOLPY_FLASHSIZE_{flash}MB=y" in defaults
    assert 0x10000 + partition <= flash << 20


def test_large_arena_goes_to_psram(tmp_path: Path, files: ProjectFiles) -> None:
    out = tmp_path / "out"
    create(out, CompiledModel("net", ("x",), 300_000, 5000), files, "esp32s3")
    assert "EXT_RAM_BSS_ATTR net_arena_t" in (out / "main" / "main.c").read_text()
    assert "CONFIG_SPIRAM=y" in (out / "sdkconfig.defaults.esp32s3").read_text()
    assert "CONFIG_SPIRAM" not in (out / "sdkconfig.defaults.esp32c3").read_text(), "it has none"


def test_too_large_a_model(tmp_path: Path, files: ProjectFiles) -> None:
    with pytest.raises(EspdlError, match="do not fit the largest flash(.|\n)*Remedy: "):
        create(tmp_path / "out", CompiledModel("net", ("x",), 2048, 32 << 20), files, "esp32s3")
    assert not (tmp_path / "out").exists()


def test_occupied_folder(tmp_path: Path, files: ProjectFiles) -> None:
    with pytest.raises(EspdlError, match="there is something already"):
        create(tmp_path, SMALL, files, "esp32s3")


def test_own_template(tmp_path: Path, files: ProjectFiles) -> None:
    template = tmp_path / "template"
    (template / "src").mkdir(parents=True)
    (template / "src" / "a.h.jinja").write_text("{{ prefix }} {{ arena_bytes }}\n")
    (template / "raw.txt").write_text("{{ kept }}\n")
    out = tmp_path / "out"
    create(out, SMALL, files, "esp32s3", template)
    assert (out / "src" / "a.h").read_text() == "NET 2048\n"
    assert (out / "raw.txt").read_text() == "{{ kept }}\n"
    assert not (out / "main").exists()


def test_wrong_template(tmp_path: Path, files: ProjectFiles) -> None:
    template = tmp_path / "template"
    with pytest.raises(EspdlError, match="there is no such folder(.|\n)*Remedy: .*--template"):
        create(tmp_path / "out", SMALL, files, "esp32s3", template)
    template.mkdir()
    (template / "a.jinja").write_text("{{ model_name }}")
    with pytest.raises(EspdlError, match="'model_name' is undefined(.|\n)*it can use name, prefix"):
        create(tmp_path / "out", SMALL, files, "esp32s3", template)


def new_project(out: Path, *arguments: str | Path) -> int:
    model, calibration = DIGITS / "digits.onnx", DIGITS / "calib.npy"
    command = ["new-project", "--model", model, "--calibration", calibration, "--out", out, *arguments]
    return cli.main([str(argument) for argument in command])


def test_sample_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "sample.npy", np.zeros((1, 3, 8, 8), np.float32))
    assert new_project(tmp_path / "out", "--sample", tmp_path / "sample.npy") == 1
    assert "Remedy:" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif("IDF_PATH" not in os.environ, reason="IDF_PATH is not set")
def test_idf_builds_it(tmp_path: Path) -> None:
    np.save(tmp_path / "sample.npy", np.load(DIGITS / "test.npz")["x"][:2])
    out = tmp_path / "new project"
    assert new_project(out, "--sample", tmp_path / "sample.npy", "--target", "linux") == 0
    environment = os.environ.get("IDF_PYTHON_ENV_PATH")
    python = Path(environment) / "bin" / "python" if environment else Path("python")
    idf_py = [python, Path(os.environ["IDF_PATH"]) / "tools" / "idf.py"]
    variables = {**os.environ, "ESPDL_PYTHON": sys.executable, "IDF_COMPONENT_MANAGER": "0"}
    for arguments in (["--preview", "set-target", "linux"], ["build"]):
        done = subprocess.run([*idf_py, *arguments], cwd=out, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    answer = subprocess.run([out / "build" / "digits.elf"], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0
    assert answer.stdout.count("every byte as expected") == 2
    assert "PASS" in answer.stdout
