/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* esp32-camera. The pins are those of the ESP32-S3-EYE: put your board's in their place. */
#include <stdio.h>

#include "camera.h"
#include "esp_camera.h"

static camera_fb_t *s_taken;

bool camera_start(void)
{
    static const camera_config_t config = {
        .pin_pwdn = -1,
        .pin_reset = -1,
        .pin_xclk = 15,
        .pin_sccb_sda = 4,
        .pin_sccb_scl = 5,
        .pin_d7 = 16,
        .pin_d6 = 17,
        .pin_d5 = 18,
        .pin_d4 = 12,
        .pin_d3 = 10,
        .pin_d2 = 8,
        .pin_d1 = 9,
        .pin_d0 = 11,
        .pin_vsync = 6,
        .pin_href = 7,
        .pin_pclk = 13,
        .xclk_freq_hz = 20000000,
        .ledc_timer = LEDC_TIMER_0,
        .ledc_channel = LEDC_CHANNEL_0,
        .pixel_format = PIXFORMAT_RGB565,
        .frame_size = FRAMESIZE_QVGA,
        .fb_count = 2,
        .fb_location = CAMERA_FB_IN_PSRAM,
        .grab_mode = CAMERA_GRAB_LATEST,
    };
    const esp_err_t error = esp_camera_init(&config);
    if (error != ESP_OK) {
        printf("esp_camera_init: 0x%x; are the pins in camera_esp32.c your board's?\n", (unsigned)error);
    }
    return error == ESP_OK;
}

bool camera_take(espdl_image_frame_t *frame)
{
    s_taken = esp_camera_fb_get();
    if (s_taken == NULL) {
        return false;
    }
    *frame = (espdl_image_frame_t){
        .pixels = s_taken->buf,
        .bytes = s_taken->len,
        .format = ESPDL_IMAGE_RGB565_BE, /* the driver's PIXFORMAT_RGB565 */
        .width = (int32_t)s_taken->width,
        .height = (int32_t)s_taken->height,
    };
    return true;
}

void camera_release(void)
{
    esp_camera_fb_return(s_taken);
}
