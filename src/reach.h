/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* Which rows of an input rows of an output are made of. */
#pragma once

#include "espdl_stripes.h"

/* The first row that output row `row` is made of. */
static inline int32_t espdl_reach_begin(const espdl_reach_t *reach, int32_t row)
{
    const int32_t place = reach->step * row + reach->first;
    return place <= 0 ? 0 : reach->divisor == 1 ? place : place / reach->divisor;
}

/* One more than the last one, of `rows` that there are. */
static inline int32_t espdl_reach_end(const espdl_reach_t *reach, int32_t row, int32_t rows)
{
    const int32_t place = reach->step * row + reach->last;
    const int32_t end = place < 0 ? 0 : (reach->divisor == 1 ? place : place / reach->divisor) + 1;
    return end < rows ? end : rows;
}
