/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Stand in for ESP-DL's assembly for the ESP32-P4, which no computer runs: with them, what calls the assembly is tested
 * (ESP-DL's choice of kernels, its walk along borders, our packed filters, biases and shifts). What they do with their
 * arguments is how we read the assembly: vectors of 16 channels first, then the channels left over; half to even.
 */
#include <climits>
#include <cstdlib>

#include "dl_base.hpp"
#include "dl_base_elemwise.hpp"
#include "dl_base_pool2d.hpp"

namespace {

using conv_args_t = dl::base::ArgsType<int8_t>;
using pool_args_t = dl::base::PoolArgsType<int8_t>;
using elementwise_args_t = dl::base::elemwiseArgsType<int8_t>;

constexpr int LANES = 16;

int8_t saturated(int64_t value)
{
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

int64_t shifted(int64_t sum, int shift)
{
    if (sum < INT32_MIN || sum > INT32_MAX || shift < 0 || shift > 31) {
        abort(); // the compiler promised otherwise
    }
    const int64_t floor = sum >> shift;
    const int64_t twice_the_rest = 2 * (sum - floor * ((int64_t)1 << shift));
    const int64_t one = (int64_t)1 << shift;
    return twice_the_rest > one || (twice_the_rest == one && floor % 2 != 0) ? floor + 1 : floor;
}

int8_t result(const conv_args_t &args, int64_t sum, int channel)
{
    const bool per_channel = args.mac_shift == INT_MIN;
    const int64_t value = shifted(sum, per_channel ? args.tie_filter_channel_factor[channel] : args.mac_shift);
    return saturated(args.activation_type == dl::ReLU && value < 0 ? 0 : value);
}

int64_t bias(const conv_args_t &args, int channel)
{
    return static_cast<const int32_t *>(args.bias_element)[channel];
}

const int8_t *tap(const conv_args_t &args, const int8_t *x, int row, int column)
{
    return x + row * args.input_dilation_y_offset + column * args.input_dilation_x_offset;
}

void dense(int8_t *y, int8_t *x, void *arguments)
{
    const conv_args_t &args = *static_cast<const conv_args_t *>(arguments);
    const int8_t *filter = static_cast<const int8_t *>(args.filter_element);
    int n = 0;
    for (; n < args.n_div_x * LANES; n += LANES, filter += args.filter_n_offset) {
        int64_t sums[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            sums[lane] = bias(args, n + lane);
        }
        for (int row = 0; row < args.filter_height; row++, filter += args.filter_y_offset) {
            for (int column = 0; column < args.filter_width; column++) {
                for (int c = 0; c < args.input_channel; c++, filter += LANES) {
                    for (int lane = 0; lane < LANES; lane++) {
                        sums[lane] += tap(args, x, row, column)[c] * filter[lane];
                    }
                }
            }
        }
        for (int lane = 0; lane < LANES; lane++) {
            y[n + lane] = result(args, sums[lane], n + lane);
        }
    }
    filter = static_cast<const int8_t *>(args.filter_element_unaligned);
    for (; n < args.n_div_x * LANES + args.n_remainder; n++, filter += args.filter_n_offset_unaligned) {
        int64_t sum = bias(args, n);
        for (int row = 0; row < args.filter_height; row++, filter += args.filter_y_offset_unaligned) {
            for (int column = 0; column < args.filter_width; column++) {
                for (int c = 0; c < args.input_channel; c++) {
                    sum += tap(args, x, row, column)[c] * *filter++;
                }
            }
        }
        y[n] = result(args, sum, n);
    }
}

// Channels [n, n + lanes) of one pixel; returns where the filter's last row ended.
const int8_t *depthwise_vector(const conv_args_t &args, const int8_t *x, const int8_t *filter, int next_row, int n, int lanes,
                               int8_t *y)
{
    int64_t sums[LANES];
    for (int lane = 0; lane < lanes; lane++) {
        sums[lane] = bias(args, n + lane);
    }
    for (int row = 0; row < args.filter_height; row++, filter += next_row) {
        for (int column = 0; column < args.filter_width; column++, filter += lanes) {
            for (int lane = 0; lane < lanes; lane++) {
                sums[lane] += tap(args, x, row, column)[n + lane] * filter[lane];
            }
        }
    }
    for (int lane = 0; lane < lanes; lane++) {
        y[n + lane] = result(args, sums[lane], n + lane);
    }
    return filter;
}

void depthwise(int8_t *y, int8_t *x, void *arguments)
{
    const conv_args_t &args = *static_cast<const conv_args_t *>(arguments);
    const int8_t *filter = static_cast<const int8_t *>(args.filter_element);
    int n = 0;
    for (; n < args.n_div_x * LANES; n += LANES) {
        filter = depthwise_vector(args, x, filter, args.filter_y_offset - LANES, n, LANES, y) + args.filter_n_offset;
    }
    if (args.c_remainder > 0) {
        filter = static_cast<const int8_t *>(args.filter_element_unaligned);
        depthwise_vector(args, x, filter, args.filter_y_offset_unaligned, n, args.c_remainder, y);
    }
}

void largest(int8_t *y, int8_t *x, void *arguments)
{
    const pool_args_t &args = *static_cast<const pool_args_t *>(arguments);
    for (int c = 0; c < args.input_channel; c++) {
        y[c] = -128;
        for (int row = 0; row < args.filter_height; row++) {
            for (int column = 0; column < args.filter_width; column++) {
                const int8_t value = x[row * args.input_y_offset_bytes + column * args.input_x_offset_bytes + c];
                y[c] = value > y[c] ? value : y[c];
            }
        }
    }
}

} // namespace

#define CONVOLUTION(name, kernel)                               \
    extern "C" void name(int8_t *y, int8_t *x, void *arguments) \
    {                                                           \
        kernel(y, x, arguments);                                \
    }
#define BOTH(name, relu, kernel)     \
    CONVOLUTION(name##_bias, kernel) \
    CONVOLUTION(name##_bias_##relu, kernel)
#define DENSE(size)                                                        \
    BOTH(dl_esp32p4_s8_conv2d_##size, relu, dense)                         \
    BOTH(dl_esp32p4_s8_conv2d_per_channel_##size, relu, dense)             \
    BOTH(dl_esp32p4_s8_unaligned_conv2d_##size, leakyrelu, dense)          \
    BOTH(dl_esp32p4_s8_unaligned_conv2d_per_channel_##size, leakyrelu, dense)
#define DEPTHWISE(size)                                                        \
    BOTH(dl_esp32p4_s8_depthwise_conv2d_##size, relu, depthwise)               \
    BOTH(dl_esp32p4_s8_depthwise_conv2d_per_channel_##size, relu, depthwise)   \
    BOTH(dl_esp32p4_s8_unaligned_depthwise_conv2d_##size, relu, depthwise)     \
    BOTH(dl_esp32p4_s8_unaligned_depthwise_conv2d_per_channel_##size, relu, depthwise)

DENSE(11cn)
DENSE(33cn)
DENSE(hwcn)
DEPTHWISE(33c1)
DEPTHWISE(hwc1)
CONVOLUTION(dl_esp32p4_s8_max_pool2d_22c1, largest)
CONVOLUTION(dl_esp32p4_s8_max_pool2d_hwc1, largest)
CONVOLUTION(dl_esp32p4_s8_unaligned_max_pool2d_22c1, largest)
CONVOLUTION(dl_esp32p4_s8_unaligned_max_pool2d_hwc1, largest)

#define ELEMENTWISE(name, value)                                                        \
    extern "C" void name(int8_t *y, int8_t *a, int8_t *b, void *arguments)              \
    {                                                                                   \
        const elementwise_args_t &args = *static_cast<elementwise_args_t *>(arguments); \
        for (int i = 0; i < args.output_d0; i++) {                                      \
            y[i] = saturated(value);                                                    \
        }                                                                               \
    }

ELEMENTWISE(dl_esp32p4_s8_add2d_11c, a[i] + b[i])
ELEMENTWISE(dl_esp32p4_s8_add_w1_16_w2_16_unaligned, a[i] + b[i])
ELEMENTWISE(dl_esp32p4_s8_mul_w1_16_w2_16, shifted(a[i] * b[i], args.mul_shift))
ELEMENTWISE(dl_esp32p4_s8_mul_w1_16_w2_16_unaligned, shifted(a[i] * b[i], args.mul_shift))

extern "C" void dl_esp32p4_cfg_round(round_mode_t mode)
{
    if (mode != ROUND_MODE_HALF_EVEN) {
        abort();
    }
}
