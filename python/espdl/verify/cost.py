# SPDX-License-Identifier: Apache-2.0
"""What a run costs, from somebody who measured it: a chip's profile in a log, or the bare rv32 machine here."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espdl.emit import Files
from espdl.errors import EspdlError
from espdl.verify import rv32

_HEAD = re.compile(r"espdl: profile of (\S+), identity (\S+), (\d+) runs, \d+ (\w+) a run in layers")
_SPEED = re.compile(r"espdl: (\d+) cycles are 1 us")
_LAYER = re.compile(r"espdl: +(\d+) +(\d+) +\d+ +\d+ +\d+\.\d %")

_FLAGS = ("-DCONFIG_ESPDL_PROFILE=1",)
# Whose kernels are plain C, which the rv32 machine runs as a chip does.
_PLAIN = {"portable", "tvm", ""}


@dataclass(frozen=True)
class Cost:
    """`layers`: the mean of each in `unit` (cycles, instructions, ns); `source` says who measured.

    `per_microsecond`: how many of the unit are one, None where that is not known.
    """

    layers: tuple[int, ...]
    unit: str
    source: str
    per_microsecond: float | None = None
    code_bytes: int | None = None


def from_log(text: str, report: dict[str, Any], source: str) -> Cost:
    """The last profile of the report's model that espdl_profile_print() wrote into a log, with anything else in it.

    Raises EspdlError where the log has none, one of another build, or one of which lines are lost.
    """
    what = f"profile in {source}"
    remedy = (
        "call espdl_profile_print() in a firmware of this build (CONFIG_ESPDL_PROFILE), and save the console's output"
    )
    heads = [head for head in _HEAD.finditer(text) if head.group(1) == report["name"]]
    if not heads:
        raise EspdlError(what, f"there is no profile of '{report['name']}'", remedy)
    head = heads[-1]
    if head.group(2) != report["identity"]:
        why = f"it is of identity {head.group(2)}, the report of {report['identity']}: another model was flashed"
        raise EspdlError(what, why, "flash this build, or take the report of the build that was flashed")
    end = next((other.start() for other in _HEAD.finditer(text, head.end())), len(text))
    rows = {int(row.group(1)): int(row.group(2)) for row in _LAYER.finditer(text, head.end(), end)}
    if sorted(rows) != list(range(len(report["layers"]))):
        raise EspdlError(what, f"{len(rows)} of {len(report['layers'])} lines about layers can be read", remedy)
    speed = _SPEED.search(text, head.end(), end)
    per_microsecond = float(speed.group(1)) if speed else 1000.0 if head.group(4) == "ns" else None
    layers = tuple(rows[index] for index in range(len(rows)))
    return Cost(layers, head.group(4), f"mean of {head.group(3)} runs, {source}", per_microsecond)


def measure(folder: Path, report: dict[str, Any]) -> Cost:
    """Instructions of every layer and bytes of code, on rv32imc under QEMU, from the generated files in `folder`.

    Raises EspdlError for kernels that are not plain C, and where tools are missing.
    """
    name = report["name"]
    special = sorted({layer["backend"] for layer in report["layers"]} - _PLAIN)
    if special:
        why = f"its kernels of {', '.join(special)} run on that chip only"
        raise EspdlError(f"measuring {name}", why, "profile it on the chip (CONFIG_ESPDL_PROFILE) and pass --profile")
    rv32.require()
    names = [f"{name}{end}" for end in (".c", ".h", "_weights.S", "_weights.bin")]
    try:
        files = Files({file: (Path(folder) / file).read_bytes() for file in names})
    except OSError as error:
        why = f"{error.filename} cannot be read ({error.strerror})"
        raise EspdlError(f"measuring {name}", why, "name the folder of the generated files") from error
    with tempfile.TemporaryDirectory() as temporary:
        build = Path(temporary) / "build"
        code = rv32.code_size(files, name, build)
        image = build / "measure.elf"
        defines = [f'-DMEASURE_HEADER="{name}.h"', f"-DMEASURE_MODEL={name}_model", f"-DMEASURE_ARENA={name}_arena_t"]
        sources = [rv32.HERE / "measure.c", rv32.HERE / "console.c", build / f"{name}.c", build / f"{name}_weights.S"]
        rv32.link(image, [*sources, rv32.library(Path(temporary), _FLAGS)], [*_FLAGS, *defines, f"-I{build}"])
        done = subprocess.run(rv32.command(image), capture_output=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the program ended with code {done.returncode}: {done.stderr.decode(errors='replace')}")
    cost = from_log(done.stdout.decode(), report, f"{rv32.description()}, QEMU")
    return Cost(cost.layers, cost.unit, cost.source.partition(", ")[2], None, code.total)
