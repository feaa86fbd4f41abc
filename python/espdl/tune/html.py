# SPDX-License-Identifier: Apache-2.0
"""What a search has found as one HTML file that needs nothing else: a plot to ask, and a table.

The template escapes everything that it is given; the only script that may run is the one in it, whose digest the page
names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from espdl import templates
from espdl.report import values as shown
from espdl.tune.front import COSTS

_TEMPLATES = Path(__file__).parent / "templates"
_REPORTS = Path(__file__).parents[1] / "report" / "templates"
_TITLES = {"instructions": "instructions", "arena_bytes": "arena, bytes", "weights_bytes": "weights, bytes"}


def html(values: dict[str, Any]) -> bytes:
    """The text of tune.html for values as `report.make` gives them."""
    environment = templates.environment((_TEMPLATES, _REPORTS), escape=True)
    environment.filters.update({"number": shown.number, "printable": shown.printable})
    script = (_TEMPLATES / "tune_plot.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode()
    context = {
        "v": values,
        "script": Markup(script),
        "digest": digest,
        "data": Markup(_data(values)),
        "axes": [(name, _TITLES[name]) for name in COSTS if values["default"][name] is not None],
    }
    text = environment.get_template("tune.html.jinja").render(context)
    return text.encode("utf-8", "backslashreplace")


def _data(values: dict[str, Any]) -> str:
    """What the script draws, as JSON that cannot end the element which it is in."""
    points = [{"score": score, **dict(zip(COSTS, costs))} for score, *costs in values["points"]]
    text = json.dumps({"points": points, "default": values["default"], "front": values["front"]})
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
