/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Reads (float real, float scale, int32 zero point, min, max), writes (int32 quantised, float back). */
#include <stdio.h>

#include "espdl.h"

typedef struct {
    float real, scale;
    int32_t zero_point, min, max;
} case_t;

int main(void)
{
    case_t c;
    while (fread(&c, sizeof(c), 1, stdin) == 1) {
        const int32_t value = espdl_quantize(c.real, c.scale, c.zero_point, c.min, c.max);
        const float back = espdl_dequantize(value, c.scale, c.zero_point);
        fwrite(&value, sizeof(value), 1, stdout);
        fwrite(&back, sizeof(back), 1, stdout);
    }
    return 0;
}
