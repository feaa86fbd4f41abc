/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Kernels that choose code by the parameters of a layer are inline functions: where those are constants, as in
 * generated code, the compiler keeps what the layer takes, and the linker leaves out the rest. What they call is
 * declared `extern`. Here: kernel rows of at most 16 bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESPDL_S3_INLINE inline __attribute__((always_inline))

struct espdl_s3_places;
struct espdl_s3_rectangle;

/** For a rectangle of outputs; see port/esp32s3/src/pie_narrow.h. */
typedef void espdl_s3_narrow_rows_t(const struct espdl_s3_places *at, struct espdl_s3_rectangle *p, int32_t last,
                                    bool masked);

espdl_s3_narrow_rows_t espdl_s3_narrow_rows_2, espdl_s3_narrow_rows_4, espdl_s3_narrow_rows_6, espdl_s3_narrow_rows_8,
    espdl_s3_narrow_rows_10, espdl_s3_narrow_rows_12, espdl_s3_narrow_rows_14, espdl_s3_narrow_rows_16;

/** For kernel rows of `bytes` bytes. */
ESPDL_S3_INLINE espdl_s3_narrow_rows_t *espdl_s3_narrow_rows(int32_t bytes)
{
    return bytes > 14   ? espdl_s3_narrow_rows_16
           : bytes > 12 ? espdl_s3_narrow_rows_14
           : bytes > 10 ? espdl_s3_narrow_rows_12
           : bytes > 8  ? espdl_s3_narrow_rows_10
           : bytes > 6  ? espdl_s3_narrow_rows_8
           : bytes > 4  ? espdl_s3_narrow_rows_6
           : bytes > 2  ? espdl_s3_narrow_rows_4
                        : espdl_s3_narrow_rows_2;
}

#ifdef __cplusplus
}
#endif
