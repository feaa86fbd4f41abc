# SPDX-License-Identifier: CC0-1.0
"""tune.html in a browser: nothing on the console, every point of the front drawn, and its settings where one points."""

from __future__ import annotations

import html as escapes
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tune_fakes
from tune_fakes import FakeRunner, by_rule, request, search

from espdl.tune import html, report
from espdl.tune.store import Store

pytestmark = pytest.mark.slow  # a browser takes seconds to start

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr", "--v=0")
QUESTION = """
<script>
const circles = [...document.querySelectorAll("#plot circle.front")];
circles.at(-1).dispatchEvent(new Event("pointerenter"));
const first = document.getElementById("flags").textContent;
document.querySelector("input[value=arena_bytes]").click();
const again = [...document.querySelectorAll("#plot circle.front")];
again[0].focus();
const answer = {drawn: circles.length, again: again.length, first, second: document.getElementById("flags").textContent,
  moved: circles[0].getAttribute("cx") !== again[0].getAttribute("cx"), wide: document.documentElement.scrollWidth,
  rows: document.querySelectorAll("#points tbody tr").length, finite: again.every(c => isFinite(c.getAttribute("cx")))};
document.body.textContent = "ANSWER" + JSON.stringify(answer) + "END";
</script>
"""


def browse(page: Path) -> tuple[str, str]:
    """What the page has become, and what the console said."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    command = [found, *FLAGS, f"--user-data-dir={page}.profile", "--window-size=900,900", "--virtual-time-budget=3000"]
    done = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120)
    return done.stdout, done.stderr


def test_the_plot_answers(tmp_path: Path) -> None:
    folder = tune_fakes.write(tmp_path)
    found, _ = search(folder, FakeRunner(by_rule), request(folder, count=40), Store(tmp_path / "cache"))
    values = report.make(found)
    values["front"][0]["flags"] = "--int16 '</script><b>&'"
    content = html.html(values).decode()
    (tmp_path / "tune.html").write_text(content, encoding="utf-8")
    shown, console = browse(tmp_path / "tune.html")
    assert "CONSOLE" not in console, console
    assert shown.count('class="front"') == len(values["front"]) > 3
    asked = re.sub(r"<meta http-equiv=[^>]*>", "", content).replace("</body>", f"{QUESTION}</body>")
    (tmp_path / "asked.html").write_text(asked, encoding="utf-8")
    answer = json.loads(escapes.unescape(re.search("ANSWER(.*)END", browse(tmp_path / "asked.html")[0]).group(1)))
    assert answer["drawn"] == answer["again"] == len(values["front"]) and answer["rows"] == len(values["front"]) + 1
    assert answer["first"] == (values["front"][-1]["flags"] or "(the default)")
    assert answer["second"] == values["front"][0]["flags"]
    assert answer["moved"] and answer["finite"] and answer["wide"] <= 900
