# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

# The tests of this folder share vector_harness.py and others; the networks are those of the benchmarks.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))
