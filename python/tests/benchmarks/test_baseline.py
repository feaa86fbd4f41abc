# SPDX-License-Identifier: CC0-1.0
"""Counts of the networks with random weights stay within 2 % of the stored baseline."""

from __future__ import annotations

import copy
from pathlib import Path

import baseline
import networks
import pytest
from measure import measure

from espdl.verify import rv32

OLD = {"compiler": "1.0", "networks": {"n": {"affine": dict.fromkeys(baseline.BY_PLAN + baseline.BY_COMPILER, 1000)}}}


def changed(key: str, value: int, compiler: str = "1.0") -> tuple[list[str], list[str]]:
    new = copy.deepcopy(OLD)
    new["compiler"] = compiler
    new["networks"]["n"]["affine"][key] = value
    return baseline.compare(OLD, new)


def test_equal_counts_pass() -> None:
    assert baseline.compare(OLD, OLD) == ([], [])


@pytest.mark.parametrize("key", baseline.BY_PLAN + baseline.BY_COMPILER)
def test_growth_by_over_two_percent_is_a_problem(key: str) -> None:
    assert changed(key, 1020) == ([], [])
    problems, _ = changed(key, 1021)
    assert len(problems) == 1 and f"{key} 1,000 -> 1,021" in problems[0]


def test_less_is_a_note() -> None:
    problems, notes = changed("arena_bytes", 900)
    assert not problems and "better" in notes[0]


def test_another_compiler_leaves_the_plan() -> None:
    problems, notes = changed("code_bytes", 5000, compiler="2.0")
    assert not problems and "code_bytes" in notes[0]
    assert changed("arena_bytes", 5000, compiler="2.0")[0]


def test_unknown_network_is_a_problem() -> None:
    assert baseline.compare({"compiler": "1.0", "networks": {}}, OLD)[0]


@pytest.mark.parametrize("network", networks.NETWORKS)
def test_power_of_two_is_as_fast(network: str) -> None:
    """The kernels are the same; some count other instructions for other data (softmax, clamps)."""
    counts = baseline.read()["networks"][network]
    assert counts["power_of_two"]["rv32_instructions"] <= 1.0001 * counts["affine"]["rv32_instructions"]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["affine", pytest.param("power_of_two", marks=pytest.mark.sweep)])
@pytest.mark.parametrize("network", networks.NETWORKS)
def test_no_count_has_grown(network: str, scheme: str, tmp_path: Path) -> None:
    reason = rv32.available()
    if reason is not None:
        pytest.skip(reason)
    data = networks.write(tmp_path / "random", [network]) / network
    measured = measure(data, scheme, tmp_path / "build", rv32_samples=2)
    problems, _ = baseline.compare(baseline.read(), baseline.counts({network: {scheme: measured}}))
    assert not problems
