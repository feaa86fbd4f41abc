# SPDX-License-Identifier: CC0-1.0
"""Results that are kept: whole or not at all, whatever happened to the file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espdl.tune.store import Store

RESULT = {"failure": None, "sqnr_db": 1 / 3, "costs": {"plain": {"arena_bytes": 5}}}
KEY = "ab" * 32


def stored(folder: Path) -> Path:
    Store(folder).put(KEY, RESULT)
    (path,) = folder.rglob("*.json")
    return path


def test_a_result_comes_back_for_another_user(tmp_path: Path) -> None:
    stored(tmp_path)
    other = Store(tmp_path)
    assert other.get(KEY) == RESULT and other.hits == 1
    assert other.get("cd" * 32) is None and not other.problem


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = stored(tmp_path_factory.mktemp("damage"))
    return path, path.read_bytes().rstrip()


@given(st.data())
def test_damage_is_noticed(entry: tuple[Path, bytes], data: st.DataObject) -> None:
    """A part of an entry is none; one with another byte is none, or says the same."""
    path, content = entry
    at = data.draw(st.integers(0, len(content) - 1))
    is_part = data.draw(st.booleans())
    changed = bytes([content[at] ^ data.draw(st.integers(1, 127))])
    path.write_bytes(content[:at] + (b"" if is_part else changed + content[at + 1 :]))
    found = Store(path.parents[1]).get(KEY)
    assert found is None or (found == RESULT and not is_part)


def test_an_entry_of_another_job_is_none(tmp_path: Path) -> None:
    path = stored(tmp_path)
    other = tmp_path / "cd" / f"{'cd' * 32}.json"
    other.parent.mkdir()
    path.rename(other)
    assert Store(tmp_path).get("cd" * 32) is None


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_full_disk_costs_nothing_of_this_search(tmp_path: Path, call: str) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    store = Store(tmp_path)
    with mock.patch.object(os, call, side_effect=full):
        store.put(KEY, RESULT)
    assert store.get(KEY) == RESULT and "No space left" in store.problem
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert Store(tmp_path).get(KEY) is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "cache")
    store.put(KEY, RESULT)
    assert store.get(KEY) == RESULT and store.problem
