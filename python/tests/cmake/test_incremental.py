# SPDX-License-Identifier: CC0-1.0
"""A build does what a change needs and no more: one table for plain CMake, for the path through ESP-IDF's functions
(with a stand-in for them), and for ESP-IDF itself where IDF_PATH is set."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from projects import IdfProject, PlainProject, Project, write_calibration, write_model
from stand_in import StandInProject

pytestmark = pytest.mark.slow

IDF = pytest.param("idf", marks=pytest.mark.skipif("IDF_PATH" not in os.environ, reason="IDF_PATH is not set"))
# For what happens in the same way whoever has added the files to the build.
alike = pytest.mark.parametrize(
    "built", ["cmake", pytest.param("stand_in", marks=pytest.mark.sweep), IDF], indirect=True, scope="module"
)


@pytest.fixture(scope="module", params=["cmake", "stand_in", IDF])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, component: Path) -> Project:
    kind = {"cmake": PlainProject, "stand_in": StandInProject, "idf": IdfProject}[request.param]
    project = kind(tmp_path_factory.mktemp(request.param) / "pro ject", component)
    project.build()
    assert project.compilations == 1
    return project


@pytest.fixture
def project(built: Project) -> Project:
    """Up to date, whatever the test before did."""
    built.build()
    return built


def touch(path: Path) -> None:
    # Later than every output, on file systems with coarse time stamps too.
    future = time.time() + 1
    os.utime(path, (future, future))


def test_unchanged_does_nothing(project: Project) -> None:
    project.build()
    assert "no work to do" in project.output


def test_changed_weights_change_the_answer(project: Project) -> None:
    before = project.answer()
    write_model(project.folder / "models" / "net.onnx", seed=1)
    project.build()
    assert project.compilations == 1
    assert project.recompiled("net_weights.S")
    assert project.answer() != before


@alike
def test_touched_model_recompiles_nothing(project: Project) -> None:
    touch(project.folder / "models" / "net.onnx")
    project.build()
    assert project.compilations == 1
    assert not project.recompiled("net.c")
    project.build()
    assert "no work to do" in project.output


@alike
def test_calibration(project: Project) -> None:
    write_calibration(project.folder / "models" / "calib.npy", seed=1)
    project.build()
    assert project.compilations == 1
    assert project.recompiled("net.c")


@alike
def test_external_weights(project: Project) -> None:
    model = project.folder / "models" / "net.onnx"
    write_model(model, external=True)
    project.build()
    before = project.answer()
    skeleton = model.read_bytes()
    write_model(model, seed=2, external=True)
    assert model.read_bytes() == skeleton
    os.utime(model, (0, 0))
    project.build()
    assert project.compilations == 1
    assert project.answer() != before


@alike
def test_own_python_module(project: Project) -> None:
    touch(project.component / "python" / "espdl" / "pipeline.py")
    project.build()
    assert project.compilations == 1
    assert not project.recompiled("net.c")


@alike
def test_template(project: Project) -> None:
    template = project.component / "python" / "espdl" / "emit" / "templates" / "model.c.jinja"
    template.write_text(template.read_text() + "/* changed */\n")
    project.build()
    assert project.compilations == 1
    assert project.recompiled("net.c")


def test_options_that_the_compiler_reads(project: Project) -> None:
    menuconfig = not isinstance(project, PlainProject)
    method = ("ESPDL_CALIBRATION_METHOD_MINMAX", "y") if menuconfig else ("ESPDL_CALIBRATION_METHOD", "minmax")
    project.set_option(*method)
    project.build()
    assert project.compilations == 1
    project.set_option(*(("ESPDL_SCHEME_AFFINE", "y") if menuconfig else ("ESPDL_SCHEME", "affine")))
    project.build()
    assert project.compilations == 1


def test_other_options_cost_nothing(project: Project) -> None:
    plain = isinstance(project, PlainProject)
    project.set_option(*(("CMAKE_BUILD_TYPE", "Debug") if plain else ("FREERTOS_HZ", "250")))
    project.build()
    assert "Building C object" in project.output
    assert project.compilations == 0


@alike
def test_failed_compilation_recovers(project: Project) -> None:
    model = project.folder / "models" / "net.onnx"
    write_model(model, operator="NoSuchOperator")
    assert not project.try_build()
    assert "NoSuchOperator" in project.output
    assert "Remedy:" in project.output
    assert "Traceback" not in project.output
    assert not project.try_build(), "the failure was forgotten"
    write_model(model)
    project.build()
    assert project.compilations == 1


def test_calibration_folder(tmp_path: Path, component: Path) -> None:
    project = PlainProject(
        tmp_path / "p", component, "espdl_add_onnx_model(app MODEL models/net.onnx CALIBRATION samples)"
    )
    samples = project.folder / "samples"
    samples.mkdir()
    write_calibration(samples / "a.npy")
    project.build()
    write_calibration(samples / "b.npy", seed=5)
    project.build()
    assert project.compilations == 1
    write_calibration(samples / "a.npy", seed=6)
    project.build()
    assert project.compilations == 1
    project.build()
    assert "no work to do" in project.output


def test_makefiles(tmp_path: Path, component: Path) -> None:
    project = PlainProject(tmp_path / "p", component, generator="Unix Makefiles")
    project.build()
    before = project.answer()
    project.build()
    assert project.compilations == 0
    touch(project.folder / "models" / "net.onnx")
    project.build()
    assert project.compilations == 1
    time.sleep(1.1)  # the touched model lies in the future
    write_model(project.folder / "models" / "net.onnx", seed=1)
    project.build()
    assert project.compilations == 1
    assert project.answer() != before
    project.build()
    assert project.compilations == 0


def test_settings_of_an_sdkconfig(tmp_path: Path, component: Path) -> None:
    """Those of a project for the ESP32-S3, whose kernels this computer imitates."""
    project = PlainProject(tmp_path / "p", component)
    sdkconfig = project.folder / "sdkconfig"
    sdkconfig.write_text('CONFIG_IDF_TARGET="esp32s3"\nCONFIG_ESPDL_CALIBRATION_METHOD_MINMAX=y\n')
    assert project.configure("-DESPDL_SDKCONFIG=sdkconfig"), project.output
    project.build()
    generated = project.folder / "build" / "espdl"
    options = (generated / "net.options.json").read_text()
    assert '"chip" : "esp32s3"' in options
    assert '"calibration_method" : "minmax"' in options
    assert "espdl_s3_gemm_" in (generated / "net" / "net.c").read_text()
    assert project.answer().startswith("answer:")
    sdkconfig.write_text(sdkconfig.read_text() + "CONFIG_FREERTOS_HZ=250\n")
    project.build()
    assert project.compilations == 0
    sdkconfig.write_text(sdkconfig.read_text() + "CONFIG_ESPDL_SCHEME_AFFINE=y\n")
    project.build()
    assert project.compilations == 1
    assert "_affine_s8(" in (generated / "net" / "net.c").read_text()
