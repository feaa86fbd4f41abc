# SPDX-License-Identifier: Apache-2.0
"""A Makefile rule that names every file that a compilation read, our own modules included."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import espdl


def write(path: str | Path, target: Path, inputs: Iterable[Path]) -> None:
    """Writes the rule for `target`. Ninja reads it after the build and deletes it."""
    package = Path(espdl.__file__).resolve().parent
    sources = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    modules = (Path(source).resolve() for source in sources if source)
    own = {m for m in modules if m.is_relative_to(package)} | set(package.rglob("*.jinja"))
    files = sorted({str(Path(i).resolve()) for i in inputs} | {str(m) for m in own})
    rule = " \\\n ".join([f"{_escape(str(target))}:", *(_escape(f) for f in files)])
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(rule + "\n", encoding="utf-8")


def _escape(path: str) -> str:
    return path.replace("\\", "/").replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ")
