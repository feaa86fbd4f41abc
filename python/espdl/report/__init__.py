# SPDX-License-Identifier: Apache-2.0
"""What a compilation tells its user."""

from espdl.report.text import summary

__all__ = ["summary"]
