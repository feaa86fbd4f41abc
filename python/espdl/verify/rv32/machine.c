/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "machine.h"

#include <string.h>

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_READ_BINARY = 1, MODE_WRITE_BINARY = 5 };
enum { APPLICATION_EXIT = 0x20026 };

static uintptr_t open_file(const char *path, uintptr_t mode)
{
    const uintptr_t arguments[] = {(uintptr_t)path, mode, strlen(path)};
    return machine_semihosting(SYS_OPEN, arguments);
}

/* Both calls answer with the number of bytes that they did not move. */
static size_t move(uintptr_t operation, uintptr_t file, const void *data, size_t bytes)
{
    const uintptr_t arguments[] = {file, (uintptr_t)data, bytes};
    size_t left = machine_semihosting(operation, arguments);
    return left > bytes ? 0 : bytes - left;
}

size_t machine_read(void *to, size_t bytes)
{
    static uint8_t s_buffer[16384];
    static size_t s_next, s_end;
    static uintptr_t s_file;
    if (s_file == 0) {
        s_file = open_file("/dev/stdin", MODE_READ_BINARY);
    }
    for (size_t done = 0; done < bytes;) {
        if (s_next == s_end) {
            s_next = 0;
            s_end = move(SYS_READ, s_file, s_buffer, sizeof(s_buffer));
            if (s_end == 0) {
                return done;
            }
        }
        size_t part = s_end - s_next < bytes - done ? s_end - s_next : bytes - done;
        memcpy((uint8_t *)to + done, s_buffer + s_next, part);
        s_next += part;
        done += part;
    }
    return bytes;
}

static void write_file(uintptr_t file, const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        size_t moved = move(SYS_WRITE, file, (const uint8_t *)from + done, bytes - done);
        if (moved == 0) {
            machine_exit(1);
        }
        done += moved;
    }
}

void machine_write(const void *from, size_t bytes)
{
    static uintptr_t s_file;
    if (s_file == 0) {
        s_file = open_file("/dev/stdout", MODE_WRITE_BINARY);
    }
    write_file(s_file, from, bytes);
}

static void write_text(const char *text)
{
    static uintptr_t s_file;
    if (s_file == 0) {
        s_file = open_file("/dev/stderr", MODE_WRITE_BINARY);
    }
    write_file(s_file, text, strlen(text));
}

static void write_number(uint64_t number)
{
    char digits[22];
    char *first = digits + sizeof(digits) - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number != 0);
    *--first = ' ';
    write_text(first);
}

void machine_note(const char *text, uint64_t first, uint64_t second)
{
    write_text(text);
    write_number(first);
    write_number(second);
    write_text("\n");
}

_Noreturn void machine_fail(int code, const char *text)
{
    write_text(text);
    write_text("\n");
    machine_exit(code);
}

_Noreturn void machine_exit(int code)
{
    const uintptr_t arguments[] = {APPLICATION_EXIT, (uintptr_t)code};
    for (;;) {
        machine_semihosting(SYS_EXIT_EXTENDED, arguments);
    }
}

/* How the C library ends a program behind main(). */
_Noreturn void _exit(int code)
{
    machine_exit(code);
}

/* In place of the C library's, which wants signals. */
_Noreturn void abort(void)
{
    machine_fail(134, "aborted");
}
