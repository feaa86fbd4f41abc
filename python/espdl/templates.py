# SPDX-License-Identifier: Apache-2.0
"""Jinja environments of the templates in a folder: made once, for compiling a template takes as long as TVM takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2


@cache
def environment(folder: Path | None, escape: bool = False) -> jinja2.Environment:
    """A name without a value is an error, and statements leave no empty lines; `escape` is for HTML."""
    return jinja2.Environment(
        loader=None if folder is None else jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=escape,
    )
