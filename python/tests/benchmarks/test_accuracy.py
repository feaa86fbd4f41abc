# SPDX-License-Identifier: CC0-1.0
"""What the project promises of accuracy, on the trained networks; and that the page shows what was measured."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import accuracy
import pytest

DATA = Path(os.environ.get("ESPDL_DATA") or os.environ.get("DATA") or accuracy.ROOT.parent / "shared" / "benchmarks")
MEASURED = json.loads(accuracy.RESULTS.read_text())
PROMISING = {s.title: s for s in accuracy.SETTINGS if s.sqnr}


def test_measured_results_keep_all_promises() -> None:
    assert set(MEASURED) == {*(s.title for s in accuracy.SETTINGS), accuracy.DEAD_CHANNELS}
    assert all(set(found) == set(accuracy.NETWORKS) for found in MEASURED.values())
    assert accuracy.broken_promises(MEASURED) == []


def test_a_broken_promise_is_found() -> None:
    worse = copy.deepcopy(MEASURED)
    worse["affine, default"]["vww_mobilenet"]["sqnr_db"] = 27.4
    worse["affine, default"]["ic_resnet8"]["agreement"] = 0.934
    worse[accuracy.DEAD_CHANNELS]["vww_mobilenet"]["equal"] = False
    assert len(accuracy.broken_promises(worse)) == 3


def test_the_page_shows_what_was_measured() -> None:
    text = accuracy.PAGE.read_text()
    assert accuracy.with_tables(text, MEASURED) == text


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the trained networks are not here")
@pytest.mark.parametrize(
    ("title", "network"),
    [
        *(("affine, default", network) for network in accuracy.NETWORKS),
        pytest.param("power_of_two, per tensor, half up, default", "kws_dscnn", marks=pytest.mark.sweep),
        ("power_of_two, per tensor, half up, default", "ad_autoencoder"),
        pytest.param("int16x8, default", "kws_dscnn", marks=pytest.mark.sweep),
        ("int16x8, default", "ad_autoencoder"),
    ],
)
def test_networks_keep_the_promises(title: str, network: str) -> None:
    """Those that take seconds, in `make test-all` half a minute; `make accuracy` measures all."""
    measured = accuracy.measure(DATA / network, PROMISING[title])
    assert accuracy.broken_promises({title: {network: measured}}) == []


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the trained networks are not here")
def test_dead_channels_of_a_trained_network_go_without_a_trace() -> None:
    found = accuracy.dead_channels(DATA / "vww_mobilenet")
    assert found["equal"]
    assert found["keep"][0] == 7_489_664
    assert found["remove"][0] < 0.52 * found["keep"][0]
    assert found["remove"][1] < 36_000 < 200_000 < found["keep"][1]
