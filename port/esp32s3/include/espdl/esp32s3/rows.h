/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** As espdl_copy_words() in espdl_stripes.h; everything is a multiple of 16. */
void espdl_s3_copy_rows(void *to, const void *from, size_t bytes);

#ifdef __cplusplus
}
#endif
