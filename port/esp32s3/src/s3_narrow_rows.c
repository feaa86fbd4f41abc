/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_narrow.h"
#include "pie_narrow.h"

/* For callers whose parameters the compiler does not know. */
extern espdl_s3_narrow_rows_t *espdl_s3_narrow_rows(int32_t bytes);

/*
 * A function of its own for each number of lanes: programs have those that their layers take. Written out, because
 * `espdl export` finds by their text which files define what a program names.
 */
#define ROWS(lanes)                                                                                                    \
    if (masked) {                                                                                                      \
        pie_rectangle_narrow(lanes, true, *at, p, last);                                                               \
    } else {                                                                                                           \
        pie_rectangle_narrow(lanes, false, *at, p, last);                                                              \
    }

void espdl_s3_narrow_rows_2(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(2)
}

void espdl_s3_narrow_rows_4(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(4)
}

void espdl_s3_narrow_rows_6(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(6)
}

void espdl_s3_narrow_rows_8(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(8)
}

void espdl_s3_narrow_rows_10(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(10)
}

void espdl_s3_narrow_rows_12(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(12)
}

void espdl_s3_narrow_rows_14(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(14)
}

void espdl_s3_narrow_rows_16(const pie_places_t *at, pie_rectangle_t *p, int32_t last, bool masked)
{
    ROWS(16)
}
