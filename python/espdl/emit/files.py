# SPDX-License-Identifier: Apache-2.0
"""A set of files that appears in a folder as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_STAGING = ".tmp"


class Files(Mapping[str, bytes]):
    """File names (or paths with `/`) and their contents, in the order in which they are put in place."""

    def __init__(self, contents: Mapping[str, bytes]):
        self._contents = dict(contents)

    def __getitem__(self, name: str) -> bytes:
        return self._contents[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)

    def with_file(self, name: str, content: bytes) -> Files:
        """These files and one more, or another content for one of them."""
        return Files({**self._contents, name: content})

    def write(self, folder: Path) -> list[str]:
        """Put the files into `folder`, which is made if need be, and return the names of those that changed.

        Files that already have their content keep their time stamp. The others are first written in full beside their
        place (to the folder `.tmp`), and moved only when all of them are complete on disk. A second writer of the same
        folder waits until the first is done. Raises OSError, with nothing changed, where one cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with _only_writer(folder):
            return self._write(folder)

    def _write(self, folder: Path) -> list[str]:
        staging = folder / _STAGING
        shutil.rmtree(staging, ignore_errors=True)  # left by a run that was killed
        changed = [name for name, content in self._contents.items() if not _has_content(folder / name, content)]
        if not changed:
            return []
        staging.mkdir()
        try:
            for name in changed:
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with (staging / name).open("wb") as file:
                    file.write(self._contents[name])
                    file.flush()
                    os.fsync(file.fileno())
            for name in changed:
                os.replace(staging / name, folder / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return changed


@contextlib.contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder itself, so that no lock file stays behind; a file system without locks goes without."""
    if fcntl is None:
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)  # lets go


def _has_content(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False
