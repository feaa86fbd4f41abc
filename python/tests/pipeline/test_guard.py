# SPDX-License-Identifier: Apache-2.0
"""A crash inside a library becomes a message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pipeline_models import REPOSITORY


def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
    """The guard with a child that runs `code` where it would run the command line."""
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from espdl import guard;"
        f"guard._CHILD = 'import sys; sys.path.insert(0, {{path!r}}); ' + {code!r}; sys.exit(guard.main())"
    )
    command = [sys.executable, "-I", "-c", program, str(REPOSITORY / "python"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("crash", ["import os; os.abort()", "import ctypes; ctypes.string_at(0)"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports crashes by other codes")
def test_a_crash_is_reported_with_the_model(crash: str, tmp_path: Path) -> None:
    done = run(crash, "compile", str(tmp_path / "net.onnx"))
    assert done.returncode == 1
    assert done.stderr.startswith("espdl: net.onnx: TVM or ONNX Runtime crashed on it (signal ")
    assert "Remedy: " in done.stderr and str(tmp_path) not in done.stderr


def test_other_exit_codes_pass() -> None:
    assert run("sys.exit(3)").returncode == 3


def test_what_libraries_write_to_the_screen_does_not_reach_it() -> None:
    noise = "from espdl import guard; guard._silence_libraries(); import os; os.write(2, b'noise');"
    assert run(f"{noise} print('ours', file=sys.stderr)").stderr == "ours\n"


def test_memory_is_limited() -> None:
    done = run("from espdl import guard; guard._limit_memory(); bytearray(8 << 30)")
    assert done.returncode == 1 and "MemoryError" in done.stderr
