/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl.h"

static float real_value(const espdl_tensor_t *info, const void *data, size_t i)
{
    const float scale = info->scale > 0.0f ? info->scale : 1.0f; /* integers of the model itself are worth 1 */
    switch (info->dtype) {
    case ESPDL_INT8:
        return espdl_dequantize(((const int8_t *)data)[i], scale, info->zero_point);
    case ESPDL_UINT8:
        return espdl_dequantize(((const uint8_t *)data)[i], scale, info->zero_point);
    case ESPDL_INT16:
        return espdl_dequantize(((const int16_t *)data)[i], scale, info->zero_point);
    case ESPDL_UINT16:
        return espdl_dequantize(((const uint16_t *)data)[i], scale, info->zero_point);
    case ESPDL_BOOL:
        return ((const bool *)data)[i] ? 1.0f : 0.0f;
    case ESPDL_INT32:
        return (float)((const int32_t *)data)[i];
    case ESPDL_UINT32:
        return (float)((const uint32_t *)data)[i];
    case ESPDL_INT64:
        return (float)((const int64_t *)data)[i];
    case ESPDL_FLOAT32:
        return ((const float *)data)[i];
    default:
        return (float)((const double *)data)[i];
    }
}

size_t espdl_top_output(const espdl_t *self, size_t index, espdl_top_t *best, size_t count)
{
    const void *data = espdl_output(self, index);
    if (data == NULL || best == NULL) {
        return 0;
    }
    const espdl_tensor_t *info = espdl_output_info(self->model, index);
    size_t values = 1, found = 0;
    for (uint8_t d = 0; d < info->rank; d++) {
        values *= (size_t)info->shape[d];
    }
    for (size_t i = 0; i < values; i++) {
        const float score = real_value(info, data, i);
        size_t place = found;
        while (place > 0 && score > best[place - 1].score) {
            place--;
        }
        if (place >= count || score != score) { /* NaN is no score */
            continue;
        }
        found += found < count;
        for (size_t k = found - 1; k > place; k--) {
            best[k] = best[k - 1];
        }
        best[place] = (espdl_top_t){(int32_t)i, score};
    }
    return found;
}
