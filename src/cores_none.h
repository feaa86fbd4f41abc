/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* Where there is no operating system that this component knows: one core computes everything. */
#pragma once

#include "cores_port.h"

espdl_port_start_t espdl_port_start(espdl_worker_t *worker, const espdl_worker_config_t *config)
{
    (void)worker;
    (void)config;
    return ESPDL_PORT_ONE_CORE;
}

void espdl_port_join(espdl_worker_t *worker)
{
    (void)worker;
}

void espdl_port_sleep(espdl_worker_t *worker, int sleeper)
{
    (void)worker;
    (void)sleeper;
}

void espdl_port_wake(espdl_worker_t *worker, int sleeper)
{
    (void)worker;
    (void)sleeper;
}

bool espdl_port_try_lock(espdl_worker_t *worker)
{
    (void)worker;
    return true;
}

void espdl_port_unlock(espdl_worker_t *worker)
{
    (void)worker;
}

uint32_t espdl_port_now(void)
{
    return 0;
}

uint32_t espdl_port_ticks(void)
{
    return 1;
}
