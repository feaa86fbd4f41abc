# SPDX-License-Identifier: Apache-2.0
"""Progress of a long command on a terminal; silent elsewhere, so that build logs stay clean."""

from __future__ import annotations

import sys
import time

_WIDTH = 30
_PAUSE = 0.1  # seconds between two redraws


class Progress:
    """A context manager and a callable (phase, done, total)."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._draw("")

    def __call__(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._shown or (total and done < total and now - self._last < _PAUSE):
            return
        self._last = now
        filled = _WIDTH * done // total if total else 0
        bar = f" [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}" if total else " ..."
        self._draw(f"{phase}{bar}")

    def _draw(self, text: str) -> None:
        if self._shown:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
