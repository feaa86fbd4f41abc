# SPDX-License-Identifier: Apache-2.0
"""Run the command line from this folder, without installation: `python -I espdl_cli.py <command> ...`."""

import os
import sys

# A build writes nothing beside its sources, and a full disk cannot leave half a module in a cache.
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from espdl.guard import main  # noqa: E402 (the path above comes first)

if __name__ == "__main__":
    sys.exit(main())
