# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

# The tests of this folder share row_networks.py and arenas.py.
sys.path.insert(0, str(Path(__file__).parent))
