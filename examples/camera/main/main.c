/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * A digit in front of a camera: the square in the middle of every frame becomes the network's input in one call.
 */
#include <stdio.h>
#include <stdlib.h>

#include "camera.h"
#include "digits.h"
#ifdef ESP_PLATFORM
#include "sdkconfig.h"
#endif

static digits_arena_t s_arena;

/* The network was trained on ink from 0 to 1, the camera sees paper: (level - 255) / -255. */
static const float s_mean[3] = {255.0f, 255.0f, 255.0f};
static const float s_deviation[3] = {-255.0f, -255.0f, -255.0f};

static bool check(const char *what, espdl_status_t status)
{
    if (status != ESPDL_OK) {
        printf("%s: %s\n", what, espdl_status_name(status));
    }
    return status == ESPDL_OK;
}

static bool answer(digits_t *network, const espdl_image_input_t *input, const espdl_image_frame_t *frame)
{
    const int32_t side = frame->width < frame->height ? frame->width : frame->height;
    const espdl_image_crop_t crop = {(frame->width - side) / 2, (frame->height - side) / 2, side, side};
    if (!check("espdl_image_convert", espdl_image_convert(frame, &crop, ESPDL_IMAGE_BILINEAR, input, digits_input_image(network))) ||
        !check("digits_run", digits_run(network))) {
        return false;
    }
    espdl_top_t best[2];
    digits_top_scores(network, best, 2);
    printf("this is a %d (%.0f %%), perhaps a %d (%.0f %%)\n", (int)best[0].index, 100.0 * (double)best[0].score,
           (int)best[1].index, 100.0 * (double)best[1].score);
    return true;
}

/* How many frames went through the network. */
static int run(void)
{
    digits_t network;
    espdl_image_input_t input;
    if (!check("digits_init", digits_init(&network, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof s_arena})) ||
        !check("espdl_image_input", espdl_image_input(&input, espdl_input_info(&digits_model, 0), s_mean, s_deviation))) {
        return 0;
    }
    int frames = 0;
    espdl_image_frame_t frame;
    for (bool ok = camera_start(); ok && camera_take(&frame);) {
        ok = answer(&network, &input, &frame);
        camera_release();
        frames += ok;
    }
    return frames;
}

#ifdef ESP_PLATFORM
void app_main(void)
{
    const int frames = run();
#ifdef CONFIG_IDF_TARGET_LINUX
    exit(frames > 0 ? EXIT_SUCCESS : EXIT_FAILURE); /* on a chip the main task just ends */
#else
    (void)frames;
#endif
}
#else
int main(void)
{
    return run() > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif
