/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Counts what espdl_init() and espdl_run() take from the heap, by malloc() or by operator new, and prints it at the end.
 *
 * The program is linked with --wrap for both, and the functions of the heap here stand before those of the GNU C library.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "espdl.h"

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

espdl_status_t __real_espdl_init(espdl_t *self, const espdl_model_t *model, const espdl_config_t *config);
espdl_status_t __real_espdl_run(espdl_t *self);

static uint32_t s_taken, s_given, s_in_init, s_in_runs, s_left;

void *malloc(size_t bytes)
{
    s_taken++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    s_taken++;
    return __libc_calloc(count, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    s_taken++;
    return __libc_memalign(alignment, bytes);
}

void free(void *memory)
{
    s_given += memory != NULL;
    __libc_free(memory);
}

espdl_status_t __wrap_espdl_init(espdl_t *self, const espdl_model_t *model, const espdl_config_t *config)
{
    static char buffer[BUFSIZ];
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer)); /* which the layer hook would allocate in the first run */
    const uint32_t taken = s_taken, given = s_given;
    const espdl_status_t status = __real_espdl_init(self, model, config);
    s_in_init += s_taken - taken;
    s_left += (s_taken - taken) - (s_given - given);
    return status;
}

espdl_status_t __wrap_espdl_run(espdl_t *self)
{
    const uint32_t taken = s_taken, given = s_given;
    const espdl_status_t status = __real_espdl_run(self);
    s_in_runs += s_taken - taken;
    s_left += (s_taken - taken) - (s_given - given);
    return status;
}

__attribute__((destructor)) static void print_allocations(void)
{
    fprintf(stderr, "allocations: %u in init, %u in runs, %u not given back\n", (unsigned)s_in_init, (unsigned)s_in_runs,
            (unsigned)s_left);
}
