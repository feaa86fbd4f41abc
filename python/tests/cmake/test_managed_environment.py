# SPDX-License-Identifier: CC0-1.0
"""A build without ESPDL_PYTHON: the Python environment that it makes, shares and complains about."""

from __future__ import annotations

import os
import shutil
import sysconfig
import time
from pathlib import Path

import pytest
from projects import PlainProject, copy_component
from wheels import MISSING, make_wheel

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A component, an empty tools folder, and for pip nothing but the folder `wheels`."""
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("IDF_TOOLS_PATH", str(tmp_path / "to ols"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "wheels").as_uri())
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    # An empty value is none: the tests' own interpreter must not win.
    monkeypatch.setattr(PlainProject, "environment", {"ESPDL_PYTHON": ""})
    return copy_component(tmp_path / "clone")


def lend_packages(clone: Path) -> None:
    """A lock of one wheel, which makes the packages of the running interpreter visible where it is installed."""
    packages = {"espdl_probe.pth": (sysconfig.get_path("purelib") + "\n").encode()}
    (clone / "python" / "requirements.lock").write_text(make_wheel(clone.parent / "wheels", packages))


def test_configuring_makes_it_and_others_share_it(tmp_path: Path, clone: Path) -> None:
    """Before the first file is compiled, with one line that says what takes so long."""
    lend_packages(clone)
    lock = clone / "python" / "requirements.lock"
    lock.write_text(lock.read_text() + "nothing==1.0 ; sys_platform == 'none' \\\n    --hash=sha256:" + "0" * 64 + "\n")
    first = PlainProject(tmp_path / "first", clone)
    assert first.configure(), first.output
    lines = [line for line in first.output.splitlines() if not line.startswith("-- ")]
    assert len(lines) == 1 and lines[0].startswith("espdl: preparing ") and "once for all projects" in lines[0], lines
    first.build()
    assert "espdl: preparing " not in first.output
    assert first.answer().startswith("answer:")
    [stamp] = (tmp_path / "to ols").rglob("complete")
    made = stamp.stat().st_mtime_ns
    first.build()
    assert "no work to do" in first.output
    second = PlainProject(tmp_path / "second", clone)
    second.build()
    assert "espdl: preparing " not in second.output
    assert (second.compilations, stamp.stat().st_mtime_ns) == (1, made)


@pytest.mark.sweep
def test_made_again_where_its_python_is_gone(tmp_path: Path, clone: Path) -> None:
    lend_packages(clone)
    project = PlainProject(tmp_path / "p", clone)
    assert project.configure(), project.output
    [stamp] = (tmp_path / "to ols").rglob("complete")
    for interpreter in (stamp.parent / "bin").glob("python*"):
        interpreter.unlink()
    project.output = ""
    assert project.configure() and project.output.count("espdl: preparing ") == 1
    project.output = ""
    assert project.configure() and "espdl:" not in project.output


@pytest.mark.sweep
def test_removed_behind_the_configuration(tmp_path: Path, clone: Path) -> None:
    lend_packages(clone)
    project = PlainProject(tmp_path / "p", clone)
    assert project.configure(), project.output
    [stamp] = (tmp_path / "to ols").rglob("complete")
    shutil.rmtree(stamp.parent)
    project.build()
    assert stamp.exists() and project.compilations == 1


@pytest.mark.sweep
def test_another_lock_is_another_environment(tmp_path: Path, clone: Path) -> None:
    lend_packages(clone)
    project = PlainProject(tmp_path / "p", clone)
    assert project.configure(), project.output
    before = (project.folder / "build" / "build.ninja").read_text()
    lock = clone / "python" / "requirements.lock"
    lock.write_text(lock.read_text() + "# another one\n")
    later = time.time() + 2
    os.utime(lock, (later, later))
    assert project._run("cmake", "--build", "build", "--target", "espdl-environment"), project.output
    assert (project.folder / "build" / "build.ninja").read_text() != before
    assert len(list((tmp_path / "to ols").rglob("complete"))) == 2


def test_offline(tmp_path: Path, clone: Path) -> None:
    """Told while configuring: pip's reason, and the ways out, that without a network first; then tried again."""
    (clone / "python" / "requirements.lock").write_text(MISSING)
    project = PlainProject(tmp_path / "p", clone)
    for _ in range(2):
        project.output = ""
        assert not project.configure()
        text = " ".join(project.output.split())
        assert "No matching distribution found for espdl-probe-that-does-not-exist" in text
        assert "espdl: pip could not install the compiler's packages" in text
        assert "Remedy: without a network, fetch them on another computer with " in text
        assert f"-r {clone}/python/requirements.lock -d wheels" in text
        assert "-DESPDL_PYTHON=<path of python>, the environment variable ESPDL_PYTHON, or menuconfig." in text
        assert "Traceback" not in text
    assert not list((tmp_path / "to ols").rglob("complete"))
