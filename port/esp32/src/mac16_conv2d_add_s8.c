/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/conv2d.h"

/* Adds to the residual what the convolution made of a tile at the beginning of `conv`. */
static void add_tile(const espdl_mac16_conv2d_add_params_t *p, const espdl_mac16_conv2d_params_t *tile, const int8_t *conv,
                     const int8_t *residual, int8_t *y)
{
    const int32_t line = p->conv.output_width * p->conv.output_channels;
    espdl_add_params_t add = p->add;
    add.count = tile->output_width * tile->output_channels;
    for (int32_t row = 0; row < tile->output_height; row++, conv += add.count, residual += line, y += line) {
        (tile->rounding == ESPDL_ROUND_TFLITE ? espdl_add_s8 : espdl_add_shift_s8)(&add, conv, residual, y);
    }
}

void espdl_mac16_conv2d_add_s8(const espdl_mac16_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                               const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    int8_t *const made = scratch; /* first, so that what the convolution needs behind it may have any size */
    int8_t *const rest = made + ((p->add.count + 3) & ~3);
    espdl_mac16_conv2d_params_t tile = p->conv;
    for (int32_t row = 0; row < p->conv.output_height; row += tile.output_height) {
        const int32_t rows = p->conv.output_height - row;
        tile.output_height = rows < tile.tile_rows ? rows : tile.tile_rows;
        tile.pad_top = p->conv.pad_top - row * tile.stride_height;
        for (int32_t column = 0; column < p->conv.output_width; column += tile.output_width) {
            const int32_t columns = p->conv.output_width - column;
            tile.output_width = columns < tile.tile_columns ? columns : tile.tile_columns;
            tile.pad_left = p->conv.pad_left - column * tile.stride_width;
            espdl_mac16_conv2d_s8(&tile, x, weights, channels, made, rest);
            const int32_t place = (row * p->conv.output_width + column) * tile.output_channels;
            add_tile(p, &tile, made, residual + place, y + place);
        }
    }
}
