/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* The harness on a machine with an operating system: standard input and output. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

size_t harness_read(void *data, size_t bytes)
{
    return fread(data, 1, bytes, stdin);
}

void harness_write(const void *data, size_t bytes)
{
    if (fwrite(data, 1, bytes, stdout) != bytes) {
        harness_fail(1, "the output stream is closed");
    }
}

_Noreturn void harness_fail(int code, const char *text)
{
    fprintf(stderr, "harness: %s\n", text);
    exit(code);
}

void harness_before_run(void)
{
}

void harness_after_run(void)
{
}

void harness_before_layer(void)
{
}

void harness_after_layer(void)
{
}
