/* SPDX-License-Identifier: MIT */
/*
 * Layouts: the steps are taken on a model of a process's descriptors, close-on-exec and
 * dup3(2) and all, and what a program finds there afterwards is what was asked for.
 */
#include "harness.h"

#include <stdio.h>

#include "process/process.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum {
    NUMBERS = 192, // of the model
    ROWS = 48,
    NO_SORT = 77 // of a step that was not written
};

/* --- a process on paper -------------------------------------------------- */

struct model {
    int files[NUMBERS]; // 0: closed
    bool closes[NUMBERS];
};

// What stands at a number when all begins; unlike what stands at any other.
static int file_at(int number)
{
    return 1000 + number;
}

static void model_open(struct model *model, int number)
{
    model->files[number] = file_at(number);
    model->closes[number] = true;
}

// F_DUPFD_CLOEXEC of fcntl(2): the lowest that is free, from there on.
static int model_lift(struct model *model, int from, int least)
{
    int to = least;
    while (to < NUMBERS && model->files[to] != 0)
        to++;
    if (to == NUMBERS)
        return -1;
    model->files[to] = model->files[from];
    model->closes[to] = true;
    return to;
}

static bool is_open(const struct model *model, int number)
{
    return number >= 0 && number < NUMBERS && model->files[number] != 0;
}

// False where the system would refuse the step, or it could not be told what is meant.
static bool model_take(struct model *model, const struct os_lay *steps, size_t index,
                       int *numbers)
{
    const struct os_lay *step = &steps[index];
    if (step->lifted >= (int)index ||
        (step->lifted >= 0 && steps[step->lifted].sort != OS_LAY_LIFT))
        return false;
    const int from = step->lifted >= 0 ? numbers[step->lifted] : step->from;
    if (step->sort == OS_LAY_KEEP) {
        model->closes[step->to] = false;
        return is_open(model, step->to);
    }
    if (!is_open(model, from))
        return false;
    if (step->sort == OS_LAY_LIFT) {
        numbers[index] = model_lift(model, from, step->to);
        return numbers[index] >= 0;
    }
    // dup3(2) refuses a number onto itself.
    if (step->sort != OS_LAY_PLACE || from == step->to)
        return false;
    model->files[step->to] = model->files[from];
    model->closes[step->to] = false;
    return true;
}

static void model_run_program(struct model *model)
{
    for (int number = 0; number < NUMBERS; number++) {
        if (model->closes[number])
            model->files[number] = 0;
    }
}

/* --- what must hold ------------------------------------------------------ */

static const char *text_of(const struct layout_row *rows, size_t count)
{
    static char text[ROWS * 16];
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, " %d<-%d",
                                   rows[i].number, rows[i].source);
    return text;
}

static int wanted_at(const struct layout_row *rows, size_t count, int number)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].number == number)
            return file_at(rows[i].source);
    }
    return 0;
}

// The steps of a layout in a process that has open what the model says, and that they
// lead where they should; how many of them are lifts.
static size_t check_layout(const struct layout_row *rows, size_t count,
                           const struct model *first)
{
    struct os_lay steps[2 * ROWS + 1];
    int numbers[2 * ROWS];
    struct model model = *first;
    size_t lifts = 0;
    for (size_t i = 0; i < COUNT(steps); i++)
        steps[i].sort = (enum os_lay_sort)NO_SORT;
    size_t step_count = layout_steps(rows, count, steps);
    if (step_count > 2 * count || (int)steps[2 * count].sort != NO_SORT)
        FAIL("%s: %zu steps, for which there is no room", text_of(rows, count),
             step_count);
    for (size_t i = 0; i < step_count; i++) {
        if (!model_take(&model, steps, i, numbers))
            FAIL("%s: step %zu cannot be taken", text_of(rows, count), i);
        lifts += steps[i].sort == OS_LAY_LIFT;
    }
    model_run_program(&model);
    for (int number = 0; number < NUMBERS; number++) {
        if (model.files[number] != wanted_at(rows, count, number))
            FAIL("%s: at %d is %d", text_of(rows, count), number, model.files[number]);
    }
    return lifts;
}

// In a process that has nothing open but the sources; how many lifts.
static size_t check_alone(const struct layout_row *rows, size_t count)
{
    struct model model = {.files = {0}};
    for (size_t i = 0; i < count; i++)
        model_open(&model, rows[i].source);
    return check_layout(rows, count, &model);
}

// In one that has a lot open besides, right above the numbers, too.
static size_t check_crowded(const struct layout_row *rows, size_t count)
{
    struct model model = {.files = {0}};
    for (int number = 0; number < NUMBERS - ROWS; number++)
        model_open(&model, number);
    return check_layout(rows, count, &model);
}

static void check_lifts(const struct layout_row *rows, size_t count, size_t lifts)
{
    CHECK_INT(check_alone(rows, count), lifts);
    CHECK_INT(check_crowded(rows, count), lifts);
}

/* --- one by one ---------------------------------------------------------- */

TEST(no_rows_are_no_steps)
{
    struct os_lay step = {.sort = (enum os_lay_sort)NO_SORT};
    CHECK_INT(layout_steps(NULL, 0, &step), 0);
    CHECK_INT(step.sort, NO_SORT);
}

TEST(what_stands_where_it_should_is_kept)
{
    static const struct layout_row rows[] = {{0, 0}, {1, 1}, {2, 2}, {7, 7}};
    struct os_lay steps[2 * COUNT(rows)];
    CHECK_INT(layout_steps(rows, COUNT(rows), steps), COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_INT(steps[i].sort, OS_LAY_KEEP);
        CHECK_INT(steps[i].to, rows[i].number);
    }
    check_lifts(rows, COUNT(rows), 0);
}

TEST(a_source_in_nobodys_way_is_copied_once)
{
    static const struct layout_row rows[] = {{0, 9}, {1, 8}, {2, 20}};
    struct os_lay steps[2 * COUNT(rows)];
    CHECK_INT(layout_steps(rows, COUNT(rows), steps), COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_INT(steps[i].sort, OS_LAY_PLACE);
        CHECK_INT(steps[i].from, rows[i].source);
        CHECK_INT(steps[i].to, rows[i].number);
        CHECK_INT(steps[i].lifted, -1);
    }
    check_lifts(rows, COUNT(rows), 0);
}

TEST(a_source_below_all_numbers_is_fine)
{
    static const struct layout_row rows[] = {{5, 0}, {6, 1}, {9, 2}};
    check_lifts(rows, COUNT(rows), 0);
}

TEST(two_that_change_places_are_lifted)
{
    static const struct layout_row rows[] = {{0, 1}, {1, 0}};
    static const struct layout_row turned[] = {{1, 0}, {0, 1}};
    static const struct layout_row apart[] = {{3, 40}, {7, 7}, {40, 3}};
    check_lifts(rows, COUNT(rows), 2);
    check_lifts(turned, COUNT(turned), 2);
    check_lifts(apart, COUNT(apart), 2);
}

TEST(rings_of_any_length_are_laid_out)
{
    struct layout_row rows[ROWS];
    for (int count = 2; count <= ROWS; count++) {
        for (int i = 0; i < count; i++)
            rows[i] = (struct layout_row){i, (i + 1) % count};
        check_lifts(rows, (size_t)count, (size_t)count);
        for (int i = 0; i < count; i++)
            rows[i] = (struct layout_row){(i + 1) % count, i};
        check_lifts(rows, (size_t)count, (size_t)count);
    }
}

// Upwards a copy would overwrite the next source before it was copied.
TEST(chains_are_laid_out_in_either_direction)
{
    struct layout_row rows[ROWS];
    for (int i = 0; i < ROWS; i++)
        rows[i] = (struct layout_row){i + 1, i};
    check_lifts(rows, ROWS, ROWS - 1);
    for (int i = 0; i < ROWS; i++)
        rows[i] = (struct layout_row){i, i + 1};
    check_lifts(rows, ROWS, ROWS - 1);
}

TEST(a_source_at_several_numbers_is_lifted_once)
{
    static const struct layout_row free_one[] = {{0, 9}, {1, 9}, {2, 9}};
    static const struct layout_row in_the_way[] = {{0, 1}, {1, 9}, {2, 1}, {3, 1}};
    static const struct layout_row two[] = {{0, 1}, {2, 1}, {1, 0}, {3, 0}, {4, 1}};
    check_lifts(free_one, COUNT(free_one), 0);
    check_lifts(in_the_way, COUNT(in_the_way), 1);
    check_lifts(two, COUNT(two), 2);
}

TEST(a_source_that_stays_is_copied_too)
{
    static const struct layout_row rows[] = {{2, 1}, {1, 1}, {0, 1}};
    static const struct layout_row others[] = {{1, 1}, {2, 1}, {3, 2}, {4, 3}};
    check_lifts(rows, COUNT(rows), 0);
    check_lifts(others, COUNT(others), 2);
}

TEST(sources_above_all_numbers_are_neither_lifted_nor_overwritten)
{
    // The first number above all of them is a source, too.
    static const struct layout_row rows[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 0},
                                             {5, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 10}};
    static const struct layout_row high[] = {{0, 100}, {1, 0}, {2, 3}, {3, 2}, {4, 4}};
    check_lifts(rows, COUNT(rows), 9);
    check_lifts(high, COUNT(high), 3);
}

TEST(what_is_lifted_goes_above_the_largest_number)
{
    static const struct layout_row rows[] = {
        {0, 1}, {PROCESS_NUMBER_MOST, 5}, {1, 0}, {2, PROCESS_NUMBER_MOST}};
    struct os_lay steps[2 * COUNT(rows)];
    CHECK_INT(layout_steps(rows, COUNT(rows), steps), 3 + COUNT(rows));
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(steps[i].sort, OS_LAY_LIFT);
        CHECK_INT(steps[i].to, PROCESS_NUMBER_MOST + 1);
    }
}

/* --- all of a kind, and any ---------------------------------------------- */

// At each of the numbers nothing, or any of the sources: all there are, counted as a
// number to the base of how many there are.
TEST(every_layout_of_four_numbers_and_five_sources_is_right)
{
    enum { FOUR = 4, CHOICES = 6, ALL = CHOICES * CHOICES * CHOICES * CHOICES };

    for (int layout = 0; layout < ALL; layout++) {
        struct layout_row rows[FOUR];
        struct layout_row turned[FOUR];
        size_t count = 0;
        for (int number = 0, left = layout; number < FOUR; number++) {
            if (left % CHOICES != 0)
                rows[count++] = (struct layout_row){number, left % CHOICES - 1};
            left /= CHOICES;
        }
        for (size_t i = 0; i < count; i++)
            turned[i] = rows[count - 1 - i];
        check_alone(rows, count);
        check_crowded(rows, count);
        check_alone(turned, count);
    }
}

// Marsaglia's xorshift: the same numbers everywhere.
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static int below(uint32_t *state, int most)
{
    return (int)(next(state) % (uint32_t)most);
}

// Some of the numbers below `spread`, in any order.
static size_t choose_numbers(uint32_t *state, int spread, struct layout_row *rows)
{
    size_t count = 0;
    for (int number = 0; number < spread; number++) {
        if (below(state, 3) == 0)
            continue;
        size_t place = (size_t)below(state, (int)count + 1);
        rows[count++] = rows[place];
        rows[place].number = number;
    }
    return count;
}

TEST(ten_thousand_layouts_are_right)
{
    uint32_t state = 0x9e3779b9;
    for (int i = 0; i < 10000; i++) {
        struct layout_row rows[ROWS] = {{0, 0}};
        struct model model = {.files = {0}};
        const int spread = 1 + below(&state, ROWS);
        const int reach = 1 + below(&state, 2 * spread);
        const size_t count = choose_numbers(&state, spread, rows);
        for (int number = 0; number < 2 * ROWS; number++) {
            if (below(&state, 2))
                model_open(&model, number);
        }
        for (size_t j = 0; j < count; j++) {
            rows[j].source = below(&state, reach);
            model_open(&model, rows[j].source);
        }
        check_layout(rows, count, &model);
    }
}

TEST(ten_thousand_ways_to_change_places_are_right)
{
    uint32_t state = 0x2545f491;
    for (int i = 0; i < 10000; i++) {
        struct layout_row rows[ROWS] = {{0, 0}};
        int sources[ROWS];
        const size_t count = choose_numbers(&state, 1 + below(&state, ROWS), rows);
        for (size_t j = 0; j < count; j++) {
            size_t place = (size_t)below(&state, (int)j + 1);
            sources[j] = sources[place];
            sources[place] = rows[j].number;
        }
        for (size_t j = 0; j < count; j++)
            rows[j].source = sources[j];
        check_alone(rows, count);
    }
}
