/* SPDX-License-Identifier: MIT */
/*
 * Squares each number of an array that another program has made in shared memory, in
 * place: with Wherry.  ./squares.py and ./squares.js are such programs.
 *
 * usage: squares-wherry ADDRESS      shm:/NAME, shmv:KEY or file:PATH
 */
#include <stdint.h>
#include <stdio.h>
#include <wherry.h>

static int complain(void)
{
    return fprintf(stderr, "squares: %s\n", wherry_error_text()), 1;
}

int main(int argc, char **argv)
{
    wherry_region *region;
    if (argc != 2)
        return fputs("usage: squares-wherry ADDRESS\n", stderr), 2;
    if (wherry_region_open(argv[1], &region) < 0)
        return complain();
    uint32_t *array = wherry_region_data(region);
    for (size_t i = 0; i < wherry_region_size(region) / sizeof(*array); i++)
        array[i] *= array[i];
    wherry_region_close(region);
    return 0;
}
