/* SPDX-License-Identifier: MIT */
/*
 * A file that a verb writes at its end: a page, a picture.
 *
 * It is opened at the start, so that a wrong path is told before the work, not after.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stdio.h>

struct page {
    const char *path;
    FILE *file; /* NULL: none is wanted */
    bool is_new;
    bool is_begun;
    int error;
};

/* What stands in the file is left alone; NULL for no path.  DONE, or FAILED, said on
 * stderr. */
int page_open(const char *verb, const char *path, struct page *out);

/* The file, empty now, to be written whole; NULL: none is wanted. */
FILE *page_begin(struct page *page);

/* Closes it; one that was made for this and never begun is removed.  DONE, or FAILED,
 * said on stderr. */
int page_close(const char *verb, struct page *page);

#endif
