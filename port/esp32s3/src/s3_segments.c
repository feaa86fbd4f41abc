/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"

void espdl_s3_make_segmented(segmented_t *c, const conv_job_t *j, const espdl_s3_conv2d_params_t *p,
                             const int8_t *weights, const sum_t *sum, const int8_t *other)
{
    const int32_t bits = part_bits(p->shift);
    _Alignas(16) int8_t lanes[16] = {(int8_t)(1 << (bits - p->shift))};
    set_kernel(c, j, weights, p->kernel_height, p->kernel_width);
    c->most_asides = p->parts - 1;
    c->other = other;
    c->aside = j->scratch + j->entry * waiting_windows(j);
    c->list = (pie_segment_t *)(void *)(c->aside + 16 * ESPDL_S3_MOST_PARTS);
    c->mask = c->masks;
    c->mask_tail = c->masks + 32;
    c->rectangle.shift = p->shift;
    c->rectangle.bits = bits;
    if (p->parts > 1) {
        espdl_s3_fill_lanes(c->masks, (1 << bits) - 1);
    }
    if (sum != NULL) {
        espdl_s3_fill_lanes(c->rectangle.start, sum->start);
        lanes[LANE_A] = (int8_t)sum->a_factor;
        lanes[LANE_B] = (int8_t)sum->b_factor;
        c->rectangle.sum_shift = sum->finish.shift;
    }
    ee_vldbc_8_ip(6, &j->finish.low, 0);
    ee_vld_128_ip(7, lanes, 0);
}

/* Where the part ends that has `vectors` vectors of whole segments of `row` bytes in front of its end. */
static inline int32_t part_end(int32_t row, int32_t vectors)
{
    if (row % 16 == 0) {
        return 16 * vectors;
    }
    const int32_t in_row = (row + 15) / 16;
    return vectors / in_row * row + vectors % in_row * 16;
}

int32_t espdl_s3_list_segments(const segmented_t *c, const segments_t *s, const uint8_t *lengths)
{
    pie_segment_t *to = c->list;
    int32_t asides = 0, vectors = 0, end = 0, place = s->first, inner = s->inner;
    for (int32_t rows = s->outer * s->inner; rows > 0; rows--) {
        int32_t left = s->bytes;
        do {
            while (place >= end) {
                const int32_t length = *lengths++;
                vectors += length;
                end = length > 0 ? part_end(c->row, vectors) : INT32_MAX;
                if (to > c->list && to[-1].then == 0) {
                    to[-1].then = 1;
                    asides++;
                }
            }
            const int32_t bytes = left < end - place ? left : end - place;
            *to++ = (pie_segment_t){(bytes - 1) >> 4, ((bytes - 1) & 15) + 1, 0, 0, 0};
            place += bytes;
            left -= bytes;
        } while (left > 0);
        to[-1].x_jump = c->x_inner - s->bytes;
        to[-1].w_jump = c->row - s->bytes;
        if (--inner == 0) {
            inner = s->inner;
            to[-1].x_jump += c->x_outer - inner * c->x_inner;
            to[-1].w_jump += c->column - inner * c->row;
        }
        place += to[-1].w_jump;
        to[-1].w_jump *= 16;
    }
    to[-1].x_jump += c->step - s->outer * c->x_outer;
    to[-1].w_jump = 16 * (s->first - (place - to[-1].w_jump / 16));
    to[-1].then = -1;
    return asides;
}
