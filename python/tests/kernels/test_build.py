# SPDX-License-Identifier: CC0-1.0
"""What every kernel file must be: free of warnings, libraries and writable state, one function with its header."""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path

import pytest
from harness import ROOT, WARNINGS, functions, random_tests, sources

names = [s.name for s in sources()]


@pytest.fixture(scope="module", params=sources(), ids=names)
def object_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("objects") / f"{request.param.stem}.o"
    subprocess.run(["gcc", *WARNINGS, f"-I{ROOT / 'include'}", "-c", str(request.param), "-o", str(out)], check=True)
    return out


def test_object(object_file: Path) -> None:
    """No warning; needs only string.h and other kernels; no writable data; one function, of the file's name."""
    symbols = subprocess.run(["nm", str(object_file)], check=True, capture_output=True, text=True).stdout
    kernels = {f"espdl_{s.stem}" for s in sources()}
    kinds = [line.split()[-2:] for line in symbols.splitlines()]
    assert {name for kind, name in kinds if kind == "U"} <= {
        "memcpy",
        "memmove",
        "memset",
        "_GLOBAL_OFFSET_TABLE_",
        *kernels,
    }
    assert not [name for kind, name in kinds if kind in "bBdDC"]
    assert [name for kind, name in kinds if kind == "T"] == [f"espdl_{object_file.stem}"]


def test_every_function_has_a_file() -> None:
    """Files with a header of their own beside them are parts that several kernels share."""
    public = {f"espdl_{s.stem}" for s in sources() if not s.with_suffix(".h").exists()}
    assert set(functions()) == public


def test_every_function_has_a_random_test() -> None:
    """On this computer with sanitizers; rv32/test_kernels.py runs the same tests with the kernels for rv32."""
    run = {name for module, test in random_tests() for name in getattr(importlib.import_module(module), test).runs}
    assert set(functions()) - run == set()


@pytest.mark.parametrize("header", sorted((ROOT / "include/espdl/kernels").glob("*.h")), ids=lambda h: h.name)
def test_header_stands_alone(header: Path) -> None:
    for language, standard in (("c", "c11"), ("c++", "c++17")):
        subprocess.run(
            ["gcc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
            + ["-fsyntax-only", f"-I{ROOT / 'include'}", "-"],
            input=f'#include "espdl/kernels/{header.name}"',
            text=True,
            check=True,
        )
