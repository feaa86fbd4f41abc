# SPDX-License-Identifier: CC0-1.0
"""Archives that outlive a command are made once, are whole, and do not grow without bound."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from espdl.errors import EspdlError
from espdl.verify import kept


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept, "place", lambda: tmp_path / "kept")
    return tmp_path / "kept"


class Maker:
    """Makes an archive, and counts how often."""

    def __init__(self, content: bytes = b"objects"):
        self.content, self.calls = content, 0

    def __call__(self, target: Path) -> None:
        self.calls += 1
        time.sleep(0.02)
        target.write_bytes(self.content)


def test_what_was_made_is_taken(place: Path, tmp_path: Path) -> None:
    maker = Maker()
    for name in ("one.a", "two.a"):
        kept.archive("key", tmp_path / name, maker)
        assert (tmp_path / name).read_bytes() == b"objects"
    kept.archive("other", tmp_path / "three.a", maker)
    assert maker.calls == 2


@pytest.mark.parametrize("damage", [b"", b"objec", b"objectz"])
def test_a_damaged_one_is_made_again(place: Path, tmp_path: Path, damage: bytes) -> None:
    maker = Maker()
    kept.archive("key", tmp_path / "one.a", maker)
    next(place.glob("*.a")).write_bytes(damage)
    kept.archive("key", tmp_path / "two.a", maker)
    assert (tmp_path / "two.a").read_bytes() == b"objects"
    assert maker.calls == 2
    assert [path.read_bytes() for path in place.glob("*.a")] == [b"objects"]


def test_whoever_asks_meanwhile_waits(place: Path, tmp_path: Path) -> None:
    maker = Maker()
    targets = [tmp_path / f"{i}.a" for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda target: kept.archive("key", target, maker), targets))
    assert maker.calls == 1
    assert {target.read_bytes() for target in targets} == {b"objects"}


def test_the_oldest_go(place: Path, tmp_path: Path) -> None:
    kept.archive("first", tmp_path / "a.a", Maker())
    for index in range(kept.MOST + 3):
        kept.archive(f"{index}", tmp_path / "a.a", Maker())
        for path in place.glob("*.a"):  # as if each was made a minute after the last
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))
        kept.archive("first", tmp_path / "a.a", Maker())
    (place / "half.a.1.part").write_bytes(b"of a killed process")
    kept.archive("last", tmp_path / "a.a", Maker())
    names = {path.name.split("-")[0] for path in place.glob("*.a")}
    assert len(names) == kept.MOST
    assert {"first", "last", f"{kept.MOST + 2}"} <= names
    assert not list(place.glob("*.part"))


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(kept, "place", lambda: tmp_path / "file" / "kept")
    maker = Maker()
    for name in ("one.a", "two.a"):
        kept.archive("key", tmp_path / name, maker)
        assert (tmp_path / name).read_bytes() == b"objects"
    assert maker.calls == 2


def test_what_cannot_be_made_is_not_kept(place: Path, tmp_path: Path) -> None:
    def refuse(target: Path) -> None:
        raise EspdlError("the compiler", "it refused", "mend it")

    with pytest.raises(EspdlError):
        kept.archive("key", tmp_path / "one.a", refuse)
    assert not list(place.glob("*.a"))
    kept.archive("key", tmp_path / "one.a", Maker())
