# SPDX-License-Identifier: Apache-2.0
"""Run the command line from this folder, without installation: `python -I espdl_cli.py <command> ...`."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from espdl.guard import main

if __name__ == "__main__":
    sys.exit(main())
