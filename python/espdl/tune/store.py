# SPDX-License-Identifier: Apache-2.0
"""Results by key in a folder that several processes, users and machines may share.

An entry appears as a whole, under the digest of what it depends on, and holds a digest of itself: one that is damaged,
half written or of another job is none, and the job is computed again.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from espdl.tune.jobs import Result, digest


class Store:
    """`hits`: how many results were found in it; `problem`: why the last could not be kept, "" where all were."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.hits = 0
        self.problem = ""
        self._kept: dict[str, Result] = {}

    def get(self, key: str) -> Result | None:
        """The result of a job that somebody has computed; None where there is none that is whole."""
        if key in self._kept:
            return self._kept[key]
        result = _read(self._path(key), key)
        if result is not None:
            self.hits += 1
            self._kept[key] = result
        return result

    def put(self, key: str, result: Result) -> None:
        """Keeps a result for this search, and where the folder can be written, for all."""
        self._kept[key] = result
        path = self._path(key)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        text = json.dumps({"key": key, "digest": digest(result), "result": result}, sort_keys=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError as error:
            self.problem = f"results are not kept in {self.folder}: {error.strerror or error}"
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def _read(path: Path, key: str) -> Result | None:
    try:
        values = json.loads(path.read_bytes())
        if values["key"] == key and values["digest"] == digest(values["result"]):
            return values["result"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None
