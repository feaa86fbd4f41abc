#!/usr/bin/env python3
# SPDX-License-Identifier: CC0-1.0
"""Builds the test applications for one chip, compares their size with the reports, and runs them.

python test_apps/firmware.py TARGET [--port PORT --board NAME] [--data DIR] [--results FILE]
python test_apps/firmware.py --chips    the chips, for .github/workflows/firmware.yml

In an environment of ESP-IDF (export.sh). It runs them on the board behind PORT; else under Espressif's QEMU or esp-emu
where one is on the PATH; on linux as a program. What is missing is left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))

from espdl.chips import all_chips  # noqa: E402 (the path above comes first)

CHIPS = [chip for name, chip in all_chips().items() if name != "generic"]
PREVIEW = ("linux", *(chip.name for chip in CHIPS if chip.preview))
QEMU = {"esp32": "qemu-system-xtensa", "esp32s3": "qemu-system-xtensa", "esp32c3": "qemu-system-riscv32"}
ESPEMU = ("esp32c3", "esp32c6", "esp32h2", "esp32p4", "esp32s3", "esp32s31")
PACKAGES = ("pytest", "pytest_embedded", "pytest_embedded_idf", "idf_build_apps")


def lacking(target: str) -> Iterator[str]:
    """What a build needs and is not there, as sentences with the remedy."""
    if "IDF_PATH" not in os.environ:
        yield "IDF_PATH is not set: run ESP-IDF's export.sh"
    xtensa = [chip.name for chip in CHIPS if chip.is_xtensa]
    compiler = "gcc" if target == "linux" else f"{'xtensa' if target in xtensa else 'riscv32'}-esp-elf-gcc"
    if shutil.which(compiler) is None:
        yield f"{compiler} is not on the PATH: ESP-IDF's install.sh {target} brings it"
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        yield f"Python packages are missing: pip install {' '.join(name.replace('_', '-') for name in missing)}"


def outputs() -> str:
    """Outputs of a job: the targets of every release of ESP-IDF, and those that its latest version knows."""
    released = ["linux", *(chip.name for chip in CHIPS if not chip.preview)]
    preview = [{"idf": "latest", "target": chip.name} for chip in CHIPS if chip.preview]
    return f"released={json.dumps(released)}\npreview={json.dumps(preview)}"


def ways_to_run(target: str, port: str | None) -> Iterator[tuple[str, list[str]]]:
    """(what it runs on, arguments of pytest)"""
    if target == "linux":
        yield "this computer", ["-m", "host_test"]
    elif port:
        yield f"the board at {port}", ["-m", "generic", "--embedded-services", "idf,esp", "--port", port]
    else:
        emulators = [("qemu", QEMU.get(target)), ("espemu", "esp-emu" if target in ESPEMU else None)]
        for service, program in emulators:
            found = program is not None and _is_of_espressif(program, service)
            package = importlib.util.find_spec(f"pytest_embedded_{service}")
            if found and package:
                yield program, ["-m", service, "--embedded-services", f"idf,{service}"]
            elif program is not None:
                print(f"left out: {program} of Espressif on the PATH, and pip install pytest-embedded-{service}")


def _is_of_espressif(program: str, service: str) -> bool:
    """QEMU has the chips' machines in Espressif's own version only."""
    if shutil.which(program) is None:
        return False
    if service != "qemu":
        return True
    return "esp32" in subprocess.run([program, "-M", "help"], capture_output=True, text=True, check=False).stdout


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("target", nargs="?", help="linux, or a chip by ESP-IDF's name")
    what.add_argument("--chips", action="store_true", help="print the chips, as outputs of a job of GitHub Actions")
    parser.add_argument("--port", help="serial port of a board with the chip")
    parser.add_argument("--board", default="", help="its name, for the results")
    parser.add_argument("--data", help="folder of the trained networks (default: random weights)")
    parser.add_argument("--results", type=Path, help="JSON file that keeps the cycles of every layer")
    given = parser.parse_args(arguments)
    if given.chips:
        print(outputs())
        return 0
    reasons = list(lacking(given.target))
    for reason in reasons:
        print(f"cannot build for {given.target}: {reason}", file=sys.stderr)
    if reasons:
        return 1
    python = os.environ.get("ESPDL_PYTHON") or sys.executable
    run = [python, HERE / "networks" / "make_models.py", *(["--data", given.data] if given.data else [])]
    subprocess.run(run, check=True)
    preview = ["--enable-preview-targets"] if given.target in PREVIEW else []
    build = [sys.executable, "-m", "idf_build_apps", "build", "--target", given.target, *preview]
    subprocess.run(build, cwd=HERE, check=True)
    pytest = [sys.executable, "-m", "pytest", "--target", given.target]
    kept = ["--espdl-python", python, "--espdl-board", given.board]
    kept += ["--espdl-results", str(given.results.absolute())] if given.results else []
    codes = [subprocess.run([*pytest, "-m", "size", "-k", given.target], cwd=HERE, check=False).returncode]
    ways = list(ways_to_run(given.target, given.port))
    if not ways:
        print(f"left out: nothing here runs {given.target}; --port names a board")
    for what, options in ways:
        print(f"running on {what}", flush=True)
        codes.append(subprocess.run([*pytest, *kept, *options], cwd=HERE, check=False).returncode)
    return int(any(code not in (0, 5) for code in codes))  # 5: no test fits


if __name__ == "__main__":
    sys.exit(main())
