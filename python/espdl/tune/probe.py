# SPDX-License-Identifier: Apache-2.0
"""What a worker of a cluster is asked before it gets work. It is sent as code: a worker may not have this package."""

from __future__ import annotations


def probe() -> tuple[str, str]:
    """The worker's compiler, and "" or why it cannot work."""
    import sys

    try:
        from espdl.tune.jobs import compiler
        from espdl.verify import host

        host.find_compiler()
        return compiler(), ""
    except Exception as error:
        return "", f"{type(error).__name__}: {error} ({sys.executable})"
