# SPDX-License-Identifier: CC0-1.0
"""ONNX's own node tests, compiled with PRECISION float32 and run in C: a fixed sample in `make test`, all in `make
test-all`, minus those that the list beside this file names with a reason.

What counts is decided by a rule (`onnx_nodes.cases`): every test whose inputs and outputs are float32, int64 or bool
tensors of static shape. Nine of ten of those pass; the list takes nothing out of the count.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from onnx_nodes import cases, exclusions, run

# One of each family, so that a change that breaks a family is seen early.
SAMPLE = (
    "test_abs", "test_add_bcast", "test_affine_grid_2d", "test_argmax_keepdims_example",
    "test_attention_4d_causal_nonpad_batch_prefill", "test_attention_causal_boolmask_nan_robustness",
    "test_averagepool_2d_ceil", "test_batchnorm_epsilon_training_mode", "test_clip_example", "test_concat_3d_axis_1",
    "test_constant", "test_convtranspose_output_shape", "test_dft_irfft",
    "test_depthtospace_crd_mode_example", "test_expand_dim_changed",
    "test_gather_negative_indices", "test_gemm_all_attributes", "test_gru_with_initial_bias", "test_isinf_negative",
    "test_l1normalization_axis_last", "test_layer_normalization_4d_axis2", "test_lstm_bidirectional",
    "test_matmul_4d", "test_maxpool_2d_dilations", "test_mvn", "test_nllloss_NCd1d2_with_weight_reduction_mean",
    "test_onehot_with_negative_axis", "test_pow_bcast_array", "test_reduce_l2_keep_dims_example",
    "test_constant_pad_axes",
    "test_resize_upsample_sizes_cubic", "test_reversesequence_time", "test_scatternd_add", "test_shape",
    "test_slice_neg_steps", "test_softmax_axis_1", "test_split_variable_parts_2d_opset18", "test_stft_with_window",
    "test_tile", "test_top_k_smallest", "test_transpose_default", "test_where_example",
)  # fmt: skip
# The sweep is many tests of some ten cases each: names are not known before ONNX has computed all its cases.
SHARDS = 100


@pytest.mark.parametrize("name", SAMPLE)
def test_sample(name: str, shared_folder: Path) -> None:
    run(cases()[name], shared_folder / "sample")


@pytest.mark.sweep
@pytest.mark.parametrize("shard", range(SHARDS))
def test_all(shard: int, shared_folder: Path) -> None:
    excluded = exclusions()
    wrong, needless = {}, []
    for name in sorted(cases())[shard::SHARDS]:
        try:
            run(cases()[name], shared_folder / "all")
        except Exception as error:  # whatever it is, the other cases are to be seen too
            if name not in excluded:
                wrong[name] = f"{type(error).__name__}: {error}"
        else:
            needless += [name] if name in excluded else []
    assert wrong == {}
    assert needless == [], "these pass: take them off the list"


def test_nine_of_ten_pass() -> None:
    excluded = exclusions()
    assert len(cases()) >= 1200
    assert len(cases()) - len(excluded) >= 0.9 * len(cases())
    assert all(re.search(r"\w+ \w+ \w+", reason) for reason in excluded.values())
