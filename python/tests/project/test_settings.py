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

from espdl import options, targets
from espdl.commands.arguments import add_model_arguments, options_from
from espdl.emit.c_text import KEYWORDS
from espdl.errors import EspdlError
from espdl.project import settings

PYTHON = Path(__file__).resolve().parents[2]
CHOICES = {field.name: argument.choices for field, argument in options.arguments() if argument.choices}

needs_idf_python = pytest.mark.skipif("IDF_PYTHON_ENV_PATH" not in os.environ, reason="IDF_PYTHON_ENV_PATH is not set")


def idf_python() -> Path:
    return Path(os.environ["IDF_PYTHON_ENV_PATH"]) / "bin" / "python"


@pytest.fixture
def sdkconfig(tmp_path: Path) -> Path:
    return tmp_path / "sdkconfig"


def test_defaults_are_those_of_the_compiler(sdkconfig: Path) -> None:
    sdkconfig.write_text("")
    found = settings.read(sdkconfig)
    for field in dataclasses.fields(options.Options):
        if field.name in found and field.name != "calibration":
            assert found[field.name] == field.default, field.name
    assert {"chip", "scheme", "kernels", "weights", "profile", "calibration_samples"} <= found.keys()


def test_every_choice_is_one_of_the_compiler(sdkconfig: Path) -> None:
    text = settings.KCONFIG.read_text()
    for name, allowed in CHOICES.items():
        for value in allowed:
            if name == "chip" or value == options.BYTES:
                continue
            assert f"config ESPDL_{name.upper()}_{value.upper()}\n" in text
            sdkconfig.write_text(
                f'CONFIG_IDF_TARGET="esp32s3"\nCONFIG_SPIRAM=y\nCONFIG_ESPDL_{name.upper()}_{value.upper()}=y\n'
            )
            assert settings.read(sdkconfig)[name] == value


# Not settings: what the build itself says.
OF_THE_BUILD = {"output", "depfile"}
# Settings that are for the build, or for the runtime.
NO_OPTIONS = {"python", "worker_stack", "worker_priority", "worker_spin_us"}
# A row of _espdl_list_options(): keyword, giver, kind, values, and what it is for.
ROW = re.compile(r'^ {8}"([A-Z]\w*) +(model|any|project) +(\w+) *([^"]*)" +# \S', re.MULTILINE)
# The kinds of rows for a field of Options without choices, by its annotation.
KINDS = {
    "str": {"file", "text"},
    "str | None": {"file"},
    "int": {"count"},
    "bool": {"flag"},
    "tuple[str, ...]": {"names"},
    "Mapping[str, tuple[int, ...]]": {"sizes"},
    "Mapping[str, tuple[float, ...]]": {"numbers"},
}


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str, list[str]]]:
    """Who gives an option, its kind, and its values in CMake, by the option's name."""
    text = (settings.KCONFIG.parent / "cmake" / "espdl_add_onnx_model.cmake").read_text()
    text = text.partition("macro(_espdl_list_options)")[2].partition("endmacro()")[0]
    found = ROW.findall(text)
    assert len(found) == len(re.findall(r'^ {8}"[A-Z]', text, re.MULTILINE)), "a row without words about it"
    return {keyword.lower(): (giver, kind, values.split()) for keyword, giver, kind, values in found}


def test_cmake_has_a_row_for_every_option(rows: dict[str, tuple[str, str, list[str]]]) -> None:
    """By which it takes an argument and writes the options file; of the kind and with the values of the compiler."""
    fields = {field.name: field for field in dataclasses.fields(options.Options)}
    assert rows.keys() == fields.keys() - OF_THE_BUILD
    patterns = {"chips/esp*.py": targets.CHIPS[1:], "quantize/methods/[a-z]*.py": options.METHODS}
    for name, (_, kind, values) in rows.items():
        if name in CHOICES:
            assert kind == "choice", name
            assert [v for value in values for v in patterns.get(value, [value])] == list(CHOICES[name]), name
        else:
            assert kind in KINDS[fields[name].type], name


def test_the_menu_has_every_option_of_a_project(sdkconfig: Path, rows: dict[str, tuple[str, str, list[str]]]) -> None:
    sdkconfig.write_text("")
    named = {name for name, (giver, _, _) in rows.items() if giver != "model"}
    assert named == settings.read(sdkconfig).keys() - NO_OPTIONS
    assert set(CHOICES) <= named, "a choice that a project cannot make for all its models"


def test_cmake_and_the_compiler_refuse_the_same_names() -> None:
    text = (PYTHON.parent / "cmake" / "espdl_options.cmake").read_text()
    (reserved,) = re.findall(r"set\(reserved ([^)]*)\)", text)
    assert set(reserved.split()) == KEYWORDS | {"espdl"}


def test_the_command_line_takes_every_option() -> None:
    """But for those of the runtime, which the build of a project compiles."""
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    actions = {action.dest: action for action in parser._actions if action.dest != "help"}
    assert actions.pop("options").metavar == "FILE"  # some of them, in a file
    assert actions.keys() == {field.name for field in dataclasses.fields(options.Options)} - {"profile", "taps"}
    assert all(len(str(action.help).split()) > 2 for action in actions.values())


def test_a_command_line_gives_the_options_it_says(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    line = (
        "m.onnx --shape x=1,8 --shape y=2 --input sr=0.5 --int16 a b --kernels esp-dl --memory 4096 --calibration c.npy"
    )
    found = options_from(parser.parse_args([*line.split(), "--calibration-samples", "3"]))
    expected = options.Options(
        os.path.abspath("m.onnx"), "m", os.path.abspath("m"), os.path.abspath("c.npy"), 3, {"x": (1, 8), "y": (2,)},
        {"sr": (0.5,)}, int16=("a", "b"), kernels="esp_dl", memory="4096",
    )  # fmt: skip
    assert found == expected
    assert options_from(parser.parse_args(["m.onnx"])) == options.Options(
        os.path.abspath("m.onnx"), "m", os.path.abspath("m")
    )


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
