/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * conv2d_planar.h for scheme affine.
 */
#pragma once

#include "affine_job.h"
#include "conv2d_planar.h"

/** The band's rows in the parameters of a kernel that takes channels last. */
static inline void set_band(espdl_s3_affine_conv2d_params_t *part, const bands_t *b)
{
    part->output_height = b->part.output_height;
    part->pad_top = b->part.pad_top;
    part->input_height = b->part.input_height;
}
