# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

# The tests of this folder share files with each other, and networks and arenas with those of stripes.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stripes")]
