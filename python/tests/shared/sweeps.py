# SPDX-License-Identifier: CC0-1.0
"""What `make test` leaves to `make test-all`: of each kind the costly ones, where a cheaper one of the kind stays.

Beginnings of test names; those marked `sweep` where they stand are left to it, too. `make test` may take ten minutes on
two cores: who adds what takes seconds measures with `--durations 40` what it costs.
"""

from __future__ import annotations

LEFT_TO_TEST_ALL = (
    "benchmarks/test_baseline.py::test_no_count_has_grown[ic_resnet8-affine]",
    "benchmarks/test_baseline.py::test_no_count_has_grown[vww_mobilenet-affine]",
    "cmake/test_examples.py::test_line_camera[cmake]",
    "cmake/test_examples.py::test_stream[cmake]",
    "cmake/test_examples.py::test_two_models[cmake]",
    "cmake/test_idf_stand_in.py::test_models_in_two_components",
    "cmake/test_incremental.py::test_calibration_folder",
    "cmake/test_incremental.py::test_calibration[cmake]",
    "cmake/test_incremental.py::test_changed_weights_change_the_answer[stand_in]",
    "cmake/test_incremental.py::test_external_weights[cmake]",
    "cmake/test_incremental.py::test_makefiles",
    "cmake/test_incremental.py::test_options_that_the_compiler_reads[cmake]",
    "cmake/test_incremental.py::test_other_options_cost_nothing[cmake]",
    "cmake/test_incremental.py::test_template[cmake]",
    "cmake/test_incremental.py::test_unchanged_does_nothing[cmake]",
    "cmake/test_memory_options.py::test_as_arguments_and_as_variables",
    "cores/test_cores.py::test_two_cores_give_the_bytes_of_the_reference[generic-threads]",
    "debug/test_cmake.py::test_settings",
    "esp32/test_esp32_networks.py::test_network_takes_few_instructions[ad_autoencoder]",
    "esp32s3/test_instructions.py::test_network_takes_few_instructions[ad_autoencoder]",
    "esp32s3/test_instructions.py::test_network_takes_few_instructions[ic_resnet8]",
    "esp32s3/test_instructions.py::test_network_takes_few_instructions[vww_mobilenet]",
    "esp32s3/test_instructions.py::test_the_report_estimates_shares_within_a_quarter[kws_dscnn-affine]",
    "esp32s3/test_instructions.py::test_the_report_estimates_shares_within_a_quarter[kws_dscnn-power_of_two]",
    "esp32s3/test_instructions.py::test_the_report_estimates_shares_within_a_quarter[mobilenet_v3-affine]",
    "esp32s3/test_instructions.py::test_the_report_estimates_shares_within_a_quarter[temporal_network-affine]",
    "esp32s3/test_instructions.py::test_the_report_estimates_shares_within_a_quarter[transformer_encoder-power_of_two]",
    "esp32s3/test_instructions.py::test_the_report_estimates_shares_within_a_quarter[unet-power_of_two]",
    "esp32s3/test_instructions.py::test_the_report_estimates_shares_within_a_quarter[yolo_head-power_of_two]",
    "esp_dl/test_kernels.py::test_layers_equal_the_reference[esp32p4-sanitized]",
    "export/test_export.py::test_digits_as_c[--chip",
    "export/test_export.py::test_exported_again_nothing_old_stays",
    "inputs/test_non_max_suppression.py::test_through_the_compiler[{'chip'",
    "inputs/test_sensor_types.py::test_other_schemes[uint16-{'precision'",
    "inputs/test_sensor_types.py::test_other_schemes[uint8-{'chip'",
    "operators/test_networks.py::test_network[densenet-affine]",
    "operators/test_networks.py::test_network[mobilenet_v2-affine]",
    "operators/test_networks.py::test_network[mobilenet_v3-power_of_two]",
    "operators/test_networks.py::test_network[shufflenet-affine]",
    "operators/test_networks.py::test_network[tcn-affine]",
    "operators/test_networks.py::test_network[transformer-power_of_two]",
    "operators/test_networks.py::test_network[unet-power_of_two]",
    "operators/test_networks.py::test_network[yolo-affine]",
    "operators/test_recurrent_models.py::test_what_no_kernel_takes_is_taken_apart_and_said[attributes1",
    "pipeline/test_determinism.py::test_output_depends_on_nothing_but_the_input[best]",
    "pipeline/test_input_memory.py::test_a_function_gives_rows[smallest]",
    "pipeline/test_input_memory.py::test_stripes[esp32s3-rows]",
    "pipeline/test_input_memory.py::test_the_answer_is_the_same[two",
    "project/test_environment.py::test_killed_installation_is_completed[lib/",
    "quantize/test_commands.py::test_analyze[options1]",
    "quantize/test_dead_channels.py::test_channel_that_is_off[options1]",
    "quantize/test_dead_channels.py::test_channel_that_is_off[options3]",
    "quantize/test_dead_channels.py::test_constant_goes_into_the_next_bias[options1]",
    "rv32/test_networks.py::test_random_weights[host-vww_mobilenet-power_of_two]",
    "rv32/test_networks.py::test_stripes[host-affine-caller]",
    "streams/test_networks.py::test_a_keyword_network_with_edges_of_the_window_gives_what_whole_windows_give",
    "streams/test_networks.py::test_on_the_emulated_esp32s3_outputs_are_those_of_the_long_input[tcn-power_of_two]",
    "stripes/test_networks.py::test_bytes_that_an_arena_may_have",
    "stripes/test_networks.py::test_small_networks[vww_mobilenet]",
    "tune/test_cluster.py::test_jobs_that_may_not_go_anywhere_go_to_who_joins",
)


def is_left(name: str) -> bool:
    """Whether `make test` leaves out the test of this name, which begins with its folder below tests/."""
    return name.startswith(LEFT_TO_TEST_ALL)
