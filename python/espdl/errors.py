# SPDX-License-Identifier: Apache-2.0
"""The one way in which this package tells a user that something cannot work."""

from __future__ import annotations


class EspdlError(Exception):
    """Something the user asked for cannot be done.

    The text begins with what was asked, gives the reason, and ends with what to do:

        net.onnx: node 'head/NonZero' (NonZero): its output shape depends on the input's values.
        Remedy: export the model without it.
    """

    def __init__(self, what: str, why: str, remedy: str):
        super().__init__(f"{what}: {why}\nRemedy: {remedy}")
        self.what = what
        self.why = why
        self.remedy = remedy

    def __reduce__(self):
        # The default would rebuild it from the joined text; it crosses a process boundary when the compiler runs in a child.
        return type(self), (self.what, self.why, self.remedy)

    @property
    def text(self) -> str:
        """The message as it is printed: prefixed, the remedy on a line of its own, both aligned."""
        return f"espdl: {self.what}: {self.why}\n       Remedy: {self.remedy}"


class UsageError(EspdlError):
    """The command line or the options file is malformed (exit code 2)."""
