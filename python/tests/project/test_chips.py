# SPDX-License-Identifier: CC0-1.0
"""What stands outside of espdl/chips agrees with it: manifests, CMake, defaults of new projects, facts of ESP-IDF."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from espdl import pipeline, targets
from espdl.chips import Chip, all_chips
from espdl.project import new_project

ROOT = Path(__file__).resolve().parents[3]
CHIPS = [chip for name, chip in all_chips().items() if name != "generic"]
RISCV_GCC = shutil.which("riscv64-unknown-elf-gcc")
XTENSA_GCC = shutil.which("xtensa-lx106-elf-gcc")
RISCV = sorted({chip.march for chip in CHIPS if chip.march})

each_chip = pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.name)


def test_the_manifest_is_for_every_chip_known_or_not() -> None:
    """As CMake, which warns of a chip that this version does not know and compiles portable C for it."""
    assert not re.search(r"^targets:", (ROOT / "idf_component.yml").read_text(), re.MULTILINE)


def test_both_manifests_bring_esp_dl_to_the_same_chips() -> None:
    rules = []
    for path in ("idf_component.yml", "cmake/idf/espdl_onnx/idf_component.yml"):
        text = (ROOT / path).read_text()
        rules.append(re.findall(r"- if: '(.*)'", text))
        named = set(re.findall(r"esp32\w*", " ".join(rules[-1])))
        assert named == {chip.name for chip in CHIPS if chip.esp_dl}
    assert rules[0] == rules[1]


@pytest.mark.parametrize("path", ["cmake/espdl_options.cmake", "cmake/espdl_library.cmake"])
def test_cmake_knows_where_esp_dl_is_the_default(path: str) -> None:
    (pattern,) = set(re.findall(r'MATCHES "(\^esp32\(p4\S*)"', (ROOT / path).read_text()))
    assert {c.name for c in CHIPS if re.match(pattern, c.name)} == {c.name for c in CHIPS if c.esp_dl_by_default}


@each_chip
def test_a_new_project_has_defaults_for_it(chip: Chip) -> None:
    text = (new_project.TEMPLATE / f"sdkconfig.defaults.{chip.name}.jinja").read_text()
    assert ("CONFIG_SPIRAM=y" in text) == chip.psram


@each_chip
def test_kernels_for_the_chip_are_the_default_where_there_are_any(chip: Chip) -> None:
    target = targets.select(chip.name)
    assert target.scheme == ("affine" if chip.vectors is None else "power_of_two")
    assert (target.backends[0] == "portable") == (not chip.own_kernels and not chip.esp_dl_by_default)
    assert targets.select(chip.name, "portable").backends == ("portable", "tvm")
    assert not chip.own_kernels or (ROOT / "port" / chip.name).is_dir()


def test_cmake_knows_them() -> None:
    (named,) = re.findall(
        r"set\(\$\{out\} (esp32[^)]*) PARENT_SCOPE\)", (ROOT / "cmake/espdl_library.cmake").read_text()
    )
    assert named.split() == [chip.name for chip in all_chips().values() if chip.own_kernels]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the digits network as C."""
    model, folder = ROOT / "examples" / "digits" / "model", tmp_path_factory.mktemp("digits")
    options = pipeline.Options(
        model=str(model / "digits.onnx"),
        calibration=str(model / "calib.npy"),
        name="net",
        output=str(folder),
        effort="fast",
    )
    pipeline.compile_model(options)
    return folder


def _compile_everything(
    folder: Path, generated: Path, compiler: str, *flags: str, without: tuple[str, ...] = ()
) -> None:
    """Runtime, portable kernels and generated code."""
    sources = [*(ROOT / "src").glob("*.c"), *(ROOT / "src" / "kernels").glob("*.c")]
    sources = [path for path in sources if path.stem not in without]
    sources += [generated / "net.c", generated / "net_weights.S"]
    command = [compiler, "-c", "-std=gnu11", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", *flags]
    include = [f"-I{ROOT / 'include'}", f"-I{generated}"]
    subprocess.run([*command, *include, *map(str, sources)], cwd=folder, check=True)


@pytest.mark.slow
@pytest.mark.skipif(RISCV_GCC is None, reason="gcc-riscv64-unknown-elf is not installed")
@pytest.mark.parametrize("march", [pytest.param(m, marks=[] if "f" in m else pytest.mark.sweep) for m in RISCV])
def test_everything_compiles_for_every_risc_v_chip(march: str, generated: Path, tmp_path: Path) -> None:
    abi = "ilp32f" if "f" in march else "ilp32"
    flags = (f"-march={march}_zicsr_zifencei", f"-mabi={abi}", "--specs=picolibc.specs")
    _compile_everything(tmp_path, generated, str(RISCV_GCC), *flags)


@pytest.mark.slow
@pytest.mark.skipif(XTENSA_GCC is None, reason="gcc-xtensa-lx106 is not installed")
def test_everything_compiles_for_xtensa(generated: Path, tmp_path: Path) -> None:
    """But for what needs a C library: this compiler comes without."""
    flags = ("-ffreestanding", "-mtext-section-literals", f"-I{ROOT / 'benchmarks' / 'xtensa'}")
    hosted = ("image", "log_identity", "profile", "taps")
    _compile_everything(tmp_path, generated, str(XTENSA_GCC), *flags, without=hosted)


@pytest.mark.skipif("IDF_PATH" not in os.environ, reason="IDF_PATH is not set")
@each_chip
def test_soc_caps_say_the_same(chip: Chip) -> None:
    caps = Path(os.environ["IDF_PATH"]) / "components" / "soc" / chip.name / "include" / "soc" / "soc_caps.h"
    if not caps.is_file():
        pytest.skip(f"this ESP-IDF does not know {chip.name}")
    found = dict(re.findall(r"^#define (SOC_\w+)\s+\(?(\d+)", caps.read_text(), re.M))
    assert int(found.get("SOC_CPU_CORES_NUM", 1)) == chip.cores
    assert bool(found.get("SOC_CPU_HAS_FPU")) == chip.fpu
    assert bool(found.get("SOC_SPIRAM_SUPPORTED")) == chip.psram
    assert bool(found.get("SOC_SIMD_INSTRUCTION_SUPPORTED")) == (chip.vectors is not None)
