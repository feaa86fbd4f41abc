/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Reads 360 handwritten digits that the network has never seen, and counts how many it gets right. */
#include <stdio.h>
#include <stdlib.h>

#include "digits.h"

#define PIXELS DIGITS_INPUT_IMAGE_COUNT
#define CLASSES DIGITS_OUTPUT_SCORES_COUNT
#define DRAWN 3

typedef struct {
    uint8_t label;
    uint8_t pixels[PIXELS]; /* 0 (paper) to 16 (ink), 8 rows of 8 */
} digit_t;

extern const digit_t held_out[];
extern const digit_t held_out_end[];

static void draw(const digit_t *digit)
{
    for (int i = 0; i < PIXELS; i++) {
        printf("%c%s", " .:-=+*#@"[digit->pixels[i] / 2], i % 8 == 7 ? "\n" : " ");
    }
}

/* The most probable class, and its probability. */
static int answer_of(const int8_t *scores, float *probability)
{
    int best = 0;
    for (int i = 1; i < CLASSES; i++) {
        if (scores[i] > scores[best]) {
            best = i;
        }
    }
    *probability = digits_dequantize_scores(scores[best]);
    return best;
}

static int recognise(digits_t *net, const digit_t *digit, float *probability)
{
    int8_t *image = digits_input_image(net);
    for (int i = 0; i < PIXELS; i++) {
        image[i] = digits_quantize_image((float)digit->pixels[i] / 16.0f); /* the network was trained on 0 to 1 */
    }
    espdl_status_t status = digits_run(net);
    if (status != ESPDL_OK) {
        printf("digits_run: %s\n", espdl_status_name(status));
        return -1;
    }
    return answer_of(digits_output_scores(net), probability);
}

void app_main(void)
{
    static digits_arena_t arena;
    digits_t net;
    espdl_status_t status = digits_init(&net, &(espdl_config_t){.arena = &arena, .arena_size = sizeof arena});
    if (status != ESPDL_OK) {
        printf("digits_init: %s\n", espdl_status_name(status));
        return;
    }

    int count = (int)(held_out_end - held_out);
    int correct = 0;
    for (int i = 0; i < count; i++) {
        float probability = 0.0f;
        int answer = recognise(&net, &held_out[i], &probability);
        correct += answer == held_out[i].label;
        if (i < DRAWN) {
            draw(&held_out[i]);
            printf("digit %d: this is a %d (%.1f %%)\n\n", i, answer, 100.0 * (double)probability);
        } else if (answer != held_out[i].label) {
            printf("digit %d: answered %d, is a %d\n", i, answer, held_out[i].label);
        }
    }
    printf("%d of %d correct (%.2f %%), arena %d bytes\n", correct, count, 100.0 * correct / count, DIGITS_ARENA_SIZE);

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
