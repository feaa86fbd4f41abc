# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

# The tests of this folder share shared_plans.py, and the networks of those of stripes.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stripes")]
