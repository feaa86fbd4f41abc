# SPDX-License-Identifier: CC0-1.0
"""Every supported float operator, alone in a model, through the fallback, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from fallback_cases import CASES, Case
from fallback_harness import Program

from espdl.partition import tvm_compat
from espdl.partition.fallback import lower

TOLERANCE = 2e-4
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """All cases that can be lowered in one program; and why the others cannot."""
    lowered, errors = {}, {}
    for case in CASES:
        try:
            lowered[case.name] = lower(
                tvm_compat.import_onnx(case.model(), lambda name, operator, error: error), "net_"
            )
        except Exception as error:  # told by the test of the case
            errors[case.name] = error
    return Program(tmp_path_factory.mktemp("operators"), lowered), errors


def expected(case: Case) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        case.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, case.feeds())


def test_the_sweep_is_wide():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 110


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_operator(case: Case, program):
    runner, errors = program
    if case.name in errors:
        raise errors[case.name]
    main = runner.modules[case.name].module["main"]
    feeds = case.feeds()
    results = runner.run(case.name, [feeds[parameter.name] for parameter in main.params])
    references = expected(case)
    assert len(results) == len(references)
    for result, reference in zip(results, references):
        assert result.shape == reference.shape and result.dtype == reference.dtype
        if reference.dtype.kind != "f":
            np.testing.assert_array_equal(result, reference)
        else:
            np.testing.assert_array_equal(np.isnan(result), np.isnan(reference))
            np.testing.assert_allclose(result, reference, rtol=TOLERANCE, atol=TOLERANCE)
