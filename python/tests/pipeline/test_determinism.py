# SPDX-License-Identifier: CC0-1.0
"""Equal inputs, equal bytes, whatever the hash seed, folders, clone, locale, time zone, cores and threads are.

And whichever installation of the locked packages runs the compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pipeline_models import DIGITS, REPOSITORY

from espdl.project import environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux to choose the cores"),
]

# What is computed in different ways: int8 and int16, the quantiser at its default and at its most eager.
OPTIONS = {
    "default": [],
    "best": ["--scheme", "power_of_two", "--effort", "best", "--chip", "esp32s3"],
    "percentile": ["--calibration-method", "percentile", "--scheme", "affine", "--effort", "best"],
    "int16": ["--precision", "int16x8"],
}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def compile_(
    code: Path, model: str, options: list[str], cores: set[int], python: str | Path = sys.executable, **how
) -> None:
    command = [str(python), str(code / "espdl_cli.py"), "compile", f"{model}/digits.onnx", "-o", "out"]
    command += ["--calibration", f"{model}/calib.npy", *options]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        check=False,
        **how,
    )
    assert done.returncode == 0, done.stderr


def locale(folder: Path) -> dict[str, str]:
    """The variables of a locale with a decimal comma and another idea of i and I, where it can be made."""
    made = folder / "locales" / "tr_TR.UTF-8"
    made.parent.mkdir()
    if shutil.which("localedef"):
        subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", str(made)], capture_output=True, check=False)
    return {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": str(made.parent)} if made.exists() else {"LC_ALL": "C"}


@pytest.mark.parametrize(
    "name", ["best", *(pytest.param(name, marks=pytest.mark.sweep) for name in OPTIONS if name != "best")]
)
def test_output_depends_on_nothing_but_the_input(name: str, tmp_path: Path) -> None:
    all_cores = os.sched_getaffinity(0)
    one, other = tmp_path / "one", tmp_path / "an other ü"
    clone = other / "clone" / "python"
    one.mkdir()
    shutil.copytree(REPOSITORY / "python" / "espdl", clone / "espdl", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "python" / "espdl_cli.py", clone)
    shutil.copytree(DIGITS, other / "model")
    plain = {key: value for key, value in os.environ.items() if not key.endswith("NUM_THREADS")}
    plain |= {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"}
    compile_(REPOSITORY / "python", str(DIGITS), OPTIONS[name], {min(all_cores)}, cwd=one, env=plain)
    changed = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "COLUMNS": "40", "HOME": str(other)}
    threads = {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}
    variables = {**plain, **changed, **threads, **locale(tmp_path)}
    compile_(clone, "model", OPTIONS[name], all_cores, cwd=other, env=variables)
    expected, found = files(one / "out"), files(other / "out")
    assert sorted(found) == sorted(expected)
    assert [file for file in expected if found[file] != expected[file]] == []
    assert not [file for file, content in found.items() if str(tmp_path).encode() in content]


def test_the_users_number_of_threads_does_not_count() -> None:
    """OpenBLAS starts its threads as it loads. Without our setting it takes the user's number, where cores allow it."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("OpenBLAS takes one thread on one core in any case")
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}

    def threads(packages: str) -> int:
        code = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'python')!r}); import {packages}; import os; "
        command = [sys.executable, "-I", "-c", code + "print(len(os.listdir('/proc/self/task')))"]
        return int(subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout)

    assert (threads("numpy"), threads("espdl.guard, numpy")) == (2, 1)


@pytest.mark.sweep
def test_output_depends_on_the_lock_not_on_the_installation(tmp_path: Path) -> None:
    """The tests' own interpreter against an environment that is made as a build makes it, which takes a network."""
    variables = {**os.environ, "IDF_TOOLS_PATH": str(tmp_path / "tools")}
    script, lock = Path(environment.__file__), environment.LOCK

    def managed(command: str) -> str:
        done = subprocess.run([sys.executable, "-I", script, command, lock], env=variables, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    managed("create")
    rebuilt = Path(managed("locate").splitlines()[0])
    assert rebuilt.is_relative_to(tmp_path) and not Path(sys.executable).is_relative_to(tmp_path)
    results = []
    for python in (Path(sys.executable), rebuilt):
        folder = tmp_path / f"compiled{len(results)}"
        folder.mkdir()
        compile_(
            REPOSITORY / "python", str(DIGITS), OPTIONS["best"], os.sched_getaffinity(0), python=python, cwd=folder
        )
        results.append(files(folder / "out"))
    assert "report.json" in results[0] and results[0] == results[1]
