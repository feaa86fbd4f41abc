/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Where frames come from: esp32-camera on chips (camera_esp32.c), a file on computers (camera_file.c). */
#pragma once

#include "espdl_image.h"

/* Ready to take frames; says what is wrong where it is not. */
bool camera_start(void);

/* The next frame, which stays where it is until camera_release(). False: there is none any more, or the camera failed. */
bool camera_take(espdl_image_frame_t *frame);

void camera_release(void);
