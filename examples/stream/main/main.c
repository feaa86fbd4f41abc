/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * A motor under watch: four moments of acceleration come at a time, and the network says what the motor does in the window
 * of 128 moments that ends with them. It computes what is new, and remembers the rest. The sensor is a recording.
 */
#include <stdio.h>
#include <stdlib.h>

#include "motor.h"
#include "recording.h"

#define HOP MOTOR_INPUT_ACCELERATION_HOP
#define AXES MOTOR_INPUT_ACCELERATION_ROW_COUNT
#define MOMENTS ((int)(sizeof recording / sizeof recording[0]))

static const char *const s_states[MOTOR_OUTPUT_SCORES_COUNT] = {"stands", "runs", "rubs"};

/* What a driver would do: the next moments, as the network stores them. */
static void read_sensor(int moment, int8_t rows[HOP][AXES])
{
    for (int i = 0; i < HOP; i++) {
        for (int axis = 0; axis < AXES; axis++) {
            rows[i][axis] = motor_quantize_acceleration((float)recording[moment + i][axis] / 1000.0f);
        }
    }
}

static int largest(const int8_t *scores)
{
    int best = 0;
    for (int i = 1; i < MOTOR_OUTPUT_SCORES_COUNT; i++) {
        if (scores[i] > scores[best]) {
            best = i;
        }
    }
    return best;
}

/* Prints what the motor does whenever that changes. */
static void watch(motor_t *net)
{
    int last = -1;
    for (int moment = 0; moment + HOP <= MOMENTS; moment += HOP) {
        int8_t rows[HOP][AXES];
        read_sensor(moment, rows);
        espdl_status_t status = motor_push_acceleration(net, rows[0]);
        if (status == ESPDL_OK) {
            status = motor_run(net);
        }
        if (status == ESPDL_FILLING) {
            continue; /* the first window is not full yet */
        }
        const int state = largest(motor_output_scores(net));
        if (status != ESPDL_OK || state != last) {
            printf("moment %4d: %s, it %s\n", moment + HOP, espdl_status_name(status), s_states[state]);
        }
        last = state;
    }
}

void app_main(void)
{
    static motor_arena_t s_arena;
    motor_t net;
    const espdl_status_t status = motor_init(&net, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof s_arena});
    printf("%s: arena %d bytes, a window of %d moments\n", espdl_status_name(status), MOTOR_ARENA_SIZE,
           MOTOR_INPUT_ACCELERATION_COUNT / AXES);
    watch(&net);
    printf("from the beginning\n");
    motor_reset(&net);
    watch(&net);
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
