# SPDX-License-Identifier: CC0-1.0
"""The managed environment, made from a lock with one small wheel so that no network is needed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wheels import MISSING, make_wheel

from espdl.project import environment

SCRIPT = Path(environment.__file__)


class Tools:
    """An empty tools folder, and a folder of wheels that is all pip can see."""

    def __init__(self, folder: Path):
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.lock = folder / "requirements.lock"
        self.variables = {
            **os.environ,
            "IDF_TOOLS_PATH": str(folder / "to ols"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
        }

    def start(self, command: str, **how: bool) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-I", SCRIPT, command, self.lock],
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **how,
        )

    def run(self, command: str) -> tuple[int, str]:
        process = self.start(command)
        output = process.communicate(timeout=300)[0]
        return process.returncode, output

    def locate(self) -> tuple[Path, Path]:
        code, output = self.run("locate")
        assert code == 0, output
        python, stamp = output.splitlines()
        return Path(python), Path(stamp)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path)


@pytest.mark.slow
def test_create_once(tools: Tools) -> None:
    tools.lock.write_text(make_wheel(tools.wheels))
    python, stamp = tools.locate()
    assert not python.exists()
    together = [tools.start("create"), tools.start("create")]
    outputs = [process.communicate(timeout=300)[0] for process in together]
    assert [process.returncode for process in together] == [0, 0], outputs
    assert sorted("preparing" in output for output in outputs) == [False, True]
    answer = subprocess.run([python, "-I", "-c", "import espdl_probe; print(espdl_probe.ANSWER)"], capture_output=True)
    assert answer.stdout.strip() == b"42"
    time_stamp = stamp.stat().st_mtime_ns
    assert tools.run("create") == (0, "")
    assert stamp.stat().st_mtime_ns == time_stamp

    (damaged,) = python.parents[1].rglob("espdl_probe-1.0.dist-info")
    shutil.rmtree(damaged)
    assert "preparing" in tools.run("create")[1]
    assert (damaged / "METADATA").exists() and stamp.exists()


@pytest.mark.slow
def test_failed_installation_is_resumed(tools: Tools) -> None:
    line = make_wheel(tools.wheels)
    wheel = next(tools.wheels.iterdir())
    wheel.rename(wheel.with_suffix(".hidden"))
    tools.lock.write_text(line)
    code, output = tools.run("create")
    assert code == 1
    assert "-DESPDL_PYTHON" in output.splitlines()[-1]
    assert "Traceback" not in output
    python, stamp = tools.locate()
    assert not stamp.exists()
    made = (python.parents[1] / "pyvenv.cfg").stat().st_mtime_ns
    wheel.with_suffix(".hidden").rename(wheel)
    assert tools.run("create")[0] == 0
    assert stamp.exists()
    assert (python.parents[1] / "pyvenv.cfg").stat().st_mtime_ns == made


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        "pyvenv.cfg",
        pytest.param("bin/python", marks=pytest.mark.sweep),
        pytest.param("bin/pip", marks=pytest.mark.sweep),
        "lib/*/site-packages/espdl_probe.py",
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="kills a group of processes by a signal")
def test_killed_installation_is_completed(tools: Tools, place: str) -> None:
    """Killed with all its children as soon as a file is there, which the last of them has not finished with."""
    tools.lock.write_text(make_wheel(tools.wheels))
    python, stamp = tools.locate()
    process = tools.start("create", start_new_session=True)
    while not list(python.parents[1].glob(place)) and process.poll() is None:
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not stamp.exists()
    code, output = tools.run("create")
    assert code == 0 and stamp.exists(), output
    answer = subprocess.run([python, "-I", "-c", "import espdl_probe; print(espdl_probe.ANSWER)"], capture_output=True)
    assert answer.stdout.strip() == b"42"


def test_place_depends_on_the_lock_alone(tools: Tools) -> None:
    tools.lock.write_bytes(b"a==1\nb==2\n")
    first = tools.locate()
    tools.lock.write_bytes(b"a==1\r\nb==2\r\n")
    assert tools.locate() == first
    tools.lock.write_bytes(b"a==1\nb==3\n")
    assert tools.locate() != first


def test_check_names_what_is_missing(tools: Tools) -> None:
    tools.lock.write_text("numpy==0.1\n" + MISSING + "espdl-probe-of-windows==1.0 ; sys_platform == 'none'\n")
    code, output = tools.run("check")
    assert code == 1
    assert "espdl-probe-that-does-not-exist is missing." in output
    assert "numpy" not in output
    assert "Remedy:" in output


def test_check_wants_the_exact_tvm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("apache-tvm==0.0.1\n")
    with pytest.raises(environment.EnvironmentProblem, match=r"apache-tvm is \S+ instead of 0\.0\.1"):
        environment.check_packages(lock)


def test_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(environment.EnvironmentProblem, match=r"needs 3\.10 or newer(.|\n)*Remedy: .*-DESPDL_PYTHON"):
        environment.check_interpreter()


def test_unknown_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    with pytest.raises(environment.EnvironmentProblem, match="not published for Darwin x86_64(.|\n)*Remedy: "):
        environment.check_interpreter()


def test_missing_lock(tools: Tools) -> None:
    code, output = tools.run("locate")
    assert code == 1
    assert "requirements.lock" in output
