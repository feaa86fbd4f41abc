/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* A frame of RGB565, high byte first as a camera's, from a file: its name is in the environment, CAMERA_FILE. */
#include <stdio.h>
#include <stdlib.h>

#include "camera.h"

#define WIDTH 320
#define HEIGHT 240

static uint8_t s_pixels[WIDTH * HEIGHT * 2];
static bool s_is_taken;

bool camera_start(void)
{
    const char *name = getenv("CAMERA_FILE");
    FILE *file = name != NULL ? fopen(name, "rb") : NULL;
    if (file == NULL) {
        printf("Name a file of %d x %d pixels, RGB565: CAMERA_FILE=frame.rgb565\n", WIDTH, HEIGHT);
        return false;
    }
    const size_t got = fread(s_pixels, 1, sizeof s_pixels, file);
    fclose(file);
    if (got != sizeof s_pixels) {
        printf("%s has %zu bytes, a frame has %zu\n", name, got, sizeof s_pixels);
        return false;
    }
    s_is_taken = false;
    return true;
}

bool camera_take(espdl_image_frame_t *frame)
{
    if (s_is_taken) {
        return false;
    }
    s_is_taken = true;
    *frame = (espdl_image_frame_t){
        .pixels = s_pixels, .bytes = sizeof s_pixels, .format = ESPDL_IMAGE_RGB565_BE, .width = WIDTH, .height = HEIGHT};
    return true;
}

void camera_release(void)
{
}
