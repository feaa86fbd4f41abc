/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* printf() of a program on the bare machine: the standard output of the process that runs QEMU. */
#include <stdio.h>

#include "machine.h"

static int put(char character, FILE *file)
{
    static char s_line[256];
    static size_t s_count;
    (void)file;
    s_line[s_count++] = character;
    if (character == '\n' || s_count == sizeof(s_line)) {
        machine_write(s_line, s_count);
        s_count = 0;
    }
    return character;
}

static FILE s_console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &s_console;
