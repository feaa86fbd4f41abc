# SPDX-License-Identifier: Apache-2.0
"""The arguments that say where jobs run and where their results are kept, shared by `tune` and `sweep`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from espdl.commands.arguments import count
from espdl.errors import UsageError

if TYPE_CHECKING:
    from espdl.tune.compute import Runner
    from espdl.tune.store import Store


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("where it runs")
    where.add_argument(
        "--jobs", type=count, default=os.cpu_count() or 1, metavar="N", help="processes (default: one for each core)"
    )
    where.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="run on a Dask cluster instead")
    where.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="where results are kept (default: the user's cache folder)",
    )


def runner_from(arguments: argparse.Namespace) -> Runner:
    """Raises UsageError for no processes."""
    if arguments.scheduler:
        from espdl.tune.cluster import ClusterRunner

        return ClusterRunner(arguments.scheduler)
    if arguments.jobs < 1:
        raise UsageError("--jobs", "0 processes do nothing", "give 1 or more")
    from espdl.tune import local

    return local.runner(arguments.jobs)


def store_from(arguments: argparse.Namespace) -> Store:
    from espdl.project.environment import home
    from espdl.tune.store import Store

    return Store(arguments.cache or home() / "results")
