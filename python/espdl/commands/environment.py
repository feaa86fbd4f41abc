# SPDX-License-Identifier: Apache-2.0
"""`espdl environment`: what a bug report needs to say about this computer."""

from __future__ import annotations

import argparse
import platform
import sys


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = (
        "Print the interpreter and the packages that the compiler runs with, and where builds keep their environments."
    )
    parser = subparsers.add_parser("environment", help="print interpreter, packages and their place", description=text)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import __version__
    from espdl.project import environment

    print(f"espdl_onnx {__version__}")
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}")
    installed = environment.installed_packages()
    for package, wanted in environment.packages_for_this_system(environment.LOCK):
        found = installed.get(package, "missing")
        print(f"{package} {found}" + (f" (the lock has {wanted})" if found != wanted else ""))
    print(f"environments made by builds: {environment.home()}")
    return 0
