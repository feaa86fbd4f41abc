# SPDX-License-Identifier: CC0-1.0
"""Searches over results that are made up: what is proposed, kept, chosen and said."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tune_fakes
from tune_fakes import FakeRunner, by_rule, measured, request, search

from espdl.errors import EspdlError
from espdl.tune import html, report
from espdl.tune.compute import Computer
from espdl.tune.front import Limits
from espdl.tune.jobs import Result
from espdl.tune.search import Search
from espdl.tune.store import Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tune_fakes.write(tmp_path_factory.mktemp("tune"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def test_equal_seeds_equal_searches_in_whatever_order_jobs_end(folder: Path, tmp_path: Path) -> None:
    texts = []
    for backwards in (False, True):
        runner = FakeRunner(by_rule, backwards=backwards)
        found, _ = search(folder, runner, request(folder, count=48), Store(tmp_path / str(backwards)))
        texts.append(report.to_json(report.make(found)))
        assert found.candidates == 48 == len(runner.jobs) - 1
        assert len({job.key for job in runner.jobs}) == len(runner.jobs)
    assert texts[0] == texts[1]
    other, _ = search(folder, FakeRunner(by_rule), request(folder, count=48, seed=1), Store(tmp_path / "other"))
    assert report.to_json(report.make(other)) != texts[0]


def test_the_best_is_found(folder: Path, store: Store) -> None:
    found, _ = search(folder, FakeRunner(by_rule), request(folder, count=60), store)
    assert max(p.score for p in found.points) == 30.0 + 4 * 3.0 + 1.0
    assert found.chosen.settings["effort"] == "best" and found.chosen.costs["instructions"] == 1000
    assert {p.settings["memory"] for p in found.front} > {"plain"}


def test_an_interrupted_search_goes_on(folder: Path, store: Store) -> None:
    asked = request(folder, count=40)
    first = FakeRunner(by_rule, until=30)
    computer = Computer(store, first)
    broken = Search(asked, computer, lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    assert report.text(report.make(broken.so_far()))
    second = FakeRunner(by_rule)
    found, computer = search(folder, second, asked, Store(store.folder))
    assert {j.key for j in first.jobs}.isdisjoint(j.key for j in second.jobs)
    assert len(first.jobs) + len(second.jobs) == 41 and computer.computed == 11
    whole, _ = search(folder, FakeRunner(by_rule), asked, Store(store.folder.with_name("whole")))
    assert report.make(found) == report.make(whole)


def test_what_is_given_stays(folder: Path, store: Store) -> None:
    asked = request(folder, count=30, scheme="power_of_two", memory="plain", effort="fast")
    found, _ = search(folder, FakeRunner(by_rule), asked, store)
    assert {p.settings.get("scheme", "power_of_two") for p in found.points} == {"power_of_two"}
    assert {p.settings["memory"] for p in found.points} == {"plain"}
    assert not any(p.settings.get("int16") for p in found.points)


def test_a_small_space_ends_the_search(folder: Path, store: Store) -> None:
    asked = request(folder, count=500, scheme="affine", precision="int8", effort="fast", calibration_method="minmax")
    found, _ = search(folder, FakeRunner(by_rule), asked, store)
    assert found.candidates == 4  # dead channels kept or not, flash for faster kernels or not


def test_limits(folder: Path, store: Store) -> None:
    asked = request(folder, count=40, limits=Limits(sqnr_db=35.0, costs={"instructions": 1700}))
    found, _ = search(folder, FakeRunner(by_rule), asked, store)
    assert found.chosen.sqnr_db >= 35.0 and found.chosen.costs["instructions"] <= 1700
    none, _ = search(folder, FakeRunner(by_rule), request(folder, count=40, limits=Limits(sqnr_db=60.0)), store)
    assert none.chosen is None
    assert none.nearest.sqnr_db == max(p.sqnr_db for p in none.points)
    assert "nearest came --" in report.beyond(none) and "wanted at least 60" in report.beyond(none)


def test_candidates_that_cannot_work(folder: Path, store: Store) -> None:
    def answer(options: dict) -> Result:
        failure = {"what": "net.onnx", "why": "no", "remedy": "do"}
        return {"failure": failure} if options["precision"] == "int16x8" else by_rule(options)

    found, _ = search(folder, FakeRunner(answer), request(folder, count=40), store)
    assert found.failures == (("net.onnx: no", sum(c for _, c in found.failures)),) and found.chosen is not None
    assert "cannot work" in report.text(report.make(found))
    with pytest.raises(EspdlError, match="net.onnx: no"):
        search(folder, FakeRunner(answer), request(folder, count=4, precision="int16x8"), store)


def test_a_crash_is_not_kept(folder: Path, store: Store) -> None:
    def answer(options: dict) -> Result:
        crash = {"failure": {"what": "the compiler", "why": "died", "remedy": "do"}, "passing": True}
        return crash if options["effort"] == "best" else by_rule(options)

    asked = request(folder, count=20)
    search(folder, FakeRunner(answer), asked, store)
    again = FakeRunner(by_rule)
    search(folder, again, asked, Store(store.folder))
    assert again.jobs and {job.options["effort"] for job in again.jobs} == {"best"}


def test_costs_that_nobody_knows(folder: Path, store: Store) -> None:
    def answer(options: dict) -> Result:
        return measured(30.0 + len(options["int16"]), None, 400)

    found, _ = search(folder, FakeRunner(answer), request(folder, count=30), store)
    assert (
        found.chosen.score > 30.0 and json.loads(report.to_json(report.make(found)))["default"]["instructions"] is None
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_noisy_metric_never_ends_below_the_default(folder: Path, tmp_path: Path, seed: int) -> None:
    """Nothing is better than the default, and luck is ten times as large as what everything else loses."""
    noise = random.Random(seed)

    def truth(options: dict) -> float:
        return 1.0 - 0.5 * (options["effort"] != "default" or options["calibration_method"] != "minmax")

    def answer(options: dict) -> Result:
        # The default is measured well, so that what is lucky seems better.
        deviation = 0.1 if truth(options) == 1.0 else 2.0
        asked = [truth(options) + noise.gauss(0.0, deviation) for _ in range(options["repeats"])]
        return measured(30.0, 1000, 400, metric=asked)

    (tmp_path / "metric.py").write_text("def metric(*_):\n    return 0.0\n")
    asked = request(folder, count=40, seed=seed, metric=str(tmp_path / "metric.py"), precision="int8")
    found, _ = search(folder, FakeRunner(answer), asked, Store(tmp_path / "cache"))
    assert max(p.score for p in found.points) > found.default.score and found.is_noisy
    assert truth({**found.chosen.settings}) == 1.0


class _Page(HTMLParser):
    """What could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[dict] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag == "script":
            self.scripts.append(found)
        self.loads += [v for k, v in attributes if k in ("src", "href") and v != "data:,"]
        assert not any(key.startswith("on") for key in found)


def test_the_page_needs_nothing_and_runs_nothing_of_a_model(folder: Path, store: Store) -> None:
    hostile = "</script><script>alert(1)</script>;&\x07"
    found, _ = search(folder, FakeRunner(by_rule, nodes=[hostile, "b"]), request(folder, count=30), store)
    text = html.html(report.make(found)).decode()
    page = _Page()
    page.feed(text)
    assert page.loads == [] and [script.get("id") for script in page.scripts] == ["data", None]
    (digest,) = re.findall("script-src 'sha256-([^']+)'", text)
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    assert digest == base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert any(hostile in point["settings"]["int16"] for point in data["front"])


@pytest.mark.parametrize("chip, scheme", [("generic", None), ("esp32s3", None), ("generic", "power_of_two")])
def test_no_candidate_asks_for_what_cannot_be(folder: Path, tmp_path: Path, chip: str, scheme: str | None) -> None:
    """16 bits outside of scheme affine."""
    given = {"scheme": scheme} if scheme else {}
    runner = FakeRunner(by_rule)
    search(folder, runner, request(folder, count=60, chip=chip, **given), Store(tmp_path / "cache"))
    asked = [job.options for job in runner.jobs]
    wide = [options for options in asked if options["int16"] or options["precision"] == "int16x8"]
    assert all(options["scheme"] == "affine" for options in wide) and bool(wide) == (scheme is None)
