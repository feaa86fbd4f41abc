/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/concat.h"

#include "pie_lines.h"

void espdl_s3_concat(const espdl_concat_params_t *p, const void *a, const void *b, const void *c, const void *d,
                     const void *e, const void *f, const void *g, const void *h, void *y)
{
    const int8_t *parts[8] = {a, b, c, d, e, f, g, h};
    int8_t *to = y;
    uintptr_t sizes = (uintptr_t)y;
    for (int part = 0; part < 8 && p->bytes[part] > 0; part++) {
        sizes |= (uintptr_t)parts[part] | (uintptr_t)p->bytes[part];
    }
    const int32_t unit = unit_of(sizes);
    for (int32_t i = 0; i < p->outer; i++) {
        for (int part = 0; part < 8 && p->bytes[part] > 0; part++) {
            move_line(parts[part], to, p->bytes[part], unit);
            parts[part] += p->bytes[part];
            to += p->bytes[part];
        }
    }
}
