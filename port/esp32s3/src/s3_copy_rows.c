/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/rows.h"

#include "pie_moves.h"

void espdl_s3_copy_rows(void *to, const void *from, size_t bytes)
{
    if (bytes > 0) {
        pie_gather(from, to, (int32_t)(bytes / 16), 16);
    }
}
