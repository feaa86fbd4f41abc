# SPDX-License-Identifier: CC0-1.0
"""`espdl doctor`: what is said where something is missing, without the package that would be needed to say it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from espdl import cli
from espdl.project import doctor, environment

LAUNCHER = Path(__file__).resolve().parents[2] / "espdl_cli.py"


def findings() -> dict[str, doctor.Finding]:
    return {finding.what: finding for finding in doctor.examine()}


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDF_TOOLS_PATH", str(tmp_path / "tools"))
    return tmp_path / "tools" / "espdl_onnx"


def idf(folder: Path, version: str) -> Path:
    (folder / "tools" / "cmake").mkdir(parents=True)
    parts = zip(("MAJOR", "MINOR", "PATCH"), version.split("."))
    (folder / "tools" / "cmake" / "version.cmake").write_text("".join(f"set(IDF_VERSION_{n} {v})\n" for n, v in parts))
    return folder


def test_all_is_well_here(capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok      Python" in out and "everything that a build needs is here" in out


def test_the_version_of_esp_idf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDF_PATH", str(idf(tmp_path / "new", "6.1.0")))
    assert findings()["ESP-IDF"].found.startswith("6.1.0") and not findings()["ESP-IDF"].remedy
    monkeypatch.setenv("IDF_PATH", str(idf(tmp_path / "old", "5.4.2")))
    assert findings()["ESP-IDF"].mark == "MISSING" and "5.5" in findings()["ESP-IDF"].remedy
    monkeypatch.setenv("IDF_PATH", str(tmp_path / "nowhere"))
    assert findings()["ESP-IDF"].remedy == "correct IDF_PATH, or unset it"


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SPACE_NEEDED", 1 << 60)
    assert findings()["disk"].mark == "MISSING"
    assert cli.main(["doctor"]) == 1


def test_no_compiler_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert findings()["C compiler"].mark == "note"
    assert cli.main(["doctor"]) == 0


def test_clean_removes_what_no_build_of_this_version_uses(empty_home: Path, capsys: pytest.CaptureFixture) -> None:
    current, old = environment.folder_for(environment.LOCK), empty_home / "python3.9-linux-x86_64-0123456789ab"
    for folder in (current, old):
        folder.mkdir(parents=True)
        (folder / environment.STAMP).write_text("")
    other = empty_home / "notes"
    other.mkdir()
    assert "of another version" in str([f for f in doctor.examine() if f.what == "environment"])
    assert cli.main(["doctor", "--clean"]) == 0
    assert str(old) in capsys.readouterr().out
    assert (current.exists(), old.exists(), other.exists()) == (True, False, True)
    assert cli.main(["doctor", "--clean"]) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_without_any_package() -> None:
    """-S leaves the packages away: the doctor comes nevertheless, and a command says what it lacks."""
    code = f"import sys; sys.path.insert(0, {str(LAUNCHER.parent)!r}); from espdl import cli; sys.exit(cli.main())"

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-I", "-S", "-c", code, *arguments], capture_output=True, text=True)

    assert "missing here: apache-tvm" in run("doctor").stdout
    done = run("compile", "net.onnx", "--calibration", "calib.npy")
    assert done.returncode == 1 and done.stderr.startswith("espdl: the compiler: the Python package ")
    assert "-m pip install --quiet -r" in done.stderr and "Traceback" not in done.stderr
