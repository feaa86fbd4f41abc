/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Windows that slide along an axis, without a border in memory: taps outside the image are left out.
 */
#pragma once

#include <stdint.h>

/** Taps `first` .. `first + count - 1` of a kernel. */
typedef struct {
    int32_t first, count;
} taps_t;

/** One axis of a sliding window. `inner` .. `inner_end - 1` are the windows that lie inside the image with all taps. */
typedef struct {
    int32_t size, pad, stride, dilation, taps, windows;
    int32_t inner, inner_end;
} axis_t;

/** Neighbouring windows with the same taps. */
typedef struct {
    int32_t count;
    taps_t taps;
} run_t;

static inline axis_t make_axis(int32_t size, int32_t pad, int32_t stride, int32_t dilation, int32_t taps,
                               int32_t windows)
{
    axis_t a = {size, pad, stride, dilation, taps, windows, 0, 0};
    const int32_t room = size - 1 - (taps - 1) * dilation + pad;
    a.inner = (pad + stride - 1) / stride;
    a.inner = a.inner < windows ? a.inner : windows;
    a.inner_end = room < 0 ? 0 : room / stride + 1;
    a.inner_end = a.inner_end < windows ? a.inner_end : windows;
    a.inner_end = a.inner_end > a.inner ? a.inner_end : a.inner;
    return a;
}

static inline int32_t clamp_index(int32_t index, int32_t end)
{
    return index < 0 ? 0 : index < end ? index : end;
}

/** Makes `some`, which is `all` or some of it, the windows of `all` from `first` on, `most` or as many as there are. */
static __attribute__((noinline, unused)) void take_windows(axis_t *some, const axis_t *all, int32_t first, int32_t most)
{
    some->pad = all->pad - first * all->stride;
    some->windows = clamp_index(all->windows - first, most);
    some->inner = clamp_index(all->inner - first, some->windows);
    some->inner_end = clamp_index(all->inner_end - first, some->windows);
}

/** Where window `index` begins: before 0 in the border. */
static inline int32_t window_start(const axis_t *a, int32_t index)
{
    return index * a->stride - a->pad;
}

/** The taps of window `index` that lie in the image; none: {0, 0}. */
static inline taps_t taps_inside(const axis_t *a, int32_t index)
{
    const int32_t start = window_start(a, index);
    taps_t t = {0, a->taps};
    if (start < 0) {
        t.first = (a->dilation - 1 - start) / a->dilation;
    }
    if (start + (a->taps - 1) * a->dilation >= a->size) {
        t.count = start < a->size ? (a->size - start + a->dilation - 1) / a->dilation : 0;
    }
    t.count -= t.first;
    return t.count > 0 ? t : (taps_t){0, 0};
}

/* Of a border: apart, for one that is not dilated has no two windows with the same taps. */
static __attribute__((noinline, unused)) int32_t count_equal(const axis_t *a, int32_t index)
{
    const taps_t taps = taps_inside(a, index);
    const int32_t end = index < a->inner ? a->inner : a->windows;
    int32_t count = 1;
    for (; index + count < end; count++) {
        const taps_t next = taps_inside(a, index + count);
        if (next.first != taps.first || next.count != taps.count) {
            break;
        }
    }
    return count;
}

/** The windows from `index` on that have the same taps. */
static inline run_t next_run(const axis_t *a, int32_t index)
{
    if (index >= a->inner && a->inner_end > index) {
        return (run_t){a->inner_end - index, {0, a->taps}};
    }
    return (run_t){a->dilation == 1 ? 1 : count_equal(a, index), taps_inside(a, index)};
}
