# SPDX-License-Identifier: CC0-1.0
"""Kconfig and sdkconfig as seen from outside ESP-IDF."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from espdl import pipeline, targets
from espdl.commands.arguments import add_model_arguments
from espdl.errors import EspdlError
from espdl.project import settings

PYTHON = Path(__file__).resolve().parents[2]

needs_idf_python = pytest.mark.skipif("IDF_PYTHON_ENV_PATH" not in os.environ, reason="IDF_PYTHON_ENV_PATH is not set")


def idf_python() -> Path:
    return Path(os.environ["IDF_PYTHON_ENV_PATH"]) / "bin" / "python"


@pytest.fixture
def sdkconfig(tmp_path: Path) -> Path:
    return tmp_path / "sdkconfig"


def test_defaults_are_those_of_the_compiler(sdkconfig: Path) -> None:
    sdkconfig.write_text("")
    found = settings.read(sdkconfig)
    for field in dataclasses.fields(pipeline.Options):
        if field.name in found and field.name != "calibration":
            assert found[field.name] == field.default, field.name
    assert {"chip", "scheme", "kernels", "weights", "profile", "calibration_samples"} <= found.keys()


def test_every_choice_is_one_of_the_compiler(sdkconfig: Path) -> None:
    text = settings.KCONFIG.read_text()
    for name, allowed in pipeline._CHOICES.items():
        for value in allowed:
            if name == "chip":
                continue
            assert f"config ESPDL_{name.upper()}_{value.upper()}\n" in text
            sdkconfig.write_text(
                f'CONFIG_IDF_TARGET="esp32s3"\nCONFIG_SPIRAM=y\nCONFIG_ESPDL_{name.upper()}_{value.upper()}=y\n'
            )
            assert settings.read(sdkconfig)[name] == value


# Set by menuconfig alone, for all models of a project; CHIP and OPTIMIZE by the variables ESPDL_<SETTING> too.
OF_THE_PROJECT = {"chip", "optimize", "profile", "taps"}
# Not settings: what the build itself says.
OF_THE_BUILD = {"output", "depfile"}


def _cmake(name: str) -> str:
    return (settings.KCONFIG.parent / "cmake" / name).read_text()


def test_cmake_takes_every_option() -> None:
    """As an argument with a line about it, or from the menu."""
    text = _cmake("espdl_add_onnx_model.cmake")
    taken = {
        word.lower() for names in re.findall(r"set\((?:single|multiple) ([^)]*)\)", text) for word in names.split()
    }
    assert taken == {f.name for f in dataclasses.fields(pipeline.Options)} - OF_THE_PROJECT - OF_THE_BUILD
    documented = re.findall(r"^# @param\[in(?:, optional)?\] ([A-Z]\w*) ", text, re.MULTILINE)
    assert sorted(name.lower() for name in documented) == sorted(taken)


def test_cmake_hands_on_every_option() -> None:
    """In the options file, of which the compiler takes nothing else; and checks it against the compiler's choices."""
    text = _cmake("espdl_options.cmake")
    loops = re.findall(r"foreach\(key ([^)]*)\)", text)
    written = {key for names in loops for key in names.split()}
    written |= set(re.findall(r"string\(JSON \S+ SET \S+ (\w+) ", text))
    assert written == {field.name for field in dataclasses.fields(pipeline.Options)}
    checked = {n.lower(): v.split() for n, v in re.findall(r"_espdl_setting\(([A-Z]\w*)((?: [^)]*)?)\)", text)}
    found = {"chip": ["${chips}"], "calibration_method": ["default", "${methods}"]}  # by the names of files
    for name, allowed in pipeline._CHOICES.items():
        assert sorted(checked[name]) == sorted(found.get(name, allowed)), name


def test_the_command_line_takes_every_option() -> None:
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    taken = {action.dest for action in parser._actions} - {"help"}
    plural = {"shape": "shapes"}
    assert {plural.get(name, name) for name in taken} == {
        field.name for field in dataclasses.fields(pipeline.Options)
    } - {"profile", "taps"}


def test_the_menu_has_every_choice_of_a_project(sdkconfig: Path) -> None:
    sdkconfig.write_text("")
    assert set(pipeline._CHOICES) <= settings.read(sdkconfig).keys()


def test_everything_in_the_menu_has_help() -> None:
    """Choices and each of their entries, which menuconfig shows alone: what it is, not only what it is called."""
    entries = re.split(r"^ *(?=(?:config|choice) ESPDL_)", settings.KCONFIG.read_text(), flags=re.MULTILINE)[1:]
    texts = {}
    for entry in entries:
        name, prompt = entry.split()[1], re.search(r'^ +(?:bool|int|string|prompt) "(.*)"$', entry, re.MULTILINE)
        if prompt:  # the others are values made of choices
            own = re.match(r"(?:.*\n)(?: +\S.*\n|\n)*? +help\n((?: +\S.*\n?)+)", entry)
            assert own and len(own[1].split()) >= 8, f"{name} ({prompt[1]}) has no help"
            texts[name] = " ".join(own[1].split())
    assert len(texts) > 40 and len(set(texts.values())) == len(texts)


@pytest.mark.parametrize("chip", targets.CHIPS[1:])
def test_the_chip_is_the_target(sdkconfig: Path, chip: str) -> None:
    sdkconfig.write_text(f'CONFIG_IDF_TARGET="{chip}"\n')
    assert settings.read(sdkconfig)["chip"] == chip


def test_imitated_chip(sdkconfig: Path) -> None:
    sdkconfig.write_text('CONFIG_IDF_TARGET="linux"\nCONFIG_ESPDL_CHIP_ESP32P4=y\n')
    assert settings.read(sdkconfig)["chip"] == "esp32p4"


def test_values_and_what_does_not_fit(sdkconfig: Path) -> None:
    sdkconfig.write_text(
        'CONFIG_ESPDL_CALIBRATION="a b/c"\nCONFIG_ESPDL_CALIBRATION_SAMPLES=12\nCONFIG_ESPDL_PROFILE=y\n'
        "CONFIG_ESPDL_WEIGHTS_PSRAM=y\nCONFIG_OF_SOMEBODY_ELSE=y\n"
    )
    found = settings.read(sdkconfig)
    assert (found["calibration"], found["calibration_samples"], found["profile"]) == ("a b/c", 12, True)
    assert found["weights"] == "flash", "there is no PSRAM in this sdkconfig"


def test_cmake_text(sdkconfig: Path) -> None:
    text = settings.as_cmake({"scheme": "affine", "profile": True, "taps": False, "calibration_samples": 3})
    assert text.splitlines() == [
        "set(CONFIG_ESPDL_CALIBRATION_SAMPLES [==[3]==])",
        "set(CONFIG_ESPDL_PROFILE [==[y]==])",
        "set(CONFIG_ESPDL_SCHEME [==[affine]==])",
        "set(CONFIG_ESPDL_TAPS [==[]==])",
    ]


def test_missing_sdkconfig(sdkconfig: Path) -> None:
    with pytest.raises(EspdlError, match="there is no such file(.|\n)*Remedy: "):
        settings.read(sdkconfig)


@needs_idf_python
def test_kconfig_of_idf_agrees(sdkconfig: Path) -> None:
    """esp-idf-kconfig, 2.x with ESP-IDF 5.5 and 3.x with 6.0, reads what kconfiglib reads."""
    sdkconfig.write_text(
        'CONFIG_IDF_TARGET="esp32s3"\nCONFIG_SPIRAM=y\nCONFIG_ESPDL_WEIGHTS_PSRAM=y\nCONFIG_ESPDL_SCHEME_AFFINE=y\n'
        "CONFIG_ESPDL_CALIBRATION_SAMPLES=7\nCONFIG_ESPDL_TAPS=y\n"
    )
    code = (
        "import json, pathlib, sys; sys.path.insert(0, sys.argv[1]); from espdl.project import settings; "
        "print(json.dumps(settings.read(pathlib.Path(sys.argv[2]))))"
    )
    read = subprocess.run([idf_python(), "-I", "-c", code, PYTHON, sdkconfig], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout.splitlines()[-1]) == settings.read(sdkconfig)


@needs_idf_python
def test_kconfig_style() -> None:
    python = idf_python()
    checked = subprocess.run([python, "-m", "kconfcheck", settings.KCONFIG], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
