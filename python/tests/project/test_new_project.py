# SPDX-License-Identifier: CC0-1.0
"""New projects: what is in them, and that ESP-IDF builds one where it is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from input_models import perceptron

from espdl import __version__, cli, pipeline
from espdl.errors import EspdlError
from espdl.project import new_project
from espdl.project.new_project import CompiledModel, FirstRun, ProjectFiles, create
from espdl.verify import first_run, samples

DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits" / "model"
SMALL = CompiledModel("net", ("x",), 2048, 5000)
IGNORED = ["build/", "sdkconfig", "sdkconfig.old", "managed_components/", "dependencies.lock"]
NO_SAMPLE = FirstRun()


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
    made = create(out, SMALL, files, NO_SAMPLE, "esp32s3")
    names = {path.relative_to(out).as_posix() for path in made}
    assert {"CMakeLists.txt", "README.md", "main/CMakeLists.txt", "main/main.c", "partitions.csv"} <= names
    assert {"sdkconfig.defaults", "sdkconfig.defaults.esp32", "sdkconfig.defaults.esp32p4"} <= names
    assert {"model/my-net.onnx", "model/weights/big.data", "model/calibration/a.npz"} <= names
    assert "model/calibration/notes.txt" not in names
    text = (out / "main" / "CMakeLists.txt").read_text()
    assert "NAME net\n" in text and "MODEL ../model/my-net.onnx\n" in text
    assert "CALIBRATION ../model/calibration)" in text and "TEST_VECTORS" not in text
    assert (out / ".gitignore").read_text().split()[-5:] == IGNORED
    assert "net_input_x(&model)" in (out / "main" / "main.c").read_text()
    assert not any("{{" in path.read_text() or "{%" in path.read_text() for path in made)


@pytest.mark.parametrize(
    ("weights", "partition", "flash"),
    [(0, 0x80000, 2), (1 << 20, 0x180000, 2), (3_600_000, 0x3F0000, 4), (5 << 20, 0x580000, 8)],
)
def test_partition_fits_weights(tmp_path: Path, files: ProjectFiles, weights: int, partition: int, flash: int) -> None:
    create(tmp_path / "out", CompiledModel("net", ("x",), 2048, weights), files, NO_SAMPLE, "esp32")
    size = re.search(r"factory, 0x10000, (0x\w+)", (tmp_path / "out" / "partitions.csv").read_text()).group(1)
    assert int(size, 16) == partition >= weights + 0x80000
    defaults = (tmp_path / "out" / "sdkconfig.defaults").read_text()
    assert f"CONFIG_ESPTOOLPY_FLASHSIZE_{flash}MB=y" in defaults
    assert 0x10000 + partition <= flash << 20


def test_large_arena_goes_to_psram(tmp_path: Path, files: ProjectFiles) -> None:
    out = tmp_path / "out"
    create(out, CompiledModel("net", ("x",), 300_000, 5000), files, NO_SAMPLE, "esp32s3")
    assert "EXT_RAM_BSS_ATTR net_arena_t" in (out / "main" / "main.c").read_text()
    assert "CONFIG_SPIRAM=y" in (out / "sdkconfig.defaults.esp32s3").read_text()
    assert "CONFIG_SPIRAM" not in (out / "sdkconfig.defaults.esp32c3").read_text(), "it has none"


def test_too_large_a_model(tmp_path: Path, files: ProjectFiles) -> None:
    with pytest.raises(EspdlError, match="do not fit the largest flash(.|\n)*Remedy: "):
        create(tmp_path / "out", CompiledModel("net", ("x",), 2048, 32 << 20), files, NO_SAMPLE, "esp32s3")
    assert not (tmp_path / "out").exists()


def test_occupied_folder(tmp_path: Path, files: ProjectFiles) -> None:
    with pytest.raises(EspdlError, match="there is something already"):
        create(tmp_path, SMALL, files, NO_SAMPLE, "esp32s3")


def test_own_template(tmp_path: Path, files: ProjectFiles) -> None:
    template = tmp_path / "template"
    (template / "src").mkdir(parents=True)
    (template / "src" / "a.h.jinja").write_text("{{ prefix }} {{ arena_bytes }}\n")
    (template / "raw.txt").write_text("{{ kept }}\n")
    out = tmp_path / "out"
    create(out, SMALL, files, NO_SAMPLE, "esp32s3", template)
    assert (out / "src" / "a.h").read_text() == "NET 2048\n"
    assert (out / "raw.txt").read_text() == "{{ kept }}\n"
    assert not (out / "main").exists()


def test_camera(tmp_path: Path) -> None:
    """An application that compiles, for models that read pixels and for those that read 0 to 1."""
    arguments = [
        "--model",
        str(DIGITS / "digits.onnx"),
        "--calibration",
        str(DIGITS / "calib.npy"),
        "--target",
        "linux",
    ]
    out = tmp_path / "out"
    assert cli.main(["new-project", *arguments, "--camera", "--out", str(out)]) == 0
    text = (out / "main" / "main.c").read_text()
    assert "espdl_image_input(&input, espdl_input_info(&digits_model, 0), s_mean, s_deviation)" in text
    assert "{255.0f, 255.0f, 255.0f}" in text and "digits_top_scores(" in text
    assert "espressif/esp32-camera" in (out / "main" / "idf_component.yml").read_text()
    assert "CAMERA_FILE" in (out / "README.md").read_text()
    assert (out / "main" / "camera_esp32.c").is_file() and "TEST_VECTORS" not in (
        out / "main" / "CMakeLists.txt"
    ).read_text()


def test_camera_for_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx.save(perceptron(4), tmp_path / "table.onnx")
    np.save(tmp_path / "calib.npy", np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32))
    arguments = ["--model", str(tmp_path / "table.onnx"), "--calibration", str(tmp_path / "calib.npy")]
    assert cli.main(["new-project", *arguments, "--camera", "--out", str(tmp_path / "out")]) == 1
    assert "--camera: a camera fills one input" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_wrong_template(tmp_path: Path, files: ProjectFiles) -> None:
    template = tmp_path / "template"
    with pytest.raises(EspdlError, match="there is no such folder(.|\n)*Remedy: .*--template"):
        create(tmp_path / "out", SMALL, files, NO_SAMPLE, "esp32s3", template)
    template.mkdir()
    (template / "a.jinja").write_text("{{ model_name }}")
    with pytest.raises(EspdlError, match="'model_name' is undefined(.|\n)*it can use name, prefix"):
        create(tmp_path / "out", SMALL, files, NO_SAMPLE, "esp32s3", template)


def run_command(out: Path, *arguments: str | Path) -> int:
    model, calibration = DIGITS / "digits.onnx", DIGITS / "calib.npy"
    command = ["new-project", "--model", model, "--calibration", calibration, "--out", out, *arguments]
    return cli.main([str(argument) for argument in command])


def test_sample_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "sample.npy", np.zeros((1, 3, 8, 8), np.float32))
    assert run_command(tmp_path / "out", "--sample", tmp_path / "sample.npy") == 1
    assert "Remedy:" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_path_of_this_computer(tmp_path: Path, files: ProjectFiles) -> None:
    """The manifest leads from the project to the component, so that both can move together."""
    out = tmp_path / "out"
    for path in create(out, SMALL, files, NO_SAMPLE, "esp32s3"):
        assert str(tmp_path) not in path.read_text(errors="replace"), path
    manifest = (out / "main" / "idf_component.yml").read_text()
    way = Path(re.fullmatch(r'dependencies:\n  espdl_onnx:\n    path: "(.*)"\n', manifest).group(1))
    assert not way.is_absolute()
    assert (out / "main" / way / "idf_component.yml").samefile(
        new_project.COMPONENT / "cmake" / "idf" / "espdl_onnx" / "idf_component.yml"
    )


def test_component_of_the_registry(tmp_path: Path) -> None:
    component = tmp_path / "managed_components" / "some_one__espdl_onnx"
    assert new_project.dependency(tmp_path / "main", component) == f'some_one/espdl_onnx: "^{__version__}"'
    text = new_project.dependency(tmp_path / "main", tmp_path / 'a "b"')
    assert text == 'espdl_onnx:\n    path: "../a \\"b\\"/cmake/idf/espdl_onnx"'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project for this computer, with nothing said about samples."""
    out = tmp_path_factory.mktemp("new") / "new project"
    assert run_command(out, "--target", "linux") == 0
    return out


def test_the_first_run_is_a_calibration_sample(project: Path) -> None:
    sample = np.load(project / "model" / "sample.npy")
    assert np.array_equal(sample.reshape(-1), np.load(DIGITS / "calib.npy")[0].reshape(-1))
    text = (project / "main" / "CMakeLists.txt").read_text()
    assert "TEST_VECTORS ../model/sample.npy" in text
    readme = (project / "README.md").read_text()
    quantised, floats = re.findall(r"^  scores:.*largest is value (\d+)$", readme, re.MULTILINE)
    assert quantised == floats, "the calibration samples are digits that both recognise"


def test_a_model_without_calibration_runs_random_numbers(tmp_path: Path) -> None:
    """It carries its scales. What is drawn lies in the range of the input, and is the same every time."""
    options = pipeline.Options(
        model=str(DIGITS / "digits.onnx"), calibration=str(DIGITS / "calib.npy"), name="net", output=str(tmp_path)
    )
    compilation = pipeline.compile_model(options)
    first = first_run.prepare(compilation, None, None, tmp_path)
    tensor = compilation.plan.tensor(compilation.plan.inputs[0].tensor)
    values = samples.to_tensors(compilation.plan, {"image": np.load(first.sample)})["image"]
    assert values.min() < np.iinfo(tensor.dtype).min + 20 and values.max() > np.iinfo(tensor.dtype).max - 20
    assert len(first.printed) == len(first.in_floats) == 1 and first.origin.startswith("random numbers")


@pytest.mark.slow
def test_a_layer_that_only_c_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to compare with byte by byte: the sample stands in the program, what floats answer in the README. The
    user's own sample is refused."""

    def refuse(*_: object) -> None:
        raise EspdlError("test vectors", "a layer is not exact", "leave them out")

    monkeypatch.setattr(first_run.vectors, "files_for", refuse)
    out = tmp_path / "out"
    assert run_command(out) == 0
    assert "TEST_VECTORS" not in (out / "main" / "CMakeLists.txt").read_text()
    assert re.search(r"in floats.*\n\n```\n  scores: .*largest is value 0\n```", (out / "README.md").read_text())

    for memory in ("arena", "caller", "rows"):
        command = ["compile", DIGITS / "digits.onnx", "--calibration", DIGITS / "calib.npy"]
        command += ["--output", tmp_path / memory, "--name", "digits", "--input-memory", memory]
        assert cli.main([str(argument) for argument in command]) == 0
        (tmp_path / memory / "sdkconfig.h").touch()
        include = [f"-I{tmp_path / memory}", f"-I{new_project.COMPONENT / 'include'}"]
        strict = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        subprocess.run(["cc", *strict, *include, out / "main" / "main.c"], check=True)
    assert run_command(tmp_path / "other", "--sample", DIGITS / "calib.npy") == 1


@pytest.mark.slow
@pytest.mark.skipif("IDF_PATH" not in os.environ, reason="IDF_PATH is not set")
def test_idf_builds_it(project: Path) -> None:
    """It prints what its README says."""
    environment = os.environ.get("IDF_PYTHON_ENV_PATH")
    python = Path(environment) / "bin" / "python" if environment else Path("python")
    idf_py = [python, Path(os.environ["IDF_PATH"]) / "tools" / "idf.py"]
    variables = {**os.environ, "ESPDL_PYTHON": sys.executable, "IDF_COMPONENT_MANAGER": "1"}
    for arguments in (["--preview", "set-target", "linux"], ["build"]):
        done = subprocess.run([*idf_py, *arguments], cwd=project, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    answer = subprocess.run([project / "build" / "digits.elf"], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0
    assert answer.stdout.count("every byte as expected") == 1
    shown = (project / "README.md").read_text().split("```\n")[2]
    assert shown in answer.stdout
    assert "PASS" in answer.stdout
