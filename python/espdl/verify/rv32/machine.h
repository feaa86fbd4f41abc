/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A bare rv32 machine under QEMU: the streams of the process that runs QEMU, and the counter of instructions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** Instructions since reset, exact with QEMU's -icount shift=0. */
uint64_t machine_instructions(void);

/** One semihosting operation (RISC-V Semihosting specification); `arguments` and the result depend on it. */
uintptr_t machine_semihosting(uintptr_t operation, const void *arguments);

/** Up to `bytes` bytes from standard input, buffered: as many as asked for, fewer only at the end of the stream. */
size_t machine_read(void *to, size_t bytes);

/** To standard output, not buffered. */
void machine_write(const void *from, size_t bytes);

/** A line to standard error: `text`, then two numbers. */
void machine_note(const char *text, uint64_t first, uint64_t second);

/** A line to standard error, and the end, with this exit code of QEMU. */
_Noreturn void machine_fail(int code, const char *text);

/** The end, with this exit code of QEMU. */
_Noreturn void machine_exit(int code);
