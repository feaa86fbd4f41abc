# SPDX-License-Identifier: Apache-2.0
"""What a compilation tells its user: one set of values (report.json), and its forms."""

from espdl.report.data import make, reference, to_json
from espdl.report.text import text

__all__ = ["make", "reference", "text", "to_json"]
