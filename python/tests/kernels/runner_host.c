/*
 * SPDX-License-Identifier: CC0-1.0
 */
#include <stdio.h>

#include "runner.h"

int espdl_test_read(void *to, size_t bytes)
{
    return fread(to, 1, bytes, stdin) == bytes;
}

void espdl_test_write(const void *from, size_t bytes)
{
    fwrite(from, 1, bytes, stdout);
}

void espdl_test_flush(void)
{
    fflush(stdout);
}
