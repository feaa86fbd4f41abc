# SPDX-License-Identifier: CC0-1.0
"""The guard pages see every byte too much; networks that need no compiler of models, on them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import guard_pages
import hand_made
import pytest

from espdl.plan.types import Plan

BODY = """\
static void copy_through_scratch(const int8_t *x, const int8_t *table, int8_t *y, uint8_t *scratch)
{
    (void)table;
    (void)scratch;
    for (int i = 0; i < 48; i++) {
        y[i] = x[i];
    }
    %s
}
"""
# An access -> the edge where it shows, and what is said of it.
WRONG = {
    "y[48] = 1;": ("end", "layer 0 touched byte 48 of y, which has 48"),
    "y[-1] = 1;": ("start", "layer 0 touched byte -1 of y, which has 48"),
    "(void)*(const volatile int8_t *)(x + 48);": ("end", "layer 0 touched byte 48 of x, which has 48"),
    "(void)*(const volatile int8_t *)(x - 1);": ("start", "layer 0 touched byte -1 of x, which has 48"),
    "(void)*(const volatile int8_t *)(table + 256);": (
        "end",
        "layer 0 touched byte 256 of constant 0 of layer 0, which has 256",
    ),
    "(void)*(const volatile int8_t *)(table - 1);": (
        "start",
        "layer 0 touched byte -1 of constant 0 of layer 0, which has 256",
    ),
    "*(int8_t *)(uintptr_t)table = 1;": ("end", "layer 0 touched byte 0 of constant 0 of layer 0, which has 256"),
    "scratch[48] = 1;": ("end", "layer 0 touched byte 48 of the scratch of layer 0, which has 48"),
    "y[100] = 1;": ("start", "layer 0 wrote byte 100 of y, which has 48"),
    "y[-100] = 1;": ("end", "layer 0 wrote byte -100 of y, which has 48"),
    "*(int8_t *)(uintptr_t)x = (int8_t)(x[0] + 1);": ("end", "layer 0 wrote byte 0 of x, which has 48"),
}


def network(statement: str) -> Plan:
    """x to y, unchanged, and then something that no kernel may do."""
    plan = hand_made.scratch_network()
    call = dataclasses.replace(plan.calls[0], packing="plain")
    return dataclasses.replace(plan, calls=(call,), functions={"copy_through_scratch": BODY % statement})


def test_the_network_is_right_without_it(build_root: Path) -> None:
    plan = network("")
    guard_pages.check(plan, hand_made.samples(plan, 3), build_root / "right")


@pytest.mark.parametrize("statement", WRONG)
def test_a_byte_too_much_is_seen(build_root: Path, statement: str) -> None:
    edge, message = WRONG[statement]
    folder = build_root / f"wrong{list(WRONG).index(statement)}"
    wrong = guard_pages.build(network(statement), edge, folder)
    with pytest.raises(RuntimeError, match=f"{message}$"):
        wrong.run(hand_made.samples(wrong.plan, 1))


def test_parts_of_one_buffer_are_apart(build_root: Path) -> None:
    """A kernel that writes a part of a concatenation and runs into the next is seen, whoever writes that later."""
    plan = network("y[48] = 1;")
    whole = dataclasses.replace(plan.tensor("y"), name="whole", shape=(1, 96))
    part = dataclasses.replace(plan.tensor("y"), alias_of="whole")
    plan = dataclasses.replace(plan, tensors=(plan.tensor("x"), whole, part))
    wrong = guard_pages.build(plan, "end", build_root / "parts")
    with pytest.raises(RuntimeError, match="layer 0 wrote byte 48 of whole, which has 96$"):
        wrong.run(hand_made.samples(plan, 1))


@pytest.mark.parametrize("channels", [1, 4, 7, 8])
def test_hand_made_networks(build_root: Path, channels: int) -> None:
    plan = hand_made.residual_network(channels=channels)
    guard_pages.check(plan, hand_made.samples(plan, 3), build_root / f"residual{channels}")
