# SPDX-License-Identifier: Apache-2.0
"""Writes docs/dependencies.md: the packages of requirements.lock and their licences, as their own metadata names them.

python python/dependencies.py > docs/dependencies.md      (in the environment that holds them: make docs)
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

LOCK = Path(__file__).resolve().parent / "requirements.lock"
HEAD = """\
# Dependencies

Written by `make docs`. The compiler runs on the PC and needs the packages below; `python/requirements.lock` pins
their versions and hashes. The firmware contains none of them: generated C, kernels and runtime need a C11 compiler, and
`libm` where a layer computes in float.

| package | licence |
|---|---|
"""


def locked() -> list[str]:
    """Names in the lock, each once, without those for other platforms or versions of Python than installed."""
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return sorted({name for name in names if _installed(name)})


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def licence(name: str) -> str:
    """The SPDX expression, else the short licence field, else the classifiers."""
    about = metadata.metadata(name)
    classifiers = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or () if c.startswith("License ::")]
    field = (about.get("License") or "").strip()
    short = field if field and "\n" not in field and len(field) < 60 else ""
    return about.get("License-Expression") or short or ", ".join(classifiers) or "see the package"


if __name__ == "__main__":
    print(HEAD + "\n".join(f"| {name} | {licence(name)} |" for name in locked()))
