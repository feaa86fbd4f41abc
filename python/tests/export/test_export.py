# SPDX-License-Identifier: CC0-1.0
"""Exported libraries: nothing is missing, nothing is too much, strict compilers take them, and the bytes are right."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from espdl import cli, export
from espdl.errors import EspdlError
from espdl.verify import host, rv32

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("ESPDL_DATA") or ROOT.parent / "shared" / "benchmarks")
DIGITS = ROOT / "examples" / "digits" / "model"
MOTOR = ROOT / "examples" / "stream" / "model" / "motor.onnx"
STREAM = ("--stream", "acceleration:2", "--hop", "4")
STRICT_C = ["-std=c11", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
STRICT_CXX = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
ARDUINO_H = """
#pragma once
#include <cstddef>
#include <cstring>
struct Port { void begin(long); template <class T> void print(T); template <class T> void println(T); };
extern Port Serial;
unsigned long micros(); void delay(unsigned long);
"""


def exported(folder: Path, form: str, *options: str, model: Path = DIGITS / "digits.onnx") -> Path:
    """A library with three test vectors."""
    calibration, vectors = model.parent / "calib.npy", folder / "vectors.npy"
    np.save(vectors, np.load(calibration)[:3])
    command = ["export", str(model), "--calibration", str(calibration), "--test-vectors", str(vectors), "--name", "net"]
    library = folder / form
    assert cli.main([*command, f"--{form}", str(library), *options]) == 0
    return library


def sources(library: Path) -> list[str]:
    return [str(p.relative_to(library)) for p in sorted((library / "src").rglob("*.c"))]


def build(library: Path, *paths: str) -> subprocess.CompletedProcess:
    command = ["cc", *STRICT_C, "-Isrc", "examples/net/main.c", *paths, "-lm", "-o", "program"]
    return subprocess.run(command, cwd=library, capture_output=True, text=True, check=False)


def run(library: Path) -> str:
    built = build(library, *sources(library))
    assert built.returncode == 0, built.stderr
    return subprocess.run([library / "program"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--chip", "esp32s3"),
        ("--input-memory", "caller"),
        ("--input-memory", "rows"),
        pytest.param(("--precision", "int16x8"), marks=pytest.mark.sweep),
    ],
    ids=" ".join,
)
def test_digits_as_c(tmp_path: Path, options: tuple[str, ...]) -> None:
    library = exported(tmp_path, "c", *options)
    assert run(library) == "PASS\n"
    command = ["cc", "-std=c11", "-Isrc", "-MM", "examples/net/main.c", *sources(library)]
    depends = subprocess.run(command, cwd=library, capture_output=True, text=True, check=True).stdout
    used = {os.path.normpath(path) for path in re.findall(r"\S+\.[ch]\b", depends) if "main.c" not in path}
    used = {path for path in used if not path.startswith("/")}
    there = {p.relative_to(library).as_posix() for p in (library / "src").rglob("*") if p.is_file()}
    assert used == there, "a header that no file includes"
    assert ("src/espdl_runtime/run_regions.c" in there) == ("--input-memory" in options)
    assert ("src/espdl_runtime/stripes.c" in there) == ("rows" in options), "the application is asked stripe by stripe"


def test_a_stream(tmp_path: Path) -> None:
    """Its self test pushes recordings; without one the example pushes rows that begin to fill the window."""
    assert run(exported(tmp_path, "c", *STREAM, model=MOTOR)) == "PASS\n"
    command = ["export", str(MOTOR), "--calibration", str(MOTOR.parent / "calib.npy"), "--name", "net", *STREAM]
    assert cli.main([*command, "--c", str(tmp_path / "plain")]) == 0
    assert run(tmp_path / "plain") == "net_run: ESPDL_FILLING\n"


def test_no_file_is_too_much(tmp_path: Path) -> None:
    library = exported(tmp_path, "c")
    paths = sources(library)
    objects = []
    (output,) = re.findall(r"net_top_(\w+)\(", (library / "src" / "net.h").read_text())
    call = '#include "net.h"\nsize_t ask(net_t *n, espdl_top_t *t);\nsize_t ask(net_t *n, espdl_top_t *t)'
    (library / "application.c").write_text(f"{call} {{ return net_top_{output}(n, t, 1); }}\n")
    for path in ("application.c", "examples/net/main.c", *paths):
        objects.append(path.replace("/", "_") + ".o")
        subprocess.run(["cc", *STRICT_C, "-Isrc", "-c", path, "-o", objects[-1]], cwd=library, check=True)
    for absent in objects[1:]:
        rest = [name for name in objects if name != absent]
        linked = subprocess.run(["cc", *rest, "-lm", "-o", "x"], cwd=library, capture_output=True, check=False)
        assert linked.returncode != 0, f"{absent} is not needed"


@pytest.mark.skipif(rv32.available() is not None, reason=str(rv32.available()))
def test_on_rv32(tmp_path: Path) -> None:
    library = exported(tmp_path, "c")
    image = tmp_path / "net.elf"
    files = [str(library / path) for path in ("examples/net/main.c", *sources(library))]
    host.run_tool(rv32.GCC, *host.FLAGS, *rv32.FLAGS, f"-I{library / 'src'}", "-c", *files, cwd=tmp_path)
    rv32.link(image, sorted(tmp_path.glob("*.o")), ["--oslib=semihost"])
    done = subprocess.run(rv32.command(image), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, "the example ends with 1 where its self test fails"


@pytest.mark.skipif(not (DATA / "kws_dscnn").is_dir(), reason="ESPDL_DATA names no folder with the trained networks")
def test_keyword_network(tmp_path: Path) -> None:
    (model,) = (DATA / "kws_dscnn").glob("*.onnx")
    assert run(exported(tmp_path, "c", model=model)) == "PASS\n"


@pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("memory", ["arena", "caller", "rows", "stream"])
@pytest.mark.parametrize("form", ["arduino", "platformio"])
def test_example_of_a_sketch_compiles(tmp_path: Path, form: str, memory: str) -> None:
    if memory == "stream":
        library = exported(tmp_path, form, *STREAM, model=MOTOR)
    else:
        library = exported(tmp_path, form, "--input-memory", memory)
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    example = next(p for p in library.glob("examples/net/*") if p.suffix in (".ino", ".cpp"))
    subprocess.run(["c++", *STRICT_CXX, f"-I{tmp_path}", "-Isrc", "-xc++", example], cwd=library, check=True)
    assert (library / ("library.properties" if form == "arduino" else "library.json")).is_file()


def test_exported_again_nothing_old_stays(tmp_path: Path) -> None:
    library = exported(tmp_path, "c", "--chip", "esp32s3")
    mine = library / "examples" / "net" / "notes.txt"
    mine.write_text("mine")
    exported(tmp_path, "c")
    assert not list((library / "src" / "espdl_esp32s3").glob("*")) and mine.is_file()
    assert run(library) == "PASS\n"


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(EspdlError, match="no earlier export(.|\n)*does not exist"):
        export.check_folder("net", tmp_path)


def test_kernels_of_a_component_cannot_leave_esp_idf(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["export", str(DIGITS / "digits.onnx"), "--calibration", str(DIGITS / "calib.npy")]
    assert cli.main([*command, "--chip", "esp32p4", "--c", str(tmp_path / "library")]) == 1
    assert "--kernels portable" in capsys.readouterr().err
    assert not (tmp_path / "library").exists()
