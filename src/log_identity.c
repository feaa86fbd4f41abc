/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl.h"

#include <stdio.h>

void espdl_log_identity(const espdl_model_t *model)
{
    if (model == NULL || model->magic != ESPDL_MODEL_MAGIC || model->abi_version != ESPDL_ABI_VERSION) {
        printf("espdl: no model\n");
        return;
    }
    printf("espdl: %s, identity %s, %u layers, arena %lu bytes, weights %lu bytes\n", model->name, model->identity,
           (unsigned)model->layer_count, (unsigned long)model->arena_bytes, (unsigned long)model->weights_bytes);
}
