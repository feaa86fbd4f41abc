/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl_image.h"

#include <math.h>
#include <string.h>

#define LARGEST 16384   /* of all sizes: products of two of them fit 31 bits */
#define WEIGHT_BITS 11  /* of a share between two pixels: 255 * 2^22 fits 31 bits */
#define LEVELS 255
#define FRACTION 16     /* bits of `multiplier` and `addend` behind the point */

/* Where an output pixel lies between two of the source. `share` of the second, 0 .. 2^WEIGHT_BITS - 1. */
typedef struct {
    int32_t first, second;
    int32_t share;
} place_t;

static uint8_t clamp_level(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > LEVELS ? LEVELS : value);
}

/* ITU-R BT.601 with all 256 levels, as JPEG has it. */
static void from_yuv(int32_t y, int32_t u, int32_t v, uint8_t rgb[3])
{
    const int32_t half = 1 << 15;
    u -= 128;
    v -= 128;
    rgb[0] = clamp_level(y + ((91881 * v + half) >> 16));
    rgb[1] = clamp_level(y - ((22554 * u + 46802 * v + half) >> 16));
    rgb[2] = clamp_level(y + ((116130 * u + half) >> 16));
}

static void from_rgb565(uint32_t pixel, uint8_t rgb[3])
{
    const uint32_t red = pixel >> 11, green = (pixel >> 5) & 63u, blue = pixel & 31u;
    rgb[0] = (uint8_t)(red << 3 | red >> 2);
    rgb[1] = (uint8_t)(green << 2 | green >> 4);
    rgb[2] = (uint8_t)(blue << 3 | blue >> 2);
}

static uint8_t grey_of(const uint8_t rgb[3])
{
    return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >> 16);
}

/* The levels of a pixel: of red, green and blue, or one where the input is grey. */
static void read_pixel(espdl_image_format_t format, const uint8_t *row, int32_t x, int32_t channels, uint8_t levels[3])
{
    const uint8_t *p;
    switch (format) {
    case ESPDL_IMAGE_GREY:
        levels[0] = levels[1] = levels[2] = row[x];
        return;
    case ESPDL_IMAGE_RGB565_LE:
        p = row + 2 * x;
        from_rgb565(p[0] | (uint32_t)p[1] << 8, levels);
        break;
    case ESPDL_IMAGE_RGB565_BE:
        p = row + 2 * x;
        from_rgb565(p[1] | (uint32_t)p[0] << 8, levels);
        break;
    case ESPDL_IMAGE_RGB888:
        memcpy(levels, row + 3 * x, 3);
        break;
    case ESPDL_IMAGE_BGR888:
        p = row + 3 * x;
        levels[0] = p[2];
        levels[1] = p[1];
        levels[2] = p[0];
        break;
    default: {
        const int32_t is_uyvy = format == ESPDL_IMAGE_UYVY, y_at = 2 * (x & 1) + is_uyvy;
        p = row + 4 * (x >> 1);
        if (channels == 1) {
            levels[0] = p[y_at];
            return;
        }
        from_yuv(p[y_at], p[1 - is_uyvy], p[3 - is_uyvy], levels);
        return;
    }
    }
    if (channels == 1) {
        levels[0] = grey_of(levels);
    }
}

static int32_t row_bytes(espdl_image_format_t format, int32_t width)
{
    switch (format) {
    case ESPDL_IMAGE_GREY:
        return width;
    case ESPDL_IMAGE_RGB888:
    case ESPDL_IMAGE_BGR888:
        return 3 * width;
    default:
        return 2 * width;
    }
}

/* Of output pixel `i` of `size`, in `length` pixels of the source: middles of pixels lie at halves. */
static place_t find(int32_t i, int32_t size, int32_t length, espdl_image_filter_t filter)
{
    const int32_t middle = (2 * i + 1) * length;
    place_t place = {middle / (2 * size), 0, 0};
    place.second = place.first;
    if (filter == ESPDL_IMAGE_NEAREST) {
        return place;
    }
    const int32_t from_first = middle < size ? 0 : middle - size;
    place.first = from_first / (2 * size);
    place.second = place.first + 1;
    place.share = ((from_first % (2 * size)) << WEIGHT_BITS) / (2 * size);
    if (place.second >= length) {
        place.first = place.second = length - 1;
        place.share = 0;
    }
    return place;
}

/* The levels of an output pixel; `rows` are the two rows of the source, their first pixel that of the crop. */
static void sample(espdl_image_format_t format, const uint8_t *const rows[2], int32_t left, place_t x, int32_t share,
                   int32_t channels, uint8_t levels[3])
{
    uint8_t corners[4][3] = {{0}};
    if (x.share == 0 && share == 0) {
        read_pixel(format, rows[0], left + x.first, channels, levels);
        return;
    }
    for (int k = 0; k < 4; k++) {
        read_pixel(format, rows[k >> 1], left + ((k & 1) ? x.second : x.first), channels, corners[k]);
    }
    const int32_t whole = 1 << WEIGHT_BITS;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t above = corners[0][c] * (whole - x.share) + corners[1][c] * x.share;
        const int32_t below = corners[2][c] * (whole - x.share) + corners[3][c] * x.share;
        const int32_t sum = above * (whole - share) + below * share;
        levels[c] = (uint8_t)((sum + (1 << (2 * WEIGHT_BITS - 1))) >> (2 * WEIGHT_BITS));
    }
}

static int64_t limited(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void store(const espdl_image_input_t *input, int32_t channel, uint8_t level, void *values, size_t at)
{
    const int64_t exact = (int64_t)input->multiplier[channel] * level + input->addend[channel];
    const int64_t value = (exact + (1 << (FRACTION - 1))) >> FRACTION;
    switch (input->dtype) {
    case ESPDL_INT8:
        ((int8_t *)values)[at] = (int8_t)limited(value, INT8_MIN, INT8_MAX);
        break;
    case ESPDL_UINT8:
        ((uint8_t *)values)[at] = (uint8_t)limited(value, 0, UINT8_MAX);
        break;
    case ESPDL_INT16:
        ((int16_t *)values)[at] = (int16_t)limited(value, INT16_MIN, INT16_MAX);
        break;
    case ESPDL_UINT16:
        ((uint16_t *)values)[at] = (uint16_t)limited(value, 0, UINT16_MAX);
        break;
    default:
        ((float *)values)[at] = (float)exact * (1.0f / (1 << FRACTION));
    }
}

static bool is_size(int32_t size)
{
    return size >= 1 && size <= LARGEST;
}

static bool is_input(const espdl_image_input_t *input)
{
    return is_size(input->width) && is_size(input->height) && (input->channels == 1 || input->channels == 3);
}

/* Whether frame and crop are what they say; `first` and `last`: the rows of the frame that are needed. */
static bool is_frame(const espdl_image_frame_t *frame, const espdl_image_crop_t *crop, int32_t first, int32_t last)
{
    if ((uint32_t)frame->format > ESPDL_IMAGE_UYVY || !is_size(frame->width) || !is_size(frame->height)) {
        return false;
    }
    const bool in_pairs = frame->format == ESPDL_IMAGE_YUYV || frame->format == ESPDL_IMAGE_UYVY;
    const int32_t row = row_bytes(frame->format, frame->width);
    if ((in_pairs && frame->width % 2 != 0) || (frame->stride != 0 && frame->stride < row)) {
        return false;
    }
    if (crop->x < 0 || crop->y < 0 || !is_size(crop->width) || !is_size(crop->height) ||
        crop->x > frame->width - crop->width || crop->y > frame->height - crop->height) {
        return false;
    }
    const int32_t begin = frame->rows == 0 ? 0 : frame->first_row;
    const int32_t rows = frame->rows == 0 ? frame->height : frame->rows;
    if (begin < 0 || rows < 1 || begin > frame->height - rows || first < begin || last >= begin + rows) {
        return false;
    }
    const size_t stride = (size_t)(frame->stride == 0 ? row : frame->stride);
    return frame->bytes == 0 || frame->bytes >= stride * (size_t)(rows - 1) + (size_t)row;
}

static const uint8_t *row_of(const espdl_image_frame_t *frame, int32_t y)
{
    const int32_t row = row_bytes(frame->format, frame->width);
    const size_t stride = (size_t)(frame->stride == 0 ? row : frame->stride);
    const int32_t begin = frame->rows == 0 ? 0 : frame->first_row;
    return (const uint8_t *)frame->pixels + (size_t)(y - begin) * stride;
}

espdl_status_t espdl_image_features(espdl_image_input_t *input, const espdl_tensor_t *tensor, const float *scales,
                                    const float *offsets, const float mean[3], const float deviation[3])
{
    if (input == NULL || tensor == NULL || scales == NULL || offsets == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (tensor->rank != 4 || tensor->shape[0] != 1) {
        return ESPDL_BAD_IMAGE;
    }
    const int32_t *shape = tensor->shape;
    const bool channels_last = (shape[3] == 1 || shape[3] == 3) && !(shape[1] == 3 && shape[3] == 1);
    espdl_image_input_t made = {
        .height = channels_last ? shape[1] : shape[2],
        .width = channels_last ? shape[2] : shape[3],
        .channels = channels_last ? shape[3] : shape[1],
        .channels_first = !channels_last,
        .dtype = tensor->dtype,
    };
    const bool is_type = made.dtype == ESPDL_INT8 || made.dtype == ESPDL_UINT8 || made.dtype == ESPDL_INT16 ||
                         made.dtype == ESPDL_UINT16 || made.dtype == ESPDL_FLOAT32;
    if (!is_input(&made) || !is_type) {
        return ESPDL_BAD_IMAGE;
    }
    for (int32_t c = 0; c < made.channels; c++) {
        const double divisor = (double)scales[c] * (deviation == NULL ? 1.0 : (double)deviation[c]);
        const double centre = mean == NULL ? 0.0 : (double)mean[c] / (deviation == NULL ? 1.0 : (double)deviation[c]);
        const double multiplier = 65536.0 / divisor;
        const double addend = 65536.0 * (tensor->zero_point - (centre + (double)offsets[c]) / (double)scales[c]);
        const bool fits = multiplier > -2147483647.0 && multiplier < 2147483647.0; /* of a division by 0, none does */
        if (!(fits && addend > -1e15 && addend < 1e15)) {
            return ESPDL_BAD_IMAGE;
        }
        made.multiplier[c] = (int32_t)floor(multiplier + 0.5);
        made.addend[c] = (int64_t)floor(addend + 0.5);
    }
    *input = made;
    return ESPDL_OK;
}

espdl_status_t espdl_image_input(espdl_image_input_t *input, const espdl_tensor_t *tensor, const float mean[3],
                                 const float deviation[3])
{
    if (input == NULL || tensor == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    const float scale = tensor->dtype == ESPDL_FLOAT32 ? 1.0f : tensor->scale;
    const float scales[3] = {scale, scale, scale}, offsets[3] = {0.0f, 0.0f, 0.0f};
    return espdl_image_features(input, tensor, scales, offsets, mean, deviation);
}

int32_t espdl_image_last_row(const espdl_image_crop_t *crop, espdl_image_filter_t filter,
                             const espdl_image_input_t *input, int32_t row)
{
    return crop->y + find(row, input->height, crop->height, filter).second;
}

static espdl_status_t convert(const espdl_image_frame_t *frame, const espdl_image_crop_t *crop,
                              espdl_image_filter_t filter, const espdl_image_input_t *input, int32_t first,
                              int32_t count, void *values)
{
    if (frame == NULL || input == NULL || values == NULL || frame->pixels == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    const espdl_image_crop_t part = crop != NULL ? *crop : (espdl_image_crop_t){0, 0, frame->width, frame->height};
    const bool is_known = filter == ESPDL_IMAGE_NEAREST || filter == ESPDL_IMAGE_BILINEAR;
    if (!is_known || !is_input(input) || first < 0 || count < 1 || first > input->height - count ||
        !is_size(part.height) ||
        !is_frame(frame, &part, part.y + find(first, input->height, part.height, filter).first,
                  part.y + find(first + count - 1, input->height, part.height, filter).second)) {
        return ESPDL_BAD_IMAGE;
    }
    const size_t plane = input->channels_first ? (size_t)count * (size_t)input->width : 1;
    const size_t pixel = input->channels_first ? 1 : (size_t)input->channels;
    size_t at = 0;
    for (int32_t i = first; i < first + count; i++) {
        const place_t y = find(i, input->height, part.height, filter);
        const uint8_t *const rows[2] = {row_of(frame, part.y + y.first), row_of(frame, part.y + y.second)};
        for (int32_t k = 0; k < input->width; k++, at += pixel) {
            uint8_t levels[3];
            const place_t x = find(k, input->width, part.width, filter);
            sample(frame->format, rows, part.x, x, y.share, input->channels, levels);
            for (int32_t c = 0; c < input->channels; c++) {
                const int32_t slot = input->blue_first ? input->channels - 1 - c : c;
                store(input, c, levels[c], values, at + (size_t)slot * plane);
            }
        }
    }
    return ESPDL_OK;
}

espdl_status_t espdl_image_convert(const espdl_image_frame_t *frame, const espdl_image_crop_t *crop,
                                   espdl_image_filter_t filter, const espdl_image_input_t *input, void *values)
{
    return convert(frame, crop, filter, input, 0, input != NULL ? input->height : 0, values);
}

espdl_status_t espdl_image_convert_rows(const espdl_image_frame_t *frame, const espdl_image_crop_t *crop,
                                        espdl_image_filter_t filter, const espdl_image_input_t *input, int32_t first,
                                        int32_t count, void *values)
{
    if (input != NULL && input->channels_first && input->channels > 1) {
        return ESPDL_BAD_IMAGE;
    }
    return convert(frame, crop, filter, input, first, count, values);
}
