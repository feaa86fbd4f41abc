# SPDX-License-Identifier: Apache-2.0
"""`espdl settings`: the menuconfig settings that an sdkconfig gives."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("settings", help="print the settings of an ESP-IDF project's sdkconfig")
    parser.add_argument(
        "--sdkconfig", type=Path, required=True, metavar="FILE", help="the sdkconfig of a configured project"
    )
    parser.add_argument("--cmake", type=Path, metavar="FILE", help="write them as CMake variables instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl.project import settings

    found = settings.read(arguments.sdkconfig)
    if arguments.cmake is None:
        for name, value in sorted(found.items()):
            print(f"{name} = {value}")
        return 0
    arguments.cmake.parent.mkdir(parents=True, exist_ok=True)
    arguments.cmake.write_text(settings.as_cmake(found), encoding="utf-8")
    return 0
