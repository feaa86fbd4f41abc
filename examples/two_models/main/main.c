/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* One network as int8 and as float32: two models in one program, both run by the same functions. */
#include <stdio.h>
#include <stdlib.h>

#include "exact.h"
#include "quantised.h"
#include "runner.h"

#define PIXELS EXACT_INPUT_IMAGE_COUNT
#define CLASSES EXACT_OUTPUT_SCORES_COUNT

typedef struct {
    uint8_t label;
    uint8_t pixels[PIXELS]; /* 0 (paper) to 16 (ink) */
} digit_t;

extern const digit_t held_out[];
extern const digit_t held_out_end[];

/* The digit's class, or -1 if the run failed. */
static int recognise(runner_t *runner, const digit_t *digit)
{
    float image[PIXELS];
    float scores[CLASSES];
    for (int i = 0; i < PIXELS; i++) {
        image[i] = (float)digit->pixels[i] / 16.0f;
    }
    runner_write(runner, 0, image);
    espdl_status_t status = espdl_run(&runner->instance);
    if (status != ESPDL_OK) {
        printf("espdl_run: %s\n", espdl_status_name(status));
        return -1;
    }
    runner_read(runner, 0, scores);
    int best = 0;
    for (int i = 1; i < CLASSES; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

void app_main(void)
{
    const espdl_model_t *models[] = {&quantised_model, &exact_model};
    runner_t runners[2];
    int correct[2] = {0, 0};
    int agreed = 0;
    int count = (int)(held_out_end - held_out);

    for (int m = 0; m < 2; m++) {
        espdl_status_t status = runner_open(&runners[m], models[m]);
        if (status != ESPDL_OK) {
            printf("%s: %s\n", models[m]->name, espdl_status_name(status));
            return;
        }
    }
    for (int i = 0; i < count; i++) {
        int answers[2];
        for (int m = 0; m < 2; m++) {
            answers[m] = recognise(&runners[m], &held_out[i]);
            correct[m] += answers[m] == held_out[i].label;
        }
        agreed += answers[0] == answers[1];
    }
    for (int m = 0; m < 2; m++) {
        printf("%-9s: %d of %d correct, arena %u bytes, weights %u bytes\n", models[m]->name, correct[m], count,
               (unsigned)models[m]->arena_bytes, (unsigned)models[m]->weights_bytes);
        runner_close(&runners[m]);
    }
    printf("same answer for %d of %d digits\n", agreed, count);

#if !defined(ESP_PLATFORM) || defined(__linux__)
    exit(0); /* on a chip the main task just ends; here the scheduler would run on */
#endif
}

#ifndef ESP_PLATFORM
int main(void)
{
    app_main();
    return EXIT_FAILURE;
}
#endif
