/* SPDX-License-Identifier: MIT */
/*
 * Cells: numbers that processes share, with a lock.
 *
 *     wherry_cells *counts;
 *     int64_t now;
 *     int r = wherry_cells_open(region, 0, WHERRY_CELL_INT64, 10, &counts);
 *     if (r >= 0)
 *         r = wherry_cells_add(counts, 3, 1, &now, wherry_after(1000));
 *
 * Cells are an array of one type at an offset of a region, made of zeros by whoever
 * opens it first.  What one call does is one step: nobody sees half of it.  Several as
 * one step: take wherry_cells_lock, use wherry_cells_data, give it.
 *
 * When a process has died in the middle, the next call of anybody is -EOWNERDEAD: it
 * has done nothing and holds the lock.  Put right what stands in wherry_cells_data,
 * call wherry_cells_recover, and call again.
 *
 * The values begin WHERRY_CELLS_DATA bytes after the offset, one behind the other in
 * the machine's own byte order, for a memoryview of Python, a typed array of Node, or
 * whoever else has the region; but they do not see the lock.
 *
 * All that wherry/lock.h says of locks holds here: who can share them, fork(2), how
 * long memory stays mapped.
 *
 * Threads: any thread may call anything here but wherry_cells_close, which comes when
 * no other thread is inside.
 */
#ifndef WHERRY_CELLS_H
#define WHERRY_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/deadline.h>
#include <wherry/export.h>
#include <wherry/lock.h>
#include <wherry/region.h>

WHERRY_BEGIN

typedef struct wherry_cells wherry_cells;

/* What a cell is. */
enum wherry_cell {
    WHERRY_CELL_INT8 = 1,
    WHERRY_CELL_UINT8,
    WHERRY_CELL_INT16,
    WHERRY_CELL_UINT16,
    WHERRY_CELL_INT32,
    WHERRY_CELL_UINT32,
    WHERRY_CELL_INT64,
    WHERRY_CELL_UINT64,
    WHERRY_CELL_DOUBLE
};

/* So many bytes, from 1 to 16777215: a structure, a text. */
#define WHERRY_CELL_BYTES(size) (0x1000000u | (uint32_t)(size))

/* From the offset of cells to their first value. */
#define WHERRY_CELLS_DATA 192

/* The bytes of a region that cells take, from their offset on; 0: there are no such
 * cells. */
WHERRY_EXPORT uint64_t wherry_cells_room(uint32_t type, uint64_t count);

/* Opens the cells at an offset of a region, a multiple of WHERRY_LOCK_ALIGNED, and
 * makes them where there are zeros.  `type` is an enum wherry_cell, or
 * WHERRY_CELL_BYTES(…); `count`: at most 4294967295; 0: as many as there are.
 * Errors: -EINVAL (no such type, the offset), -ERANGE (they are not within the region),
 * -ENOENT (`count` is 0 and there are none), -EEXIST (something else is there), -EPROTO
 * (their type or count is another: the sentence has both); and as wherry_lock_open. */
WHERRY_EXPORT int wherry_cells_open(wherry_region *, uint64_t offset, uint32_t type,
                                    uint64_t count, wherry_cells **out);

/* Copies cells out, `size` bytes from the cell `first` on: one, some, or all.
 * Errors: -EINVAL (`size` is not that of any number of cells), -ERANGE (there are not
 * so many); and as wherry_lock_take: after -EOWNERDEAD the lock is held. */
WHERRY_EXPORT int wherry_cells_get(wherry_cells *, uint64_t first, void *out,
                                   size_t size, wherry_deadline);

/* Copies values in, as wherry_cells_get copies them out.  Errors: the same. */
WHERRY_EXPORT int wherry_cells_set(wherry_cells *, uint64_t first, const void *values,
                                   size_t size, wherry_deadline);

/* Adds to a whole number, and tells what it is now; `now` may be NULL.  Of an UINT64
 * it has the same bits.
 * Errors: -EINVAL (these are no whole numbers), -ERANGE (there is no such cell),
 * -EOVERFLOW (the type has no such number: nothing is changed); and as
 * wherry_lock_take: after -EOWNERDEAD the lock is held. */
WHERRY_EXPORT int wherry_cells_add(wherry_cells *, uint64_t index, int64_t amount,
                                   int64_t *now, wherry_deadline);

/* The same to a double.  Errors: as wherry_cells_add, but for -EOVERFLOW. */
WHERRY_EXPORT int wherry_cells_add_double(wherry_cells *, uint64_t index, double amount,
                                          double *now, wherry_deadline);

/* After -EOWNERDEAD: what stands there is right again; gives the lock back.
 * Errors: as wherry_lock_recover. */
WHERRY_EXPORT int wherry_cells_recover(wherry_cells *);

/* Their lock, borrowed: for several steps as one.  With it held, what is above is
 * -EDEADLK. */
WHERRY_EXPORT wherry_lock *wherry_cells_lock(const wherry_cells *);

/* Their values, borrowed until they are closed; aligned to 64 bytes. */
WHERRY_EXPORT void *wherry_cells_data(const wherry_cells *);

/* How many there are. */
WHERRY_EXPORT uint64_t wherry_cells_count(const wherry_cells *);

/* Closes them; they stay in the region, as wherry_lock_close says.  NULL is fine. */
WHERRY_EXPORT void wherry_cells_close(wherry_cells *);

WHERRY_END

#endif
