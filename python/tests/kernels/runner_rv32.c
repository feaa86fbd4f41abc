/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* The runner on the bare machine of espdl.verify.rv32. */
#include "machine.h"
#include "runner.h"

int espdl_test_read(void *to, size_t bytes)
{
    return machine_read(to, bytes) == bytes;
}

void espdl_test_write(const void *from, size_t bytes)
{
    machine_write(from, bytes);
}

void espdl_test_flush(void)
{
}
