/*
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "espdl_cores.h"
#include "espdl_profile.h"

#if defined(CONFIG_ESPDL_PROFILE)

#include <inttypes.h>
#include <stdio.h>

#ifdef ESP_PLATFORM
#include "sdkconfig.h"
#endif

/* Differences of the counter are right modulo 2^32: for layers of up to 17 s at 240 MHz, or 4 s in nanoseconds. */
#if defined(ESP_PLATFORM) && !defined(CONFIG_IDF_TARGET_LINUX)

#include "esp_cpu.h"

#define UNIT "cycles"

static uint32_t now(void)
{
    return (uint32_t)esp_cpu_get_cycle_count();
}

#elif defined(__riscv) && !defined(__unix__)

#define UNIT "instructions"

/* csrr instret (0xC02), spelled so that it needs no -march=..._zicsr. */
static uint32_t now(void)
{
    unsigned long count;
    __asm__ volatile(".insn i 0x73, 2, %0, x0, -1022" : "=r"(count));
    return (uint32_t)count;
}

#else

#include <time.h>

#define UNIT "ns"

static uint32_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint32_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

#endif

static bool call_next(const espdl_profile_t *self, const espdl_layer_t *layer, espdl_phase_t phase)
{
    return self->next == NULL || self->next(self->next_user, layer, phase);
}

/* When the last part of a layer has ended. */
static void end_run(espdl_profile_layer_t *entry)
{
    const uint32_t spent = entry->run_spent;
    entry->sum += spent;
    entry->count++;
    entry->least = entry->least < spent ? entry->least : spent;
    entry->most = entry->most > spent ? entry->most : spent;
    entry->parts = entry->run_parts;
}

/* Reads the counter next to the layer: the other hooks are outside. */
static bool on_layer(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    espdl_profile_t *self = user;
    if (phase == ESPDL_LAYER_BEGIN) {
        const bool go_on = call_next(self, layer, phase);
        self->start = now();
        return go_on;
    }
    const uint32_t spent = now() - self->start;
    espdl_profile_layer_t *entry = &self->layers[layer->index];
    if (layer->row == 0) { /* the first part: a run that was cancelled may have left some */
        entry->run_spent = entry->run_parts = 0;
    }
    entry->run_spent += spent;
    entry->run_parts++;
    if (layer->end_row == layer->rows) {
        end_run(entry);
    }
    return call_next(self, layer, phase);
}

espdl_status_t espdl_profile_attach(espdl_profile_t *self, espdl_profile_layer_t *layers, size_t layer_count,
                                    espdl_t *instance)
{
    if (self == NULL || layers == NULL || instance == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (instance->model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    if (layer_count < instance->model->layer_count) {
        return ESPDL_BUFFER_TOO_SMALL;
    }
    for (size_t i = 0; i < layer_count; i++) {
        layers[i] = (espdl_profile_layer_t){.least = UINT32_MAX};
    }
    *self = (espdl_profile_t){
        .model = instance->model,
        .layers = layers,
        .next = instance->on_layer,
        .next_user = instance->user,
        .worker = instance->worker,
    };
    return espdl_set_hook(instance, on_layer, self);
}

/* In decimal. The C libraries of small systems do not print 64 bits. */
static const char *decimal(uint64_t number, char buffer[21])
{
    char *first = buffer + 20;
    *first = '\0';
    do {
        *--first = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number != 0);
    return first;
}

static uint64_t mean_of(const espdl_profile_layer_t *entry)
{
    return entry->count != 0 ? entry->sum / entry->count : 0;
}

static void print_layer(const espdl_profile_t *self, size_t index, uint64_t total)
{
    const espdl_profile_layer_t *entry = &self->layers[index];
    const espdl_layer_t *layer = self->model->layers != NULL ? &self->model->layers[index] : NULL;
    const uint32_t permille = total != 0 ? (uint32_t)(mean_of(entry) * 1000 / total) : 0;
    char mean[21];
    printf("espdl: %4u %10s %10" PRIu32 " %10" PRIu32 " %3" PRIu32 ".%" PRIu32 " %%  %s  %.32s", (unsigned)index,
           decimal(mean_of(entry), mean), entry->least, entry->most, permille / 10, permille % 10,
           layer != NULL ? layer->op : "", layer != NULL ? layer->name : "");
    if (entry->parts > 1) {
        printf("  in %" PRIu32 " stripes", entry->parts);
    }
    printf("\n");
}

static void print_core(const char *who, uint64_t works, uint64_t all, uint32_t runs)
{
    char busy[21], waiting[21];
    printf("espdl: %s: %s " UNIT " a run busy, %s waiting\n", who, decimal(works / runs, busy),
           decimal((all - works) / runs, waiting));
}

/* Its clock is that of the operating system's part (src/cores_port.h), whose unit is the same. */
static void print_cores(const espdl_worker_t *worker)
{
    if (worker->runs != 0) {
        print_core("core of the run", worker->run_ticks - worker->run_waits, worker->run_ticks, worker->runs);
        print_core("other core", worker->works, worker->run_ticks, worker->runs);
    }
}

void espdl_profile_print(const espdl_profile_t *self)
{
    const size_t layer_count = self != NULL && self->model != NULL ? self->model->layer_count : 0;
    if (layer_count == 0 || self->layers[layer_count - 1].count == 0) {
        printf("espdl: no complete run was measured\n");
        return;
    }
    uint64_t total = 0;
    for (size_t i = 0; i < layer_count; i++) {
        total += mean_of(&self->layers[i]);
    }
    char text[21];
    printf("espdl: profile of %s, identity %s, %" PRIu32 " runs, %s " UNIT " a run in layers\n", self->model->name,
           self->model->identity, self->layers[layer_count - 1].count, decimal(total, text));
#if defined(CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ) && !defined(CONFIG_IDF_TARGET_LINUX)
    printf("espdl: %d cycles are 1 us\n", CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ);
#endif
    printf("espdl: layer      mean      least       most   share\n");
    for (size_t i = 0; i < layer_count; i++) {
        print_layer(self, i, total);
    }
    if (self->worker != NULL) {
        print_cores(self->worker);
    }
}

#endif
