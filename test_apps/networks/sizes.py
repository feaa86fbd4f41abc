# SPDX-License-Identifier: CC0-1.0
"""What a firmware holds of the networks, as ESP-IDF counts it, against what their reports predicted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NETWORKS = ("ic_resnet8", "kws_dscnn", "vww_mobilenet", "ad_autoencoder")
TABLE = Path(__file__).resolve().parents[2] / "python" / "espdl" / "report" / "costs.json"
LIBRARY = "libespdl_onnx.a:"


@dataclass(frozen=True)
class Sizes:
    """Bytes of flash: code of kernels, runtime and generated code, and weights. RAM: the largest arena."""

    code: int
    weights: int
    arena: int

    @property
    def flash(self) -> int:
        return self.code + self.weights


def reports(build: Path) -> list[dict[str, Any]]:
    return [json.loads(next(build.rglob(f"espdl/{name}/report.json")).read_text()) for name in NETWORKS]


def predicted(found: Sequence[Mapping[str, Any]], table: Mapping[str, Any]) -> Sizes:
    """Of all networks in one program: sections of kernels and runtime that several need count once.

    `table`: that of the chip's architecture in costs.json.
    """

    def linked(kernels: set[str]) -> int:
        kept = set(table["run"]).union(*(table["kernels"][kernel] for kernel in kernels))
        return sum(table["sections"][index] for index in kept)

    kernels = [{layer["kernel"] for layer in report["layers"]} for report in found]
    generated = sum(report["code_bytes"] - linked(mine) for report, mine in zip(found, kernels))
    weights = sum(report["weights_bytes"] for report in found)
    arena = max(report["arena_bytes"] for report in found)
    return Sizes(generated + linked(set().union(*kernels)), weights, arena)


def counted(files: Mapping[str, Any]) -> Sizes:
    """From `size-files --format json2`: the files of the component and of the generated code, test vectors apart."""
    code = weights = arena = 0
    for name, entry in files.items():
        object_file = name.rpartition(":")[2].rpartition("/")[2]
        zero = sum(
            section["size"]
            for memory in entry["memory_types"].values()
            for key, section in memory["sections"].items()
            if "bss" in key
        )
        if any(object_file.startswith(f"{network}_weights.S") for network in NETWORKS):
            weights += entry["size"]
        elif LIBRARY in name or any(object_file.startswith(f"{network}.c") for network in NETWORKS):
            code += entry["size"] - zero
        elif object_file.startswith("test_main.c"):
            arena = zero
    return Sizes(code, weights, arena)


def of_firmware(build: Path) -> Sizes:
    """What ESP-IDF's own tool counts in the map of a build folder."""
    (path,) = build.glob("*.map")
    command = [sys.executable, "-m", "esp_idf_size", "--format", "json2", "--files", str(path)]
    return counted(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
