# SPDX-License-Identifier: Apache-2.0
"""What a compilation tells its user: one set of values (report.json), and its forms."""

from espdl.report.costs import instructions
from espdl.report.data import SCHEMA, make, reference, to_json, with_cost, with_errors
from espdl.report.environment import versions
from espdl.report.html import html
from espdl.report.text import text

__all__ = [
    "SCHEMA",
    "html",
    "instructions",
    "make",
    "reference",
    "text",
    "to_json",
    "versions",
    "with_cost",
    "with_errors",
]
