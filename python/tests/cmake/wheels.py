# SPDX-License-Identifier: CC0-1.0
"""A small wheel and its line for a lock, so that environments can be made without a network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

MISSING = "espdl-probe-that-does-not-exist==1.0 --hash=sha256:" + "0" * 64 + "\n"


def make_wheel(folder: Path, contents: Mapping[str, bytes] = {"espdl_probe.py": b"ANSWER = 42\n"}) -> str:  # noqa: B006
    """Writes the wheel of a package `espdl-probe` and returns its line for a lock."""
    path = folder / "espdl_probe-1.0-py3-none-any.whl"
    files = {
        **contents,
        "espdl_probe-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: espdl-probe\nVersion: 1.0\n",
        "espdl_probe-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "espdl_probe-1.0.dist-info/RECORD"
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(record, "".join([*lines, f"{record},,\n"]))
    return f"espdl-probe==1.0 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
