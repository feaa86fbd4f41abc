# SPDX-License-Identifier: Apache-2.0
"""Writes python/espdl/report/stack.json: how much stack every portable kernel takes on rv32, from its machine code.

python python/stack.py      (needs GCC for rv32: make stack)
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from espdl.verify import host, rv32  # noqa: E402 (the path above comes first)
from espdl.verify.rv32.stack import Stack  # noqa: E402

TABLE = Path(__file__).resolve().parent / "espdl" / "report" / "stack.json"
HEADERS = host.COMPONENT / "include" / "espdl" / "kernels"


def kernels() -> list[str]:
    """The names of all portable kernels, from their headers."""
    texts = [header.read_text(encoding="utf-8") for header in sorted(HEADERS.glob("*.h"))]
    return sorted(name for text in texts for name in re.findall(r"^void (espdl_\w+)\(", text, re.MULTILINE))


def measure(folder: Path) -> dict:
    """The table: bytes below the caller of each kernel, and those that espdl_run() has in use when it calls a layer."""
    image = folder / "kernels.elf"
    rv32.link_roots(image, [*kernels(), "espdl_run"], [rv32.library(folder)])
    stack = Stack(image)
    depths = {name: stack.depth(name) for name in kernels()}
    stack.depth("espdl_run")  # which jumps to what calls the layers, with nothing of its own in use
    return {"source": rv32.description(), "run": stack.indirect["espdl_run_layers"], "kernels": depths}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        TABLE.write_text(json.dumps(measure(Path(temporary)), indent=1) + "\n", encoding="utf-8")
