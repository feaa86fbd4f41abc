/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * A firmware with taps whose console is as noisy as one of a real device. Compiled with MODEL_HEADER, MODEL (net_model), ARENA
 * (net_arena_t), INPUT (a string for .incbin: the inputs of all runs), and DUMP (indexes of layers, with commas), if any.
 */
#include MODEL_HEADER

#include <stdio.h>
#include <string.h>

#include "espdl_profile.h"
#include "espdl_taps.h"

#ifndef DUMP_INPUTS
#define DUMP_INPUTS 0
#endif

__asm__(".section .rodata.inputs,\"a\"\n"
        ".globl firmware_inputs, firmware_inputs_end\n"
        "firmware_inputs: .incbin \"" INPUT "\"\n"
        "firmware_inputs_end:\n"
        ".previous\n");
extern const uint8_t firmware_inputs[], firmware_inputs_end[];

static ARENA s_arena;

/* What other tasks print in between: before, behind and inside of lines. */
static bool noise(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    int *count = user;
    if (phase == ESPDL_LAYER_BEGIN) {
        switch ((*count)++ % 4) {
        case 0:
            printf("\033[0;32mI (%d) wifi: state: run -> init (b0)\033[0m\r\n", *count * 37);
            break;
        case 1:
            printf("I (%d) app: heap 123456 * 2 *beef @ 240 MHz @espdl is not a line\n", *count * 37);
            break;
        case 2:
            printf("I (%d) espdl: ", *count * 37); /* a prefix before the next line */
            break;
        default:
            break;
        }
    }
    (void)layer;
    return true;
}

static const uint8_t *s_rows; /* of the one input that comes by rows */

static bool give_rows(void *user, size_t input, size_t first, size_t count, void *rows)
{
    const size_t row = MODEL.inputs[input].bytes / (size_t)MODEL.inputs[input].shape[1];
    memcpy(rows, s_rows + first * row, count * row);
    return user == NULL;
}

int main(void)
{
#ifdef DUMP
    static const uint16_t s_dump[] = {DUMP};
    const espdl_taps_config_t config = {.dump = s_dump, .dump_count = sizeof s_dump / 2, .dump_inputs = DUMP_INPUTS};
#else
    const espdl_taps_config_t config = {.dump_inputs = DUMP_INPUTS};
#endif
    static espdl_taps_t s_taps;
    int count = 0;
    espdl_t net;
    printf("ESP-ROM:esp32c3-api1-20210207\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\n");
    espdl_log_identity(&MODEL);
    const espdl_config_t instance = {
        .arena = &s_arena, .arena_size = sizeof s_arena, .on_layer = noise, .user = &count, .on_rows = give_rows};
    espdl_status_t status = espdl_init(&net, &MODEL, &instance);
    if (status == ESPDL_OK) {
        status = espdl_taps_attach(&s_taps, &net, &config);
    }
    const uint8_t *input = firmware_inputs;
    while (status == ESPDL_OK && input < firmware_inputs_end) {
        for (size_t i = 0; i < MODEL.input_count; i++) {
            if (MODEL.inputs[i].alignment != 0) {
                (void)espdl_set_input(&net, i, input);
            } else if (MODEL.inputs[i].by_rows) {
                s_rows = input;
            } else {
                memcpy(espdl_input(&net, i), input, MODEL.inputs[i].bytes);
            }
            input += MODEL.inputs[i].bytes;
        }
        status = espdl_run(&net);
    }
    printf("I (999) app: %s\n", espdl_status_name(status));
    return status != ESPDL_OK;
}
