/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * The kernels of espressif/esp-dl behind functions of C.
 *
 * ESP-DL's forward() builds a struct of arguments from tensors on the heap and hands it to forward_args(). Here the struct is
 * built once, at init, and kept in the state: a run copies it, because kernels change it on their way, and allocates nothing.
 * The modules themselves are empty objects on the stack. One core: the second costs tasks and priorities that a library
 * should not choose.
 */
#include <climits>
#include <new>
#include <vector>

#include "dl_module_add.hpp"
#include "dl_module_conv.hpp"
#include "dl_module_max_pool.hpp"
#include "dl_module_mul.hpp"

#include "espdl/esp_dl/add.h"
#include "espdl/esp_dl/conv2d.h"
#include "espdl/esp_dl/max_pool2d.h"
#include "espdl/esp_dl/mul.h"

// On a computer, tests bring constants that suit the kernels they link.
#if defined(ESP_PLATFORM) && !CONFIG_IDF_TARGET_ESP32S3 && !CONFIG_IDF_TARGET_ESP32P4 && !CONFIG_IDF_TARGET_ESP32S31
#error "the constants are laid out for the kernels of ESP32-S3, ESP32-P4 and ESP32-S31"
#endif

namespace {

using conv_args_t = dl::base::ArgsType<int8_t>;
using pool_args_t = dl::base::PoolArgsType<int8_t>;
using elementwise_args_t = dl::base::elemwiseArgsType<int8_t>;

// The states' sizes are those of the chips, whose pointers have 4 bytes; where they have 8, tests give twice as much.
template <typename args_t>
constexpr bool fits(size_t state)
{
    return sizeof(args_t) <= state * sizeof(void *) / 4;
}

static_assert(fits<conv_args_t>(ESPDL_DL_CONV2D_STATE), "this version of ESP-DL has larger arguments");
static_assert(fits<pool_args_t>(ESPDL_DL_MAX_POOL2D_STATE), "this version of ESP-DL has larger arguments");
static_assert(fits<elementwise_args_t>(ESPDL_DL_ADD_STATE), "this version of ESP-DL has larger arguments");
static_assert(fits<elementwise_args_t>(ESPDL_DL_MUL_STATE), "this version of ESP-DL has larger arguments");

dl::TensorBase tensor(const std::vector<int> &shape, const void *data, int exponent = 0, dl::dtype_t type = dl::DATA_TYPE_INT8)
{
    return dl::TensorBase(shape, data, exponent, type, false);
}

// How far the last window reaches beyond the image.
int pad_behind(int outputs, int stride, int window, int pad_before, int size)
{
    const int behind = (outputs - 1) * stride + window - pad_before - size;
    return behind > 0 ? behind : 0;
}

std::vector<int> conv_pads(const espdl_conv2d_params_t &p)
{
    const int height = (p.kernel_height - 1) * p.dilation_height + 1;
    const int width = (p.kernel_width - 1) * p.dilation_width + 1;
    return {(int)p.pad_top, pad_behind(p.output_height, p.stride_height, height, p.pad_top, p.input_height),
            (int)p.pad_left, pad_behind(p.output_width, p.stride_width, width, p.pad_left, p.input_width)};
}

std::vector<int> pool_pads(const espdl_max_pool2d_params_t &p)
{
    return {(int)p.pad_top, pad_behind(p.output_height, p.stride_height, p.kernel_height, p.pad_top, p.input_height),
            (int)p.pad_left, pad_behind(p.output_width, p.stride_width, p.kernel_width, p.pad_left, p.input_width)};
}

// ESP-DL asks the number of elements, but not the addresses, before it loads whole vectors.
bool is_misaligned(const void *a, const void *b, const void *y)
{
    return (reinterpret_cast<uintptr_t>(a) | reinterpret_cast<uintptr_t>(b) | reinterpret_cast<uintptr_t>(y)) % 16 != 0;
}

// With exponents of 0 for both inputs, a product is shifted by the output's.
void prepare_elementwise(int count, const int8_t *a, const int8_t *b, int8_t *y, int exponent, void *state)
{
    dl::TensorBase first = tensor({count}, a);
    dl::TensorBase second = tensor({count}, b);
    dl::TensorBase result = tensor({count}, y, exponent);
    new (state) elementwise_args_t(
        dl::base::get_elemwise_operation_args<int8_t>(&result, &first, &second, dl::RUNTIME_MODE_SINGLE_CORE)[0]);
}

} // namespace

extern "C" void espdl_dl_conv2d_s8_prepare(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *filter,
                                           const void *bias, const int8_t *shifts, int8_t *y, void *state)
{
    const int last = p->groups > 1 ? 1 : p->output_channels;
    const int depth = p->input_channels;
    dl::TensorBase input = tensor({1, (int)p->input_height, (int)p->input_width, depth}, x);
    dl::TensorBase output = tensor({1, (int)p->output_height, (int)p->output_width, (int)p->output_channels}, y, shifts[0]);
    dl::TensorBase weights = tensor({(int)p->kernel_height, (int)p->kernel_width, depth, last}, filter);
    dl::TensorBase biases = tensor({(int)p->output_channels}, bias, 0, dl::DATA_TYPE_INT32);
    std::vector<int> pads = conv_pads(*p);
    dl::base::ConvOpArgs<int8_t> built(&output, &input, pads, &weights, {(int)p->stride_height, (int)p->stride_width},
                                       {(int)p->dilation_height, (int)p->dilation_width}, p->groups, &biases,
                                       p->activation_min == 0 ? dl::ReLU : dl::Linear, nullptr, dl::RUNTIME_MODE_SINGLE_CORE);
    conv_args_t *args = new (state) conv_args_t(built.get_args(0));
#if CONFIG_PIE_V2_BOOST
    for (int channel = 1; channel < p->output_channels; channel++) {
        if (shifts[channel] != shifts[0]) {
            args->mac_shift = INT_MIN; // ESP-DL's sign for shifts of each channel
            args->tie_filter_channel_factor = const_cast<int8_t *>(shifts);
        }
    }
#else
    (void)args;
#endif
}

extern "C" void espdl_dl_conv2d_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                                   const int8_t *shifts, int8_t *y, void *state)
{
    (void)x, (void)filter, (void)bias, (void)shifts, (void)y;
    conv_args_t args = *static_cast<const conv_args_t *>(state);
    dl::module::Conv conv(dl::Linear, {}, {}, {}, nullptr, p->groups, dl::QUANT_TYPE_SYMM_8BIT);
    conv.forward_args(&args);
}

extern "C" void espdl_dl_add_s8_prepare(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    prepare_elementwise(p->count, a, b, y, 0, state);
}

extern "C" void espdl_dl_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    if (is_misaligned(a, b, y)) {
        espdl_add_shift_s8(p, a, b, y);
        return;
    }
    elementwise_args_t args = *static_cast<const elementwise_args_t *>(state);
    dl::module::Add add(nullptr, dl::MODULE_NON_INPLACE, dl::QUANT_TYPE_SYMM_8BIT);
    add.forward_args(&args);
}

extern "C" void espdl_dl_mul_s8_prepare(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    prepare_elementwise(p->shape[0] * p->shape[1] * p->shape[2] * p->shape[3], a, b, y, p->shift, state);
}

extern "C" void espdl_dl_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    if (is_misaligned(a, b, y)) {
        espdl_mul_s8(p, a, b, y);
        return;
    }
    elementwise_args_t args = *static_cast<const elementwise_args_t *>(state);
    dl::module::Mul mul(nullptr, dl::MODULE_NON_INPLACE, dl::QUANT_TYPE_SYMM_8BIT);
    mul.forward_args(&args);
}

extern "C" void espdl_dl_max_pool2d_s8_prepare(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y, void *state)
{
    dl::TensorBase input = tensor({1, (int)p->input_height, (int)p->input_width, (int)p->channels}, x);
    dl::TensorBase output = tensor({1, (int)p->output_height, (int)p->output_width, (int)p->channels}, y);
    new (state) pool_args_t(dl::base::get_pool_args<int8_t>(
        &output, &input, pool_pads(*p), {(int)p->kernel_height, (int)p->kernel_width},
        {(int)p->stride_height, (int)p->stride_width}, dl::RUNTIME_MODE_SINGLE_CORE)[0]);
}

extern "C" void espdl_dl_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y, void *state)
{
    (void)p, (void)x, (void)y;
    pool_args_t args = *static_cast<const pool_args_t *>(state);
    // Not even the default shapes, which would be on the heap.
    const std::vector<int> none;
    dl::module::MaxPool pool(nullptr, none, none, none, dl::QUANT_TYPE_SYMM_8BIT);
    pool.forward_args(&args);
}
