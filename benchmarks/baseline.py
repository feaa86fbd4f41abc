# SPDX-License-Identifier: Apache-2.0
"""The stored counts of the networks with random weights, and what has grown since."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from measure import Measured

from espdl.verify import rv32

PATH = Path(__file__).resolve().parent / "baseline.json"
TOLERANCE = 0.02

# Counts that depend on the compiler's version are compared only where it is the baseline's.
BY_PLAN = ("macs", "arena_bytes", "arena_lower_bound", "weights_bytes")
BY_COMPILER = ("rv32_instructions", "code_bytes", "stack_bytes")

Counts = dict[str, dict[str, dict[str, int]]]


def compiler() -> str:
    """The version of the rv32 compiler, such as "12.2.0"."""
    return subprocess.run([rv32.GCC, "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()


def counts(measured: Mapping[str, Mapping[str, Measured]]) -> dict:
    """{"compiler": ..., "networks": {network: {scheme: {count: value}}}}"""
    networks = {
        network: {scheme: {key: getattr(m, key) for key in BY_PLAN + BY_COMPILER} for scheme, m in schemes.items()}
        for network, schemes in measured.items()
    }
    return {"compiler": compiler(), "networks": networks}


def compare(old: Mapping, new: Mapping) -> tuple[list[str], list[str]]:
    """(problems, notes): a sentence for each count that grew by over 2 %, or that the baseline does not know."""
    keys, problems, notes = BY_PLAN + BY_COMPILER, [], []
    if old["compiler"] != new["compiler"]:
        keys = BY_PLAN
        notes.append(
            f"the baseline is of {rv32.GCC} {old['compiler']}, this is {new['compiler']}: "
            f"{', '.join(BY_COMPILER)} are not compared"
        )
    for network, schemes in new["networks"].items():
        for scheme, values in schemes.items():
            known = old["networks"].get(network, {}).get(scheme)
            if known is None:
                problems.append(f"{network}, {scheme}: not in the baseline; store it with --update-baseline")
                continue
            for key in keys:
                change = f"{network}, {scheme}: {key} {known[key]:,} -> {values[key]:,}"
                if values[key] > known[key] * (1 + TOLERANCE):
                    problems.append(f"{change}: grew by over {TOLERANCE:.0%}; store it with --update-baseline if meant")
                elif values[key] < known[key] * (1 - TOLERANCE):
                    notes.append(f"{change}: better; store it with --update-baseline")
    return problems, notes


def read() -> dict:
    return json.loads(PATH.read_text())


def write(new: Mapping) -> None:
    """Store counts; networks and schemes that were not measured keep theirs if they are of the same compiler."""
    old = read() if PATH.is_file() else {}
    if old.get("compiler") != new["compiler"]:
        old = {"networks": {}}
    networks = {name: {**old["networks"].get(name, {}), **schemes} for name, schemes in new["networks"].items()}
    merged = {"compiler": new["compiler"], "networks": {**old["networks"], **networks}}
    PATH.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n")
