# SPDX-License-Identifier: CC0-1.0
"""Files appear all or not at all, and equal ones are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from espdl.emit import Files

PYTHON = Path(__file__).resolve().parents[2]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_write_and_rewrite(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert Files({"a": b"1", "b": b"2"}).write(folder) == ["a", "b"]
    assert content(folder) == {"a": b"1", "b": b"2"}
    for name in "ab":
        os.utime(folder / name, (1, 1))
    assert Files({"a": b"1", "b": b"3"}).write(folder) == ["b"]
    assert content(folder) == {"a": b"1", "b": b"3"}
    assert (folder / "a").stat().st_mtime == 1
    assert (folder / "b").stat().st_mtime > 1
    assert Files({"a": b"1"}).write(folder) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A full disk, for one: it shows before the first file is in place."""
    old = {"a": b"old", "b": b"old"}
    Files(old).write(tmp_path)
    calls = []

    def fail(*arguments: object) -> None:
        calls.append(arguments)
        if step == "replace" or len(calls) == 2:
            raise OSError("no space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space"):
        Files({"a": b"new", "b": b"new"}).write(tmp_path)
    assert content(tmp_path) == old


def test_rest_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".tmp").mkdir()
    (tmp_path / ".tmp" / "a").write_bytes(b"half")
    Files({"a": b"whole"}).write(tmp_path)
    assert content(tmp_path) == {"a": b"whole"}


WRITE_OFTEN = """
import sys
from pathlib import Path
from espdl.emit.files import Files
for _ in range(10):
    Files({name: sys.argv[2].encode() for name in "abcd"}).write(Path(sys.argv[1]))
"""


def test_writers_of_one_folder_take_turns(tmp_path: Path) -> None:
    """The folder holds what one of them wrote, and none of them fails on another's half-written files."""
    pytest.importorskip("fcntl")
    folder = tmp_path / "shared"
    # Programs of their own: a fork of this process could inherit a lock that another thread holds.
    command = [sys.executable, "-c", WRITE_OFTEN, str(folder)]
    writers = [subprocess.Popen([*command, str(number)], cwd=PYTHON) for number in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    assert len(set(content(folder).values())) == 1
    assert sorted(content(folder)) == list("abcd")


def test_mapping() -> None:
    files = Files({"b": b"1", "a": b"2"})
    assert list(files) == ["b", "a"]
    more = files.with_file("c", b"3")
    assert dict(more) == {"b": b"1", "a": b"2", "c": b"3"}
    assert len(files) == 2
