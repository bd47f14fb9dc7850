/* SPDX-License-Identifier: MIT */
/*
 * One mapping of each piece of memory for all who map it (one_mapping.h).
 */
#include "one_mapping.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "harness.h"
#include "os/os.h"

int real_map(int, size_t, enum os_map_access, void **) __asm__("__real_os_map");
int wrapped_map(int, size_t, enum os_map_access, void **) __asm__("__wrap_os_map");
void real_unmap(void *, size_t) __asm__("__real_os_unmap");
void wrapped_unmap(void *, size_t) __asm__("__wrap_os_unmap");

enum { MAPPINGS = 16 };

static struct mapping {
    void *at;
    ino_t inode;
    int users; // 0: nothing
} mappings[MAPPINGS];

static pthread_mutex_t mappings_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint shared; // so many were given out twice

static struct mapping *find_mapping(const void *at, ino_t inode)
{
    for (int i = 0; i < MAPPINGS; i++)
        if (mappings[i].users > 0 &&
            (mappings[i].at == at || mappings[i].inode == inode))
            return &mappings[i];
    return NULL;
}

static int map_anew(int fd, size_t size, enum os_map_access access, void **out)
{
    struct stat status;
    int i = 0;
    int r = real_map(fd, size, access, out);
    CHECK_INT(fstat(fd, &status), 0);
    while (mappings[i].users > 0)
        CHECK(++i < MAPPINGS);
    if (r >= 0)
        mappings[i] = (struct mapping){*out, status.st_ino, 1};
    return r;
}

// Whoever made it may have closed by now.
int wrapped_map(int fd, size_t size, enum os_map_access access, void **out)
{
    struct stat status;
    int r = 0;
    CHECK_INT(fstat(fd, &status), 0);
    CHECK_INT(pthread_mutex_lock(&mappings_lock), 0);
    struct mapping *mapping = find_mapping(NULL, status.st_ino);
    if (mapping) {
        mapping->users++;
        *out = mapping->at;
        atomic_fetch_add(&shared, 1);
    } else {
        r = map_anew(fd, size, access, out);
    }
    CHECK_INT(pthread_mutex_unlock(&mappings_lock), 0);
    return r;
}

void wrapped_unmap(void *at, size_t size)
{
    CHECK_INT(pthread_mutex_lock(&mappings_lock), 0);
    struct mapping *mapping = find_mapping(at, 0);
    if (!mapping || --mapping->users == 0)
        real_unmap(at, size);
    CHECK_INT(pthread_mutex_unlock(&mappings_lock), 0);
}

unsigned one_mapping_shared(void)
{
    return atomic_load(&shared);
}
