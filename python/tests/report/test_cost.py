# SPDX-License-Identifier: CC0-1.0
"""Measured costs in a report: from a chip's profile in a noisy log, and from the rv32 machine."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import hand_made
import pytest

from espdl import report
from espdl.cli import main
from espdl.errors import EspdlError
from espdl.verify import cost, rv32

HEAD = "I (31) espdl: profile of net, identity 0123456789abcdef, 4 runs, 9999 cycles a run in layers\n"


def profile(means: list[int], head: str = HEAD) -> str:
    rows = [
        f"espdl: {i:4} {mean:10} {mean - 1:10} {mean + 5:10}  11.1 %  conv2d  /a b\n" for i, mean in enumerate(means)
    ]
    return head + "espdl: 160 cycles are 1 us\nwifi: noise 3 4 5\nespdl: layer  mean\n" + "I (5) app: x\r\n".join(rows)


def run(*arguments: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["report", *map(str, arguments)])
    return code, out.getvalue(), err.getvalue()


def test_last_profile_of_a_log(sound: dict[str, Any]) -> None:
    means = [100 * i + 7 for i in range(10)]
    other = HEAD.replace("of net", "of other")
    log = profile([1] * 10) + "rst:0x1 (POWERON)\n" + profile(means) + profile([3] * 10, other)
    found = cost.from_log(log, sound, "monitor.txt")
    assert found == cost.Cost(tuple(means), "cycles", "mean of 4 runs, monitor.txt", 160.0)
    in_ns = profile(means, HEAD.replace("cycles a run", "ns a run")).replace("espdl: 160 cycles are 1 us\n", "")
    assert cost.from_log(in_ns, sound, "log").per_microsecond == 1000.0


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("I (1) app: nothing", "there is no profile of 'net'"),
        (profile([1] * 10, HEAD.replace("0123", "4567")), "another model was flashed"),
        (profile([1] * 9), "9 of 10 lines"),
    ],
)
def test_logs_that_are_refused(log: str, words: str, sound: dict[str, Any]) -> None:
    with pytest.raises(EspdlError, match=words):
        cost.from_log(log, sound, "monitor.txt")


def test_command(sound: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(report.to_json(sound))
    (tmp_path / "monitor.txt").write_text(profile([1600] * 10))
    (tmp_path / "errors.json").write_text(json.dumps({"stem": 12.25}))
    added = ("--profile", tmp_path / "monitor.txt", "--errors", tmp_path / "errors.json")
    code, out, err = run(tmp_path, *added, "--html", tmp_path / "a.html", "--json", tmp_path / "a.json")
    assert (code, err) == (0, "")
    assert "one run: 0.100 ms (mean of 4 runs, monitor.txt)" in out and "12.2 dB from the float model" in out
    values = json.loads((tmp_path / "a.json").read_text())
    assert values["cost"]["total"] == 16000 and values["layers"][0]["sqnr_db"] == 12.25
    assert (tmp_path / "a.html").read_bytes() == report.html(values)
    code, _, err = run(tmp_path, tmp_path, *added)
    assert code == 2 and "give one report" in err
    (tmp_path / "errors.json").write_text("[1]")
    code, _, err = run(tmp_path, *added)
    assert code == 1 and "errors" in err and "Remedy" in err
    (tmp_path / "report.json").write_text('{"name": "old"}')
    code, _, err = run(tmp_path)
    assert code == 1 and "no report of this version" in err


def test_measured_on_rv32(sound: dict[str, Any], tmp_path: Path) -> None:
    if rv32.available() is not None:
        pytest.skip(rv32.available())
    hand_made.render(hand_made.residual_network(), layers=False).write(tmp_path)
    (tmp_path / "report.json").write_bytes(report.to_json(sound))
    found = cost.measure(tmp_path, sound)
    assert len(found.layers) == 10 and all(c > 0 for c in found.layers)
    assert found.unit == "instructions" and found.source.startswith("rv32imc, gcc ") and found.per_microsecond is None
    assert 2_000 < found.code_bytes < 30_000
    assert max(found.layers) == found.layers[0]  # the convolution has most of the work
    s3 = {**sound, "layers": [{**layer, "backend": "esp32s3"} for layer in sound["layers"]]}
    with pytest.raises(EspdlError, match="run on that chip only"):
        cost.measure(tmp_path, s3)
    with pytest.raises(EspdlError, match="cannot be read"):
        cost.measure(tmp_path / "nothing", sound)
