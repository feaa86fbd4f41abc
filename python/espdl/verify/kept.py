# SPDX-License-Identifier: Apache-2.0
"""Archives of kernels that outlive a command: compiling them takes longer than all else that `validate` does.

They lie beside the Python environment that builds make, in ESP-IDF's tools folder or the user's cache folder, under a
name made of all that they depend on. A name holds a digest of the content too, so that a damaged file is none. Where
nothing can be written, nothing is kept, and that is all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from espdl.project.environment import home, locked

# About 1 MB each: several compilers, flags and versions of the component.
MOST = 16


def place() -> Path:
    """The folder of all archives."""
    return home() / "kernels"


def archive(key: str, target: Path, make: Callable[[Path], None]) -> None:
    """Fills `target` with what `make` makes, or made when the same `key` was asked for before, in whichever process.

    Processes that ask at once wait for the one that makes it.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = place()
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder / "lock"))
        except (OSError, RuntimeError):  # there may be no home at all
            make(target)
            return
        if _taken(folder, key, target):
            return
        make(target)
        with contextlib.suppress(OSError):
            _keep(folder, key, target)
            _forget_oldest(folder)


def _taken(folder: Path, key: str, target: Path) -> bool:
    """Copies the archive, so that nobody can remove it while it is linked; whether it was there, and whole."""
    for found in folder.glob(f"{key}-*.a"):
        with contextlib.suppress(OSError):
            content = found.read_bytes()
            if found.name == _name(key, content):
                _write(target, content)
                os.utime(found)
                return True
            found.unlink()
    return False


def _keep(folder: Path, key: str, target: Path) -> None:
    content = target.read_bytes()
    _write(folder / _name(key, content), content)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:16]}.a"


def _forget_oldest(folder: Path) -> None:
    """Also what a killed process left; whoever holds the lock is the only one that writes here."""
    for left in folder.glob("*.part"):
        left.unlink(missing_ok=True)
    archives = sorted(folder.glob("*.a"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in archives[MOST:]:
        path.unlink(missing_ok=True)
