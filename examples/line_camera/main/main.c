/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Digits from a camera that delivers lines: no picture is in memory, neither the camera's nor the network's. The camera here
 * is an imitation of 32 x 32 pixels; a row of the network's input is made of four of its lines as they come.
 */
#include <stdio.h>
#include <stdlib.h>

#include "digits.h"

#define SIZE 8  /* rows and columns of the input */
#define SCALE 4 /* pixels of the camera for each of its pixels, along both axes */
#define NEVER (-1)

typedef struct {
    uint8_t label;
    uint8_t pixels[SIZE * SIZE]; /* 0 (paper) to 16 (ink) */
} digit_t;

extern const digit_t held_out[];
extern const digit_t held_out_end[];

typedef struct {
    const digit_t *scene;
    int next_line; /* 0 .. SIZE * SCALE - 1 */
    int fails_at;  /* for this example: the line that gets lost, or NEVER */
    uint8_t line[SIZE * SCALE];
} camera_t;

/* Waits for a line: a camera's driver would block here until its DMA is done. Returns false where it got lost. */
static bool read_line(camera_t *camera)
{
    if (camera->next_line == camera->fails_at) {
        return false;
    }
    const uint8_t *pixels = &camera->scene->pixels[camera->next_line / SCALE * SIZE];
    for (int i = 0; i < SIZE * SCALE; i++) {
        camera->line[i] = (uint8_t)(pixels[i / SCALE] * 15);
    }
    camera->next_line++;
    return true;
}

/* A row of the input: the mean of SCALE x SCALE pixels. */
static bool make_row(camera_t *camera, int8_t *row)
{
    int sums[SIZE] = {0};
    for (int i = 0; i < SCALE; i++) {
        if (!read_line(camera)) {
            return false;
        }
        for (int k = 0; k < SIZE * SCALE; k++) {
            sums[k / SCALE] += camera->line[k];
        }
    }
    for (int k = 0; k < SIZE; k++) {
        row[k] = digits_quantize_image((float)sums[k] / (SCALE * SCALE * 16 * 15)); /* it was trained on 0 to 1 */
    }
    return true;
}

/* The run asks for every row once, in order. */
static bool give_rows(void *user, size_t input, size_t first, size_t count, void *rows)
{
    (void)input; /* there is one */
    (void)first; /* the camera is there by itself */
    for (size_t i = 0; i < count; i++) {
        if (!make_row(user, (int8_t *)rows + i * DIGITS_INPUT_IMAGE_ROW_SIZE)) {
            return false;
        }
    }
    return true;
}

static int largest(const int8_t *scores)
{
    int best = 0;
    for (int i = 1; i < DIGITS_OUTPUT_SCORES_COUNT; i++) {
        if (scores[i] > scores[best]) {
            best = i;
        }
    }
    return best;
}

static espdl_status_t look(digits_t *net, camera_t *camera, const digit_t *scene, int fails_at)
{
    camera->scene = scene;
    camera->next_line = 0;
    camera->fails_at = fails_at;
    return digits_run(net);
}

void app_main(void)
{
    static digits_arena_t s_arena;
    static camera_t s_camera;
    const espdl_config_t config = {
        .arena = &s_arena, .arena_size = sizeof s_arena, .on_rows = give_rows, .rows_user = &s_camera};
    digits_t net;
    espdl_status_t status = digits_init(&net, &config);
    int correct = 0;
    const int count = (int)(held_out_end - held_out);
    for (int i = 0; i < count && status == ESPDL_OK; i++) {
        status = look(&net, &s_camera, &held_out[i], NEVER);
        correct += largest(digits_output_scores(&net)) == held_out[i].label;
    }
    printf("%s: %d of %d correct, arena %d bytes\n", espdl_status_name(status), correct, count, DIGITS_ARENA_SIZE);

    printf("line 17 gets lost: %s\n", espdl_status_name(look(&net, &s_camera, held_out, 17)));
    status = look(&net, &s_camera, held_out, NEVER);
    printf("the next picture: %s, a %d\n", espdl_status_name(status), largest(digits_output_scores(&net)));
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
