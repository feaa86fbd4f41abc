# SPDX-License-Identifier: Apache-2.0
"""What a compilation tells its user: one set of values (report.json), and its forms."""

from espdl.report.data import make, to_json
from espdl.report.text import text

__all__ = ["make", "text", "to_json"]
