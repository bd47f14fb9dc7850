/* SPDX-License-Identifier: MIT */
/*
 * The environment of this process, environ(7).
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <stdlib.h>
#include <unistd.h>

const char *const *os_environment(void)
{
    static const char *const none[] = {NULL};
    return environ ? (const char *const *)environ : none;
}

const char *os_environment_get(const char *name)
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): as wherry/process.h says
    return getenv(name);
}

const char *os_environment_trusted(const char *name)
{
    return secure_getenv(name);
}

void os_environment_take(const char *name)
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): as wherry/process.h says
    (void)unsetenv(name);
}
