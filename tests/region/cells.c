/* SPDX-License-Identifier: MIT */
/*
 * cells: numbers that processes share, by one call each.
 */
#include <stdlib.h>

#include "rows.h"

enum { AT = 4096, COUNT = 10, WORKERS = 4, TURNS = 500 };

/* Words of the head of cells, as they stand in the region. */
enum { MAGIC, VERSION, TYPE, CELLS };

static const struct row *memfd = &rows[0];
static const struct row *shm = &rows[1];

static wherry_cells *open_cells(wherry_region *region, uint32_t type, uint64_t count)
{
    wherry_cells *cells = NULL;
    WORKS(wherry_cells_open(region, AT, type, count, &cells));
    return cells;
}

static unsigned *words_of(const wherry_region *region)
{
    return (unsigned *)wherry_region_data(region) + AT / sizeof(unsigned);
}

/* --- one by one, and all at once ----------------------------------------- */

EACH_ROW(what_one_sets_another_gets)
{
    int64_t all[COUNT] = {0};
    int64_t three = 0;
    wherry_region *region = make(row);
    wherry_region *other = again(row, region, WHERRY_REGION_WRITE);
    wherry_cells *here = open_cells(region, WHERRY_CELL_INT64, COUNT);
    wherry_cells *there = open_cells(other, WHERRY_CELL_INT64, 0);
    CHECK_INT(wherry_cells_count(there), COUNT);
    CHECK_INT((uintptr_t)wherry_cells_data(there) % 64, 0);
    CHECK((char *)wherry_cells_data(there) ==
          (char *)wherry_region_data(other) + AT + WHERRY_CELLS_DATA);
    WORKS(wherry_cells_get(there, 0, all, sizeof(all), soon()));
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(all[i], 0);
    for (int i = 0; i < COUNT; i++)
        all[i] = i * 1000 - 1;
    WORKS(wherry_cells_set(here, 0, all, sizeof(all), soon()));
    WORKS(wherry_cells_get(there, 3, &three, sizeof(three), soon()));
    CHECK_INT(three, 2999);
    memset(all, 0, sizeof(all));
    WORKS(wherry_cells_get(there, 8, all, 2 * sizeof(all[0]), soon()));
    CHECK_INT(all[0], 7999);
    CHECK_INT(all[1], 8999);
    CHECK_INT(all[2], 0);
    wherry_cells_close(here);
    wherry_cells_close(there);
    wherry_region_close(region);
    wherry_region_close(other);
    unmake(row);
}

struct place {
    char name[16];
    float x, y;
};

TEST(bytes_of_any_size_are_cells)
{
    struct place set = {"pier", 1.5F, -2};
    struct place got = {.x = 0};
    wherry_region *region = make(memfd);
    wherry_cells *places = open_cells(region, WHERRY_CELL_BYTES(sizeof(set)), 3);
    WORKS(wherry_cells_set(places, 2, &set, sizeof(set), soon()));
    WORKS(wherry_cells_get(places, 2, &got, sizeof(got), soon()));
    CHECK_BYTES(&got, &set, sizeof(set));
    FAILS(wherry_cells_get(places, 0, &got, sizeof(got) - 1, soon()), -EINVAL,
          "23 bytes are no cells of 24 bytes");
    FAILS(wherry_cells_add(places, 0, 1, NULL, soon()), -EINVAL, "no whole numbers");
    wherry_cells_close(places);
    wherry_region_close(region);
}

TEST(what_is_not_there_is_not_touched)
{
    int32_t all[COUNT + 1] = {0};
    wherry_region *region = make(memfd);
    wherry_cells *cells = open_cells(region, WHERRY_CELL_INT32, COUNT);
    FAILS(wherry_cells_get(cells, 0, all, sizeof(all), soon()), -ERANGE,
          "11 cells from 0 on: there are 10");
    FAILS(wherry_cells_set(cells, COUNT, all, 4, soon()), -ERANGE, "1 cells from 10");
    FAILS(wherry_cells_set(cells, UINT64_MAX, all, 4, soon()), -ERANGE, "there are 10");
    FAILS(wherry_cells_get(cells, 0, all, 0, soon()), -EINVAL, "0 bytes");
    FAILS(wherry_cells_get(cells, 0, all, 6, soon()), -EINVAL, "6 bytes are no cells");
    FAILS(wherry_cells_add(cells, COUNT, 1, NULL, soon()), -ERANGE, "there are 10");
    FAILS(wherry_cells_add_double(cells, 0, 1, NULL, soon()), -EINVAL, "no doubles");
    wherry_cells_close(cells);
    wherry_cells_close(NULL);
    wherry_region_close(region);
}

/* --- sums ---------------------------------------------------------------- */

static const struct {
    uint32_t type;
    int size;
    int64_t least;
    uint64_t most;
} ranges[] = {
    {WHERRY_CELL_INT8, 1, INT8_MIN, INT8_MAX},
    {WHERRY_CELL_UINT8, 1, 0, UINT8_MAX},
    {WHERRY_CELL_INT16, 2, INT16_MIN, INT16_MAX},
    {WHERRY_CELL_UINT16, 2, 0, UINT16_MAX},
    {WHERRY_CELL_INT32, 4, INT32_MIN, INT32_MAX},
    {WHERRY_CELL_UINT32, 4, 0, UINT32_MAX},
    {WHERRY_CELL_INT64, 8, INT64_MIN, INT64_MAX},
    {WHERRY_CELL_UINT64, 8, 0, UINT64_MAX},
};

static void reach_both_ends(wherry_cells *cells, int64_t least, uint64_t most)
{
    int64_t now = 42;
    WORKS(wherry_cells_add(cells, 1, least, &now, soon()));
    CHECK_INT(now, least);
    FAILS(wherry_cells_add(cells, 1, -1, &now, soon()), -EOVERFLOW, "no such number");
    FAILS(wherry_cells_add(cells, 1, INT64_MIN, &now, soon()), -EOVERFLOW, "cell 1");
    WORKS(wherry_cells_add(cells, 1, 1, &now, soon()));
    WORKS(wherry_cells_add(cells, 1, -(least + 1), &now, soon()));
    CHECK_INT(now, 0);
    for (uint64_t left = most; left > 0;) {
        const int64_t part = left > INT64_MAX ? INT64_MAX : (int64_t)left;
        WORKS(wherry_cells_add(cells, 1, part, &now, soon()));
        left -= (uint64_t)part;
    }
    CHECK_INT(now, (int64_t)most);
    FAILS(wherry_cells_add(cells, 1, 1, &now, soon()), -EOVERFLOW, "no such number");
    FAILS(wherry_cells_add(cells, 1, INT64_MAX, &now, soon()), -EOVERFLOW, "cell 1");
    WORKS(wherry_cells_add(cells, 1, 0, NULL, soon()));
    CHECK_INT(now, (int64_t)most);
}

TEST(a_sum_that_the_type_does_not_have_changes_nothing)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        char all[3 * 8] = {0};
        char zeros[8] = {0};
        wherry_region *region = make(memfd);
        wherry_cells *cells = open_cells(region, ranges[i].type, 3);
        reach_both_ends(cells, ranges[i].least, ranges[i].most);
        // Nor its neighbours.
        const size_t size = (size_t)ranges[i].size;
        WORKS(wherry_cells_get(cells, 0, all, 3 * size, soon()));
        CHECK_BYTES(all, zeros, size);
        CHECK_BYTES(all + size, &ranges[i].most, size);
        CHECK_BYTES(all + 2 * size, zeros, size);
        wherry_cells_close(cells);
        wherry_region_close(region);
    }
}

TEST(doubles_are_added)
{
    double now = 0;
    wherry_region *region = make(memfd);
    wherry_cells *cells = open_cells(region, WHERRY_CELL_DOUBLE, 2);
    WORKS(wherry_cells_add_double(cells, 1, 2.5, NULL, soon()));
    WORKS(wherry_cells_add_double(cells, 1, -0.25, &now, soon()));
    CHECK(now == 2.25);
    FAILS(wherry_cells_add_double(cells, 2, 1, &now, soon()), -ERANGE, "there are 2");
    FAILS(wherry_cells_add(cells, 1, 1, NULL, soon()), -EINVAL, "no whole numbers");
    wherry_cells_close(cells);
    wherry_region_close(region);
}

static void count_up(void *argument)
{
    wherry_cells *cells = open_cells(argument, WHERRY_CELL_UINT32, COUNT);
    for (int i = 0; i < TURNS; i++)
        WORKS(wherry_cells_add(cells, 5, 1, NULL, soon()));
    wherry_cells_close(cells);
}

TEST(nothing_is_counted_twice_by_several_that_come_first)
{
    uint32_t all[COUNT];
    pid_t workers[WORKERS];
    wherry_region *region = make(memfd);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = harness_child(count_up, region);
    for (int i = 0; i < WORKERS; i++)
        CHECK_INT(harness_wait_within(workers[i], harness_stretch(20000)), 0);
    wherry_cells *cells = open_cells(region, WHERRY_CELL_UINT32, 0);
    WORKS(wherry_cells_get(cells, 0, all, sizeof(all), soon()));
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(all[i], i == 5 ? WORKERS * TURNS : 0);
    wherry_cells_close(cells);
    wherry_region_close(region);
}

/* --- several steps, and a death among them ------------------------------- */

static void die_in_between(void *argument)
{
    wherry_cells *cells = open_cells(argument, WHERRY_CELL_INT64, 2);
    WORKS(wherry_lock_take(wherry_cells_lock(cells), soon()));
    ((int64_t *)wherry_cells_data(cells))[0] = 7;
}

TEST(a_death_is_told_and_nothing_done_until_it_is_recovered)
{
    int64_t both[2] = {0};
    int64_t now = 42;
    wherry_region *region = make(memfd);
    wherry_cells *cells = open_cells(region, WHERRY_CELL_INT64, 2);
    CHECK_INT(harness_wait(harness_child(die_in_between, region)), 0);
    FAILS(wherry_cells_add(cells, 1, 1, &now, soon()), -EOWNERDEAD, "has died");
    CHECK_INT(now, 42);
    FAILS(wherry_cells_add(cells, 1, 1, &now, soon()), -EDEADLK, "this thread holds");
    int64_t *values = wherry_cells_data(cells);
    CHECK_INT(values[0], 7);
    CHECK_INT(values[1], 0);
    values[1] = values[0];
    WORKS(wherry_cells_recover(cells));
    FAILS(wherry_cells_recover(cells), -EPERM, "does not hold");
    WORKS(wherry_cells_add(cells, 1, 1, &now, soon()));
    CHECK_INT(now, 8);
    CHECK_INT(harness_wait(harness_child(die_in_between, region)), 0);
    FAILS(wherry_cells_get(cells, 0, both, sizeof(both), soon()), -EOWNERDEAD, "died");
    CHECK_INT(both[0], 0);
    WORKS(wherry_cells_recover(cells));
    CHECK_INT(harness_wait(harness_child(die_in_between, region)), 0);
    FAILS(wherry_cells_set(cells, 0, both, sizeof(both), soon()), -EOWNERDEAD, "died");
    CHECK_INT(values[0], 7);
    WORKS(wherry_cells_recover(cells));
    WORKS(wherry_cells_set(cells, 0, both, sizeof(both), soon()));
    CHECK_INT(values[0], 0);
    wherry_cells_close(cells);
    wherry_region_close(region);
}

struct holding {
    wherry_region *region;
    struct harness_gate held;
    struct harness_gate go;
};

static void hold(void *argument)
{
    struct holding *holding = argument;
    wherry_cells *cells = open_cells(holding->region, WHERRY_CELL_DOUBLE, 2);
    WORKS(wherry_lock_take(wherry_cells_lock(cells), soon()));
    gate_pass(&holding->held);
    gate_wait(&holding->go);
    WORKS(wherry_lock_give(wherry_cells_lock(cells)));
    wherry_cells_close(cells);
}

TEST(each_call_waits_by_its_deadline_and_changes_nothing_after_it)
{
    double both[2] = {1, 2};
    struct holding holding = {.region = make(memfd)};
    gate_open(&holding.held);
    gate_open(&holding.go);
    wherry_cells *cells = open_cells(holding.region, WHERRY_CELL_DOUBLE, 2);
    pid_t child = harness_child(hold, &holding);
    gate_wait(&holding.held);
    FAILS(wherry_cells_get(cells, 0, both, sizeof(both), WHERRY_POLL), -EAGAIN,
          "holds");
    FAILS(wherry_cells_set(cells, 0, both, sizeof(both), at_once()), -ETIMEDOUT,
          "held");
    FAILS(wherry_cells_add_double(cells, 0, 1, NULL, at_once()), -ETIMEDOUT, "held it");
    gate_pass(&holding.go);
    WORKS(wherry_cells_get(cells, 0, both, sizeof(both), WHERRY_FOREVER));
    CHECK(both[0] == 0 && both[1] == 0);
    CHECK_INT(harness_wait(child), 0);
    wherry_cells_close(cells);
    wherry_region_close(holding.region);
    gate_close(&holding.held);
    gate_close(&holding.go);
}

/* --- refused ------------------------------------------------------------- */

static void is_refused(wherry_region *region, uint32_t type, uint64_t count, int error,
                       const char *part)
{
    wherry_cells *cells = NULL;
    FAILS(wherry_cells_open(region, AT, type, count, &cells), error, part);
    CHECK(cells == NULL);
}

TEST(cells_of_another_type_or_count_are_refused_and_told)
{
    wherry_region *region = make(memfd);
    is_refused(region, WHERRY_CELL_INT64, 0, -ENOENT, "at 4096 are no cells");
    wherry_cells_close(open_cells(region, WHERRY_CELL_INT64, COUNT));
    is_refused(region, WHERRY_CELL_INT64, 11, -EPROTO, "10 of int64, not 11 of int64");
    is_refused(region, WHERRY_CELL_DOUBLE, COUNT, -EPROTO, "not 10 of double");
    is_refused(region, WHERRY_CELL_DOUBLE, 0, -EPROTO, "not 10 of double");
    is_refused(region, WHERRY_CELL_BYTES(8), COUNT, -EPROTO, "not 10 of 8 bytes");
    wherry_cells_close(open_cells(region, WHERRY_CELL_INT64, COUNT));
    wherry_region_close(region);
}

TEST(cells_that_cannot_be_are_refused)
{
    static const uint32_t none[] = {0, 10, 0xffffff, 0x1000000, 0x2000000, UINT32_MAX};
    wherry_region *region = make(memfd);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        is_refused(region, none[i], COUNT, -EINVAL, "no type");
        CHECK_INT(wherry_cells_room(none[i], COUNT), 0);
    }
    CHECK_INT(wherry_cells_room(WHERRY_CELL_INT16, 5), WHERRY_CELLS_DATA + 10);
    CHECK_INT(wherry_cells_room(WHERRY_CELL_INT16, 0), 0);
    CHECK_INT(wherry_cells_room(WHERRY_CELL_INT16, UINT64_MAX), 0);
    CHECK_INT(wherry_cells_room(WHERRY_CELL_BYTES(0xffffff), UINT32_MAX),
              WHERRY_CELLS_DATA + 0xffffffull * UINT32_MAX);
    is_refused(region, WHERRY_CELL_INT8, UINT64_MAX, -EINVAL, "not so many");
    const uint64_t most = SIZE - AT - WHERRY_CELLS_DATA;
    is_refused(region, WHERRY_CELL_INT8, most + 1, -ERANGE, "not within");
    wherry_cells_close(open_cells(region, WHERRY_CELL_INT8, most));
    wherry_region_close(region);
}

TEST(a_head_that_does_not_fit_is_refused_and_told)
{
    wherry_region *region = make(memfd);

    static const struct {
        unsigned word;
        unsigned flipped;
        int error;
        const char *part;
    } damages[] = {
        {MAGIC, 1, -EEXIST, "are no cells"},
        {VERSION, 8, -EPROTO, "of version 9, not 1"},
        {TYPE, 0xffffffff, -EPROTO, "of no type, not"},
        {TYPE, 0x7fffffff, -EPROTO, "of no type, not"},
        {CELLS, 0xffff0000, -EPROTO, "there cannot be"},
        {CELLS, COUNT, -EPROTO, "there cannot be"}, // none at all
    };

    wherry_cells_close(open_cells(region, WHERRY_CELL_INT64, COUNT));
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        words_of(region)[damages[i].word] ^= damages[i].flipped;
        is_refused(region, WHERRY_CELL_INT64, 0, damages[i].error, damages[i].part);
        words_of(region)[damages[i].word] ^= damages[i].flipped;
    }
    wherry_cells_close(open_cells(region, WHERRY_CELL_INT64, COUNT));
    wherry_region_close(region);
}

// Whatever is written there later: what was checked counts.
TEST(a_head_that_is_damaged_later_changes_nothing)
{
    int64_t value = 0;
    wherry_region *region = make(memfd);
    wherry_cells *cells = open_cells(region, WHERRY_CELL_INT64, COUNT);
    words_of(region)[CELLS] = UINT32_MAX;
    words_of(region)[TYPE] = WHERRY_CELL_BYTES(0xffffff);
    CHECK_INT(wherry_cells_count(cells), COUNT);
    WORKS(wherry_cells_get(cells, COUNT - 1, &value, sizeof(value), soon()));
    FAILS(wherry_cells_get(cells, COUNT, &value, sizeof(value), soon()), -ERANGE, "10");
    wherry_cells_close(cells);
    wherry_region_close(region);
}

TEST(something_else_is_not_made_cells)
{
    wherry_region *region = make(memfd);
    for (unsigned word = 0; word < WHERRY_CELLS_DATA / sizeof(unsigned); word++) {
        words_of(region)[word] = 0x20202020;
        is_refused(region, WHERRY_CELL_INT64, COUNT, -EEXIST, "");
        memset(words_of(region), 0, WHERRY_CELLS_DATA);
    }
    wherry_lock *lock = NULL;
    WORKS(wherry_lock_open(region, AT, &lock));
    is_refused(region, WHERRY_CELL_INT64, COUNT, -EEXIST, "are no cells");
    wherry_lock_close(lock);
    wherry_region_close(region);
}

/* --- others that map the region ------------------------------------------ */

// The script is told the path and where the values begin.
static void change_by(const char *program, const char *option, const char *script)
{
    char path[ADDRESS];
    char begin[32];
    int64_t values[3] = {0};
    if (!harness_have_program(program))
        SKIP("%s is not installed", program);
    wherry_region *region = make(shm);
    wherry_cells *cells = open_cells(region, WHERRY_CELL_INT64, 3);
    WORKS(wherry_cells_add(cells, 1, -5, NULL, soon()));
    snprintf(path, sizeof(path), "/dev/shm%s", at(shm, "") + strlen("shm:"));
    snprintf(begin, sizeof(begin), "%d", AT + WHERRY_CELLS_DATA);
    const char *const words[] = {program, option, script, path, begin, NULL};
    CHECK_INT(harness_wait(harness_program(words, -1, -1)), 0);
    WORKS(wherry_cells_get(cells, 0, values, sizeof(values), soon()));
    CHECK_INT(values[0], 0);
    CHECK_INT(values[1], -5);
    CHECK_INT(values[2], INT64_C(1) << 40);
    wherry_cells_close(cells);
    wherry_region_close(region);
    unmake(shm);
}

TEST(python_finds_the_values_where_the_manual_says)
{
    change_by("python3", "-c",
              "import mmap, sys\n"
              "begin = int(sys.argv[2])\n"
              "with open(sys.argv[1], 'r+b') as f:\n"
              "    view = memoryview(mmap.mmap(f.fileno(), 0))\n"
              "    cells = view[begin:begin + 24].cast('q')\n"
              "    assert cells.tolist() == [0, -5, 0], cells.tolist()\n"
              "    cells[2] = 1 << 40\n");
}

// Node maps nothing by itself; it reads and writes the file.
TEST(node_finds_the_values_where_the_manual_says)
{
    change_by("node", "-e",
              "const f = fs.openSync(process.argv[1], 'r+');\n"
              "const begin = Number(process.argv[2]);\n"
              "const cells = new BigInt64Array(3);\n"
              "fs.readSync(f, cells, 0, 24, begin);\n"
              "assert.deepEqual([...cells], [0n, -5n, 0n]);\n"
              "cells[2] = 1n << 40n;\n"
              "fs.writeSync(f, cells, 16, 8, begin + 16);\n");
}

/* --- all of it ----------------------------------------------------------- */

static void use_some(void *argument)
{
    wherry_region *region = NULL;
    wherry_cells *cells = NULL;
    (void)argument;
    if (wherry_region_open("memfd:?size=64K", &region) < 0)
        return;
    if (wherry_cells_open(region, AT, WHERRY_CELL_INT64, COUNT, &cells) >= 0)
        WORKS(wherry_cells_add(cells, 3, 1, NULL, soon()));
    wherry_cells_close(cells);
    wherry_region_close(region);
}

TEST(each_allocation_that_fails_is_told_and_leaves_nothing)
{
    harness_note("%lu allocations", harness_each_allocation(use_some, NULL));
}

TEST(nothing_grows_over_many)
{
    harness_cycles(1000, use_some, NULL);
}
