/* SPDX-License-Identifier: MIT */
/*
 * Squares each number of an array that another program has made in shared memory, in
 * place: with bare system calls.  ./squares.py and ./squares.js are such programs.
 *
 * usage: squares-bare /NAME | KEY      a POSIX object, or a System V segment
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t *map_object(const char *name, size_t *size)
{
    struct stat status;
    void *array = MAP_FAILED;
    int fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
    if (fd >= 0 && fstat(fd, &status) == 0) {
        *size = (size_t)status.st_size;
        array = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (fd >= 0)
        close(fd);
    return array == MAP_FAILED ? NULL : array;
}

static uint32_t *attach_segment(const char *key, size_t *size)
{
    struct shmid_ds status;
    int id = shmget((key_t)strtoul(key, NULL, 0), 0, 0);
    if (id < 0 || shmctl(id, IPC_STAT, &status) < 0)
        return NULL;
    void *array = shmat(id, NULL, 0);
    *size = status.shm_segsz;
    return array == (void *)-1 ? NULL : array;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    if (argc != 2)
        return fputs("usage: squares-bare /NAME | KEY\n", stderr), 2;
    uint32_t *array =
        *argv[1] == '/' ? map_object(argv[1], &size) : attach_segment(argv[1], &size);
    if (!array)
        return perror(argv[1]), 1;
    for (size_t i = 0; i < size / sizeof(*array); i++)
        array[i] *= array[i];
    return 0;
}
