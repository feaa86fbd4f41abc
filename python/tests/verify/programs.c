/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Two models in one program, and two instances of the first, with their runs interleaved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "first.h"
#include "second.h"

static first_arena_t s_arenas[2];
static second_arena_t s_arena;

static void check(espdl_status_t status)
{
    if (status != ESPDL_OK) {
        fprintf(stderr, "%s\n", espdl_status_name(status));
        exit(1);
    }
}

static void read_input(void *data, size_t bytes)
{
    if (data == NULL || fread(data, 1, bytes, stdin) != bytes) {
        exit(2);
    }
}

int main(void)
{
    first_t first[2];
    second_t second;
    for (int i = 0; i < 2; i++) {
        check(first_init(&first[i], &(espdl_config_t){.arena = &s_arenas[i], .arena_size = sizeof(s_arenas[i])}));
    }
    check(second_init(&second, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof(s_arena)}));
    read_input(first_input_image(&first[0]), FIRST_INPUT_IMAGE_SIZE);
    read_input(first_input_image(&first[1]), FIRST_INPUT_IMAGE_SIZE);
    read_input(second_input_image(&second), SECOND_INPUT_IMAGE_SIZE);
    check(first_run(&first[0]));
    check(second_run(&second));
    check(first_run(&first[1]));
    fwrite(first_output_scores(&first[0]), 1, FIRST_OUTPUT_SCORES_SIZE, stdout);
    fwrite(first_output_scores(&first[1]), 1, FIRST_OUTPUT_SCORES_SIZE, stdout);
    fwrite(second_output_scores(&second), 1, SECOND_OUTPUT_SCORES_SIZE, stdout);
    return 0;
}
