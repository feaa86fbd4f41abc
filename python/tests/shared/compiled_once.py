# SPDX-License-Identifier: CC0-1.0
"""What many tests need compiled is compiled once in a run of pytest, for all folders and all worker processes.

It lies in pytest's own temporary folder of this run, so that nothing is ever older than the sources.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import pytest

from espdl.verify import host


class Store:
    """Folders by key. `root` is None outside of a run of pytest: then nothing can be stored."""

    root: Path | None = None


def set_root(factory: pytest.TempPathFactory) -> None:
    """Take the folder of this run: pytest-xdist gives every worker a folder of its own inside it."""
    base = factory.getbasetemp()
    Store.root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled_once"
    Store.root.mkdir(exist_ok=True)


def _name(key: Sequence[object]) -> str:
    return hashlib.sha256("\0".join(map(str, key)).encode()).hexdigest()[:16]


@contextmanager
def _locked(name: str) -> Iterator[None]:
    with (Store.root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def folder(make: Callable[[Path], None], *key: object) -> Path:
    """The folder that `make` has filled for this key; another process that asks meanwhile waits."""
    name = _name(key)
    place = Store.root / name
    with _locked(name):
        if not (place / "complete").exists():
            place.mkdir(exist_ok=True)  # where making it failed once, it fails again with the same words
            make(place)
            (place / "complete").touch()
    return place


def one_library(library: Callable[..., Path]) -> Callable[..., Path]:
    """`host.library` for tests: whatever folder they name, the archive lies in the one of all.

    Warnings make no other archive; kernels/test_build.py, runtime and debug compile these sources with all of them.
    """

    @wraps(library)
    def shared(folder: Path, **options: object) -> Path:
        flags, ports = options.get("flags", ()), options.get("ports", ())
        options["flags"] = flags if ports else [flag for flag in flags if not re.match("-W(?!l,)", flag)]
        key = [options.get("compiler") or host.find_compiler(), *options["flags"], *ports]
        with _locked(_name(["library", *key])):
            return library(Store.root, **options)

    return shared


def link(command: Sequence[str], sources: Sequence[Path], program: Path) -> None:
    """Compile C sources in two processes, for the other worker waits, and make a program or library of them."""
    objects = [program.parent / f"{path.stem}.o" for path in sources]
    halves = [[*command, "-c", *map(str, sources[i::2])] for i in range(2)]
    compilers = [subprocess.Popen(half, cwd=program.parent) for half in halves]
    assert [compiler.wait() for compiler in compilers] == [0, 0]
    subprocess.run([*command, *map(str, objects), "-o", str(program)], check=True)
