# SPDX-License-Identifier: CC0-1.0
"""What ESP-DL's kernels cannot do exactly is declined at compile time, with a reason."""

from __future__ import annotations

import re
from dataclasses import replace

import layers
import numpy as np
import pytest
from layers import add, conv, mul, pool

from espdl import backends, targets
from espdl.errors import EspdlError
from espdl.ops.operator import Operator
from espdl.targets import Target
from espdl.verify import reference

S3, P4 = layers.TARGETS["esp32s3"], layers.TARGETS["esp32p4"]
AFFINE = targets.select("esp32p4", "esp_dl", "affine")
INFINITE = float("inf")


def small(target: Target, **changes: object) -> Operator:
    return replace(conv(target, 0, (4, 4, 16), 16, (3, 3), pads=(1, 1, 1, 1), largest=20), **changes)


def uneven(target: Target) -> Operator:
    node = small(target)
    return replace(node, weights_scale=np.where(np.arange(16) == 3, 0.5, 1.0) * 2.0**-9)


def grouped() -> Operator:
    node = conv(P4, 0, (4, 4, 16), 16, (1, 1))
    return replace(node, weights=node.weights[:, :, :, :8], groups=2)


DECLINED = {
    "scheme": (P4, lambda: small(P4), "power_of_two", AFFINE),
    "gemm scheme": (P4, lambda: layers.gemm(P4, 0, 2, 16, 16), "power_of_two", AFFINE),
    "ratio": (P4, lambda: small(P4, weights_scale=np.full(16, 0.003)), "no power|is not 2", None),
    "groups": (P4, grouped, "2 groups", None),
    "clamp": (P4, lambda: small(P4, activation=(0.0, 6.0)), re.escape("clamps to 0 .. 12"), None),
    "low clamp": (P4, lambda: small(P4, activation=(-1.0, INFINITE)), re.escape("clamps to -2 .. 127"), None),
    "border": (P4, lambda: conv(P4, 0, (4, 4, 8), 8, (3, 3), pads=(0, 0, 1, 0), zero_points=(-128, 0)), "hold 0", None),
    "odd zero point": (P4, lambda: conv(P4, 0, (4, 4, 8), 8, (1, 1), zero_points=(0, 5)), "5 is odd", None),
    "window": (P4, lambda: conv(P4, 0, (2, 4, 8), 8, (3, 3), pads=(1, 1, 1, 1)), "3 rows of an image of 2", None),
    "dilated window": (
        P4,
        lambda: conv(P4, 0, (9, 4, 8), 8, (1, 3), pads=(0, 1, 0, 1), dilations=(1, 2)),
        "5 columns",
        None,
    ),
    "shifts on S3": (S3, lambda: uneven(S3), "2 different shifts", None),
    "lanes of 20 bits": (S3, lambda: conv(S3, 0, (4, 4, 64), 16, (3, 3)), "20 bits", None),
    "bias of 20 bits": (S3, lambda: small(S3, bias=np.full(16, 2**19 - 1, np.int32)), "20 bits", None),
    "large shift": (
        P4,  # sums around half of the last place: 0 or 1
        lambda: small(P4, weights_scale=np.full(16, 2.0**-26), bias=np.full(16, 2**25, np.int32)),
        "a shift of 26",
        None,
    ),
    "32 bits": (P4, lambda: small(P4, bias=np.full(16, 2**31 - 1, np.int32)), "32 bits", None),
    "add scheme": (P4, lambda: add((1, 16)), "power_of_two", AFFINE),
    "add scales": (P4, lambda: add((1, 16), (0.5, 0.25, 0.5)), "different scales", None),
    "add zero point": (P4, lambda: add((1, 16), zero_point=-128), "zero point", None),
    "add activation": (P4, lambda: add((1, 16), activation=layers.RELU), "activation", None),
    "mul scheme": (P4, lambda: mul((1, 16)), "power_of_two", AFFINE),
    "mul broadcast": (P4, lambda: mul((1, 4, 16), b_shape=(1, 1, 16)), "output's shape", None),
    "mul of few": (P4, lambda: mul((1, 15)), "15 values", None),
    "mul zero point": (P4, lambda: mul((1, 16), zero_point=-128), "zero point", None),
    "mul activation": (P4, lambda: mul((1, 16), activation=layers.RELU), "activation", None),
    "mul left shift": (P4, lambda: mul((1, 16), -1), "a shift of -1", None),
    "mul large shift": (S3, lambda: mul((1, 16), 20), "a shift of 20", None),
    "pool dilation": (P4, lambda: pool((8, 8, 16), (2, 2), (1, 1), dilations=(2, 1)), "dilated", None),
    "pool activation": (P4, lambda: pool((8, 8, 16), (2, 2), (1, 1), activation=layers.RELU), "activation", None),
    "pool window": (P4, lambda: pool((2, 8, 16), (3, 3), (1, 1), (1, 1, 1, 1)), "3 rows", None),
    "pool outside": (P4, lambda: pool((8, 8, 16), (2, 2), (2, 2), (2, 0, 0, 0)), "outside", None),
}


@pytest.mark.parametrize("case", DECLINED)
def test_declined(case: str) -> None:
    target, make, reason, other = DECLINED[case]
    choice = backends.select(make(), other or target)
    assert choice.backend != "esp_dl"
    assert re.match(rf"esp_dl: .*({reason})", choice.declined[0]), choice.declined


def test_what_is_like_it_is_accepted() -> None:
    """The layers that the cases above spoil by one change each."""
    for target in (S3, P4):
        for node in (small(target), add((1, 16)), mul((1, 16)), pool((8, 8, 16), (2, 2), (1, 1))):
            assert backends.select(node, target).backend == "esp_dl"
    assert backends.select(uneven(P4), P4).backend == "esp_dl"
    assert backends.select(conv(P4, 0, (4, 4, 64), 16, (3, 3)), P4).backend == "esp_dl"


def test_limits_of_the_input_prove_more() -> None:
    """Behind a ReLU the same weights leave the lanes of 20 bits less soon."""
    node = conv(S3, 3, (4, 4, 32), 16, (3, 3), largest=30)
    assert "20 bits" in backends.select(node, S3).declined[0]
    (x,) = node.inputs
    assert backends.select(replace(node, inputs=(replace(x, limits=(0, 127)),)), S3).backend == "esp_dl"


def test_pruned_channels_do_not_count() -> None:
    """A channel of zeros may have any scale: its shift becomes one that gives zeros as well."""
    node = small(P4)
    weights, bias = node.weights.copy(), node.bias.copy()
    weights[3], bias[3] = 0, 0
    scale = node.weights_scale.copy()
    scale[3] = 2.0**-31
    call = backends.lower(replace(node, weights=weights, bias=bias, weights_scale=scale), P4)
    assert call.backend == "esp_dl" and call.constant("shift")[3] == 24


def test_channels_of_one_value_have_no_weights() -> None:
    """Weights of next to nothing have a tiny scale: the bias decides alone, with a smaller shift."""
    node = small(P4)
    bias, scale = node.bias.copy(), node.weights_scale.copy()
    bias[3:6], scale[3:6] = (5 << 26, -(7 << 25), 0), 2.0**-28
    node = replace(node, bias=bias, weights_scale=scale)
    portable = targets.select("esp32p4", "portable", "power_of_two")
    plans = [layers.side_by_side([node], target) for target in (P4, portable)]
    assert [plan.calls[0].backend for plan in plans] == ["esp_dl", "portable"]
    assert not plans[0].calls[0].constant("weights")[3:6].any()
    inputs = {name: data[3] for name, data in layers.samples(plans[0]).items()}
    ours, theirs = (reference.run(plan, inputs)["y0"] for plan in plans)
    np.testing.assert_array_equal(ours, theirs)
    assert ours[..., 3].max() == 1


def test_unaligned_channels_are_noted() -> None:
    assert not backends.lower(small(P4), P4).notes
    notes = backends.lower(conv(P4, 0, (4, 4, 3), 16, (1, 1)), P4).notes
    assert "multiple of 16" in notes[0]


def test_targets() -> None:
    assert targets.select("esp32p4").backends == ("esp_dl", "portable", "tvm")
    assert targets.select("esp32p4", "portable").backends == ("portable", "tvm")
    assert targets.select("esp32s3").backends == ("esp32s3", "portable", "tvm")
    assert targets.select("esp32s3", "esp_dl").backends == ("esp_dl", "portable", "tvm")
    with pytest.raises(EspdlError, match="esp32p4, esp32s3 and esp32s31 only"):
        targets.select("esp32c3", "esp_dl")
