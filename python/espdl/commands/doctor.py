# SPDX-License-Identifier: Apache-2.0
"""`espdl doctor`: whether this computer can build, and what a bug report needs to say about it."""

from __future__ import annotations

import argparse
import textwrap


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = (
        "Look at Python, packages, compilers, ESP-IDF and disk: what works, what is missing, and what to do about it."
    )
    parser = subparsers.add_parser("doctor", help="look whether this computer can build", description=text)
    parser.add_argument(
        "--clean", action="store_true", help="remove the Python environments that no build of this version uses"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import __version__
    from espdl.project import doctor

    if arguments.clean:
        removed = doctor.clean()
        for folder, size in removed:
            print(f"removed {folder}, {size >> 20} MB")
        if not removed:
            print("there is nothing to remove")
        return 0
    print(f"espdl_onnx {__version__}")
    missing = 0
    for finding in doctor.examine():
        print(f"{finding.mark:8}{finding.what:14}{finding.found}")
        if finding.remedy:
            print(textwrap.indent(textwrap.fill(finding.remedy, 96), " " * 22))
        missing += finding.mark == "MISSING"
    print("everything that a build needs is here" if not missing else f"{missing} missing: see above")
    return 1 if missing else 0
