# SPDX-License-Identifier: CC0-1.0
"""The HTML in a browser: nothing on the console, no sideways scrolling down to 400 px, light and dark, true numbers."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from espdl import pipeline, report
from espdl.report import values

pytestmark = pytest.mark.slow  # a browser takes seconds to start

ROOT = Path(__file__).resolve().parents[3]
DIGITS = ROOT / "examples" / "digits" / "model"
DATA = Path(os.environ.get("ESPDL_DATA") or os.environ.get("DATA") or ROOT.parent / "shared" / "benchmarks")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
)
# Blink's values of a preferred colour scheme.
SCHEMES = {"dark": 0, "light": 1}

# What a page is asked, in a copy that may run scripts. It is asked in a frame: no window is as narrow as 400 px;
# the page around it writes the answer down, which is then read back.
QUESTION = """
<script>
const texts = (selector) => [...document.querySelectorAll(selector)].map(e => e.textContent.trim());
const cell = (td) => [td.dataset.label, td.textContent.trim().replace(/\\s+/g, " ")];
const tile = (e) => [e.dataset.what, e.querySelector("b").textContent];
const rgb = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
const arena = document.querySelector("svg.arena").getBoundingClientRect();
const place = (b) => [(b.left - arena.left) / arena.width, (arena.bottom - b.bottom) / arena.height,
                      b.width / arena.width, b.height / arena.height];
parent.postMessage(JSON.stringify({
  width: innerWidth,
  scroll: document.documentElement.scrollWidth,
  background: rgb[0] + rgb[1] + rgb[2],
  rows: [...document.querySelectorAll("#layers tbody tr")].map(tr => Object.fromEntries([...tr.children].map(cell))),
  blocks: [...document.querySelectorAll("svg.arena g > rect")].map(e => place(e.getBoundingClientRect())),
  tiles: Object.fromEntries([...document.querySelectorAll(".tile")].map(tile)),
  errors: texts("#errors .value"),
  peak: texts("#peak tbody .right"),
  identity: texts("#identity")[0],
}), "*");
</script>
"""
FRAME = """
<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><body>
<script>addEventListener("message", e => { document.body.textContent = "ANSWER" + e.data + "END"; });</script>
<iframe src="question.html" style="width: WIDTHpx; height: 900px; border: 0"></iframe>
</body>
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    return found


def browse(chromium: str, page: Path, scheme: str, *what: str) -> subprocess.CompletedProcess:
    settings = [f"--user-data-dir={page}-{scheme}-{len(what)}", "--window-size=1300,1000", "--virtual-time-budget=5000"]
    settings.append(f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}")
    command = [chromium, *FLAGS, *settings, "--dump-dom", *what, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def ask(chromium: str, content: bytes, folder: Path, width: int, scheme: str) -> dict[str, Any]:
    """What a page looks like; fails where the browser's console is not empty."""
    folder = folder / f"{width}-{scheme}"
    folder.mkdir()
    (folder / "report.html").write_bytes(content)
    console = browse(chromium, folder / "report.html", scheme).stderr
    assert "CONSOLE" not in console, console
    text = re.sub(r"<meta http-equiv=[^>]*>", "", content.decode()).replace("</body>", QUESTION + "</body>")
    (folder / "question.html").write_text(text, encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    dom = browse(chromium, folder / "frame.html", scheme, "--disable-logging").stdout
    return json.loads(html.unescape(re.search("ANSWER(.*)END", dom, re.DOTALL).group(1)))


def check_numbers(found: dict[str, Any], answer: dict[str, Any]) -> None:
    """Every number of the page is the one of report.json."""
    assert answer["identity"] == found["identity"]
    tiles = answer["tiles"]
    assert tiles["Arena"] == f"{found['arena_bytes']:,}"
    assert tiles["Weights"] == f"{found['weights_bytes']:,}"
    assert tiles["MACs"] == f"{found['macs']:,}"
    assert tiles["Layers"] == str(len(found["layers"]))
    assert tiles["Code"] == ("-" if found["code_bytes"] is None else f"{found['code_bytes']:,}")
    assert len(answer["rows"]) == len(found["layers"])
    for row, layer in zip(answer["rows"], found["layers"]):
        assert row["#"] == str(layer["index"])
        assert row["MACs"] == f"{layer['macs']:,}"
        assert row["weights"] == f"{layer['constant_bytes']:,}"
        assert row["activations"] == f"{sum(t['bytes'] for t in layer['inputs'] + layer['outputs']):,}"
        assert row["share"] == f"{100 * layer['share']:.1f} %"
        assert row["kernel"].startswith(layer["kernel"])
        assert row["layer"].startswith(values.short(values.layer_name(layer), 96).split("  ")[0].strip()[:20])
        if found["cost"]:
            assert row[found["cost"]["unit"]] == f"{layer['cost']:,}"
    assert answer["errors"] == [f"{la['sqnr_db']:.1f} dB" for la in found["layers"] if la["sqnr_db"] is not None]
    memory, arena = found["memory"], found["arena_bytes"]
    alive = [b["bytes"] for b in memory["blocks"] if b["first"] <= memory["peak"] <= b["last"]]
    assert sorted(answer["peak"]) == sorted(f"{size:,}" for size in alive)
    for (x, y, width, height), block in zip(answer["blocks"], memory["blocks"], strict=True):
        assert x == pytest.approx(block["first"] / memory["slots"], abs=0.01)
        assert width == pytest.approx((block["last"] - block["first"] + 1) / memory["slots"], abs=0.01)
        assert y == pytest.approx(block["offset"] / arena, abs=0.01)
        assert height == pytest.approx(block["bytes"] / arena, abs=0.01)


def compiled(model: Path, calibration: Path, folder: Path) -> dict[str, Any]:
    options = pipeline.Options(
        model=str(model),
        calibration=str(calibration),
        name="net",
        output=str(folder),
        effort="fast",
        calibration_samples=4,
    )
    pipeline.compile_model(options)
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize("network", ["digits", "vww_mobilenet"])
def test_networks(chromium: str, network: str, tmp_path: Path) -> None:
    data = DIGITS if network == "digits" else DATA / network
    model = data / ("digits.onnx" if network == "digits" else "model.onnx")
    if not model.is_file():
        pytest.skip("the trained networks are missing; pass their folder: make test DATA=DIR")
    found = compiled(model, data / "calib.npy", tmp_path / "out")
    content = (tmp_path / "out" / "report.html").read_bytes()
    assert content == report.html(found)
    backgrounds = {}
    for width, scheme in ((1200, "light"), (400, "dark")):
        answer = ask(chromium, content, tmp_path, width, scheme)
        assert answer["width"] == width and answer["scroll"] <= width
        check_numbers(found, answer)
        backgrounds[scheme] = answer["background"]
    assert backgrounds["light"] > 600 and backgrounds["dark"] < 150


def test_everything_a_report_can_have(chromium: str, hostile: dict[str, Any], tmp_path: Path) -> None:
    """With hostile names, no script runs: the console stays empty and the page is as wide as the window."""
    for width in (400, 1200):
        answer = ask(chromium, report.html(hostile), tmp_path, width, "light")
        assert answer["scroll"] <= width
        assert answer["tiles"]["Time"] == values.time(hostile)
        names = [row["kernel"] for row in answer["rows"]]
        assert "(fallback)" in names[2]
        assert [row["cycles"] for row in answer["rows"]] == [f"{layer['cost']:,}" for layer in hostile["layers"]]
        assert answer["errors"] == [f"{layer['sqnr_db']:.1f} dB" for layer in hostile["layers"]]


def test_the_console_would_be_noticed(chromium: str, tmp_path: Path) -> None:
    bad = b"<!doctype html><body><script>nonsense()</script></body>"
    with pytest.raises(AssertionError, match="nonsense"):
        ask(chromium, bad, tmp_path, 400, "light")
