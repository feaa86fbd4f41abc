/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * From a camera's frame to a model's input: crop, resize, colours, order of the values, quantisation, in one call.
 *
 *     espdl_image_input_t input;
 *     espdl_image_input(&input, espdl_input_info(&net_model, 0), NULL, NULL);
 *     ...
 *     const espdl_image_frame_t frame = { .pixels = fb->buf, .bytes = fb->len, .format = ESPDL_IMAGE_RGB565_BE,
 *                                         .width = fb->width, .height = fb->height };
 *     status = espdl_image_convert(&frame, NULL, ESPDL_IMAGE_BILINEAR, &input, net_input_image(&net));
 *
 * Integers only, no memory of its own; any number of threads may convert at the same time. Sizes are at most 16384.
 */
#pragma once

#include "espdl.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a frame's pixels are. */
typedef enum {
    ESPDL_IMAGE_GREY = 0,  /**< a byte each */
    ESPDL_IMAGE_RGB565_LE, /**< 16 bits, the low byte first: displays, most software */
    ESPDL_IMAGE_RGB565_BE, /**< 16 bits, the high byte first: esp32-camera */
    ESPDL_IMAGE_RGB888,    /**< three bytes, red first */
    ESPDL_IMAGE_BGR888,    /**< three bytes, blue first: what esp32-camera calls RGB888 */
    ESPDL_IMAGE_YUYV,      /**< YUV422, Y0 U Y1 V for two pixels, all values 0 .. 255 (JPEG): esp32-camera */
    ESPDL_IMAGE_UYVY,      /**< YUV422, U Y0 V Y1 */
} espdl_image_format_t;

/** How pixels between those of the frame are found. */
typedef enum {
    ESPDL_IMAGE_NEAREST = 0, /**< the pixel that the middle of the new one lies in */
    ESPDL_IMAGE_BILINEAR,    /**< between the four whose middles are around it */
} espdl_image_filter_t;

/** A frame as the driver holds it. */
typedef struct {
    const void *pixels;          /**< of the first row that is in memory; any alignment */
    size_t bytes;                /**< that `pixels` has; 0: as many as the rows need */
    espdl_image_format_t format;
    int32_t width, height;       /**< of the whole frame; of YUV422 the width is even */
    int32_t stride;              /**< bytes from one row to the next; 0: no bytes between them */
    int32_t first_row, rows;     /**< which rows are in memory, for a source of lines; 0, 0: all */
} espdl_image_frame_t;

/** A part of a frame. */
typedef struct {
    int32_t x, y, width, height;
} espdl_image_crop_t;

/** How an input stores pixels: level * multiplier / 2^16 + addend / 2^16 for each channel, rounded and saturated. */
typedef struct {
    int32_t width, height;
    int32_t channels;      /**< 1 (grey) or 3 */
    bool channels_first;   /**< a plane for each channel, not a vector for each pixel */
    bool blue_first;       /**< the model was trained on BGR */
    uint8_t dtype;         /**< ESPDL_INT8, _UINT8, _INT16, _UINT16 or _FLOAT32 */
    int32_t multiplier[3];
    int64_t addend[3];
} espdl_image_input_t;

/**
 * How an input stores pixels.
 *
 * @param input      written
 * @param tensor     the input, espdl_input_info(): [1, H, W, C] or [1, C, H, W] with 1 or 3 channels
 * @param mean       what the application takes from the levels (0 .. 255) of red, green and blue before the model sees them,
 *                   as in the training; NULL: nothing. torchvision's 0.485, 0.456, 0.406 are 123.675, 116.28 and 103.53
 * @param deviation  what it divides by then, negative where dark counts as much; NULL: 1
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, or ESPDL_BAD_IMAGE: the tensor is no picture; its features have scales of their own
 *         (espdl_image_features() says them); or a deviation is 0
 */
espdl_status_t espdl_image_input(espdl_image_input_t *input, const espdl_tensor_t *tensor, const float mean[3],
                                 const float deviation[3]);

/**
 * The same for an input with a scale and an offset per channel: the arrays <name>_scales_<input> and <name>_offsets_<input>.
 */
espdl_status_t espdl_image_features(espdl_image_input_t *input, const espdl_tensor_t *tensor, const float *scales,
                                    const float *offsets, const float mean[3], const float deviation[3]);

/**
 * Write a whole input.
 *
 * @param frame   all rows that the crop needs are in memory
 * @param crop    the part of the frame that fills the input; NULL: all of it
 * @param filter  how it is resized
 * @param input   from espdl_image_input()
 * @param values  the input: width * height * channels values of its type
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, or ESPDL_BAD_IMAGE: no such format, a size that is not 1 .. 16384, a stride smaller than
 *         a row, fewer bytes than the rows have (a JPEG?), an odd width in YUV422, a crop that leaves the frame, rows that are
 *         not in memory. Nothing is written then.
 */
espdl_status_t espdl_image_convert(const espdl_image_frame_t *frame, const espdl_image_crop_t *crop,
                                   espdl_image_filter_t filter, const espdl_image_input_t *input, void *values);

/**
 * Write some rows of an input with channels last: for config.on_rows, or while the lines of a frame come.
 *
 * @param first, count  rows of the input
 * @param values        count * width * channels values
 * @return as espdl_image_convert(); ESPDL_BAD_IMAGE also for rows that the input does not have, and for channels first
 */
espdl_status_t espdl_image_convert_rows(const espdl_image_frame_t *frame, const espdl_image_crop_t *crop,
                                        espdl_image_filter_t filter, const espdl_image_input_t *input, int32_t first,
                                        int32_t count, void *values);

/**
 * The last row of the frame that a row of the input needs: a source of lines has it in memory, and the one before.
 *
 * @param crop  the part of the frame, not NULL
 * @param row   of the input
 */
int32_t espdl_image_last_row(const espdl_image_crop_t *crop, espdl_image_filter_t filter, const espdl_image_input_t *input,
                             int32_t row);

#ifdef __cplusplus
}
#endif
