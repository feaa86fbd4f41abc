/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Four networks on this chip: every byte as the compiler computed it, and what each layer takes. Prints PASS or FAIL. */
#include <stdio.h>
#include <stdlib.h>

#include "ad_autoencoder_test.h"
#include "espdl_profile.h"
#include "ic_resnet8_test.h"
#include "kws_dscnn_test.h"
#include "sdkconfig.h"
#include "vww_mobilenet_test.h"

/* One after the other, so one memory is enough. */
static union {
    ad_autoencoder_arena_t ad_autoencoder;
    ic_resnet8_arena_t ic_resnet8;
    kws_dscnn_arena_t kws_dscnn;
    vww_mobilenet_arena_t vww_mobilenet;
} s_arena;

/* The layers of the network with most of them. */
static espdl_profile_layer_t s_layers[64];
static int s_failures;

static void report(const char *name, espdl_status_t status, const espdl_difference_t *first)
{
    printf("%s: %s\n", name, status == ESPDL_OK ? "every byte as expected" : espdl_status_name(status));
    if (status == ESPDL_DIFFERENT) {
        printf("%s: output %u, value %u is %ld instead of %ld\n", name, (unsigned)first->output, (unsigned)first->element,
               (long)first->got, (long)first->expected);
    }
    s_failures += status != ESPDL_OK;
}

#define RUN(name)                                                                                                        \
    do {                                                                                                                 \
        espdl_log_identity(&name##_model);                                                                               \
        name##_t model;                                                                                                  \
        espdl_difference_t first = {0};                                                                                  \
        espdl_status_t status = name##_init(&model, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof s_arena}); \
        if (status == ESPDL_OK) {                                                                                        \
            status = name##_self_test(&model, &first);                                                                   \
        }                                                                                                                \
        report(#name, status, &first);                                                                                   \
        espdl_profile_t profile;                                                                                         \
        if (status == ESPDL_OK && espdl_profile_attach(&profile, s_layers, 64, &model.base) == ESPDL_OK) {               \
            name##_self_test(&model, &first);                                                                            \
            espdl_profile_print(&profile);                                                                               \
        }                                                                                                                \
    } while (0)

void app_main(void)
{
    RUN(ic_resnet8);
    RUN(kws_dscnn);
    RUN(vww_mobilenet);
    RUN(ad_autoencoder);
    printf("%s\n", s_failures == 0 ? "PASS" : "FAIL");
    fflush(stdout);
#ifdef CONFIG_IDF_TARGET_LINUX
    exit(s_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
#endif
}
