/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a plan of a process made of any bytes.
 *
 * Whether it makes sense is read a second time, more plainly; the steps to what it lays
 * out are taken in a table of numbers; its environment and the paths of its program are
 * made again, each by another way.  Four bytes stand for each number that is laid out,
 * the lines after them are its words.
 */
#include "fuzz.h"

#include <errno.h>

#include "process/process.h"

enum {
    HEAD = 8,
    LAID = 12, // rows at most, of four bytes each
    WORDS = 24,
    TEXT = 128,
    OPEN = 24, // numbers at which this process may have something
    TABLE = 64
};

/* The input, taken apart. */
struct input {
    uint8_t head[HEAD];
    struct wherry_laid laid[LAID];
    size_t laid_count;
    struct wherry_limit limit;
    char text[TEXT];
    const char *words[WORDS + 1];
    size_t word_count;
};

// A few numbers that mean something, and small ones that meet.
static int number_of(uint8_t byte)
{
    static const int special[] = {-1, INT32_MIN, PROCESS_NUMBER_MOST,
                                  PROCESS_NUMBER_MOST + 1, INT32_MAX};
    const size_t count = sizeof special / sizeof special[0];
    return byte < 256 - count ? byte % OPEN : special[byte - (256 - count)];
}

static void read_laid(struct input *input, const uint8_t *bytes)
{
    static int something;
    input->laid[input->laid_count++] = (struct wherry_laid){
        .number = number_of(bytes[0]),
        .from = (enum wherry_from)(bytes[1] % (WHERRY_FROM_NOTHING + 2)),
        .access = (enum wherry_access)((bytes[2] & 15) % (WHERRY_ACCESS_APPEND + 2)),
        .descriptor = number_of(bytes[3]),
        .path = bytes[2] & 16   ? NULL
                : bytes[2] & 32 ? ""
                                : "/dev/null",
        // It is never looked at, only whether it is there.
        .channel = bytes[2] & 64 ? NULL : (wherry_channel *)(void *)&something,
    };
}

static void read_words(struct input *input, const uint8_t *bytes, size_t size)
{
    memcpy(input->text, bytes, size);
    input->text[size] = 0;
    for (char *at = input->text; at && input->word_count < WORDS;) {
        char *end = strchr(at, '\n');
        input->words[input->word_count++] = at;
        if (end)
            *end++ = 0;
        at = end;
    }
}

static bool read_input(struct input *input, const uint8_t *bytes, size_t size)
{
    *input = (struct input){.laid_count = 0};
    if (size < HEAD || size >= TEXT)
        return false;
    memcpy(input->head, bytes, HEAD);
    bytes += HEAD;
    size -= HEAD;
    for (size_t i = 0; i < input->head[0] % (LAID + 1u) && size >= 4; i++) {
        read_laid(input, bytes);
        bytes += 4;
        size -= 4;
    }
    read_words(input, bytes, size);
    return true;
}

/* The word of that number, or NULL. */
static const char *word(const struct input *input, size_t i)
{
    return i < input->word_count ? input->words[i] : NULL;
}

/* --- whether it makes sense ---------------------------------------------- */

static struct wherry_plan plan_of(struct input *input)
{
    static const uint64_t bounds[] = {0, 1, 7, UINT64_MAX};
    const uint8_t *head = input->head;
    // environment and changes are what is left of the words, each half of it
    input->limit = (struct wherry_limit){.name = word(input, 2),
                                         .soft = bounds[head[6] & 3],
                                         .hard = bounds[head[7] & 3]};
    return (struct wherry_plan){
        .file = head[1] & 1 ? word(input, 0) : NULL,
        .line = head[1] & 2 ? word(input, 0) : NULL,
        .command = head[2] & 128 ? word(input, 0) : NULL,
        .guarded = head[2] & 64,
        .umask = head[1] & 4 ? word(input, 1) : NULL,
        .limits = head[1] & 8 ? &input->limit : NULL,
        .limit_count = head[1] & 24 ? 1 : 0,
        .environment = head[1] & 32 ? input->words + input->word_count / 2 : NULL,
        .changes = head[1] & 64 ? input->words + input->word_count / 2 : NULL,
        .place = (enum wherry_group)(head[2] % (WHERRY_GROUP_SESSION + 2)),
        .nice = (int8_t)head[3],
        .death_signal = (int8_t)head[4],
        .laid = head[1] & 128 ? NULL : input->laid,
        .laid_count = input->laid_count + (head[5] == 255 ? PROCESS_LAID_MOST : 0),
    };
}

static bool is_environment(const char *const *list, bool is_changes)
{
    for (; list && *list; list++) {
        bool has_sign = strchr(*list, '=') != NULL;
        if (**list == '=' || (is_changes ? !**list : !has_sign))
            return false;
    }
    return true;
}

static bool is_mask(const char *text)
{
    unsigned value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '7')
            return false;
        value = value * 8 + (unsigned)(*text - '0');
        if (value > 0777)
            return false;
    }
    return true;
}

static bool is_limit(const struct wherry_limit *limit)
{
    static const char *const names[] = {"as",       "core",   "cpu",     "data",
                                        "fsize",    "locks",  "memlock", "nofile",
                                        "msgqueue", "nice",   "nproc",   "rss",
                                        "rtprio",   "rttime", "stack",   "sigpending"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (limit->name && strcmp(limit->name, names[i]) == 0)
            return limit->soft <= limit->hard;
    return false;
}

/* Whether the numbers that it is the same as come to an end, one after the other. */
static bool has_owner(const struct wherry_plan *plan, int number)
{
    for (size_t hops = 0; hops <= plan->laid_count; hops++) {
        const struct wherry_laid *laid = plan_find(plan, number);
        if (!laid)
            return number >= 0 && number < PROCESS_STANDARD;
        if (laid->from != WHERRY_FROM_NUMBER)
            return true;
        number = laid->descriptor;
    }
    return false;
}

static bool is_row(const struct wherry_plan *plan, const struct wherry_laid *laid)
{
    const bool opens = laid->from == WHERRY_FROM_FILE;
    const bool has_ways =
        opens || laid->from == WHERRY_FROM_PIPE || laid->from == WHERRY_FROM_CHANNEL;
    if (laid->number < 0 || laid->number > PROCESS_NUMBER_MOST)
        return false;
    if (laid->from > WHERRY_FROM_NOTHING || laid->access > WHERRY_ACCESS_APPEND)
        return false;
    if (laid->access != WHERRY_ACCESS_USUAL && !has_ways)
        return false;
    if (laid->access == WHERRY_ACCESS_APPEND && !opens)
        return false;
    if (opens && (!laid->path || !*laid->path))
        return false;
    if (laid->from == WHERRY_FROM_CHANNEL && !laid->channel)
        return false;
    if (laid->from == WHERRY_FROM_DESCRIPTOR && laid->descriptor < 0)
        return false;
    return laid->from != WHERRY_FROM_NUMBER || has_owner(plan, laid->number);
}

static bool is_layout(const struct wherry_plan *plan)
{
    size_t channels = 0;
    if (plan->laid_count > PROCESS_LAID_MOST || (plan->laid_count && !plan->laid))
        return false;
    for (size_t i = 0; i < plan->laid_count; i++) {
        for (size_t j = 0; j < i; j++)
            if (plan->laid[i].number == plan->laid[j].number)
                return false;
        if (!is_row(plan, &plan->laid[i]))
            return false;
        channels += plan->laid[i].from == WHERRY_FROM_MESSAGES ||
                    plan->laid[i].from == WHERRY_FROM_NODE;
    }
    return channels <= 1;
}

/* Letter by letter: what is open at its end, and whether its first word has any. */
static bool is_command(const char *text)
{
    char open = 0;
    size_t letters = 0; // of the first word
    bool is_begun = false, is_over = false;
    for (; *text; text++) {
        const bool is_blank = *text == ' ' || *text == '\t' || *text == '\n';
        bool is_letter = true;
        if (!open && is_blank) {
            is_over |= is_begun;
            continue;
        }
        is_begun = true;
        if (open ? *text == open : *text == '\'' || *text == '"') {
            open = open ? 0 : *text;
            is_letter = false;
        } else if (*text == '\\' &&
                   (!open || (open == '"' && text[1] && strchr("\"\\$`", text[1])))) {
            if (!*++text)
                return false;
        }
        letters += is_letter && !is_over;
    }
    return !open && letters > 0;
}

/* The words are no longer than what they are made of, and as many as the parts. */
static void check_words(const char *command)
{
    const char **made = command_words(command);
    size_t used = 0;
    PROPERTY(made && made[0] && *made[0]);
    for (size_t i = 0; made[i]; i++)
        used += strlen(made[i]) + 1;
    PROPERTY(used <= strlen(command) + 1);
    free((void *)made);
}

static bool makes_sense(const struct wherry_plan *plan)
{
    const int named =
        (plan->file != NULL) + (plan->line != NULL) + (plan->command != NULL);
    if (named != 1 || (plan->file && !*plan->file) ||
        (plan->command && !is_command(plan->command)))
        return false;
    if (plan->guarded && plan->death_signal)
        return false;
    if (plan->limit_count && (!plan->limits || !is_limit(plan->limits)))
        return false;
    return is_environment(plan->environment, false) &&
           is_environment(plan->changes, true) && is_layout(plan) &&
           (!plan->umask || is_mask(plan->umask)) && plan->nice >= -40 &&
           plan->nice <= 40 && plan->death_signal >= 0 &&
           plan->death_signal < OS_SIGNALS && plan->place <= WHERRY_GROUP_SESSION;
}

static void check_plan(struct input *input)
{
    const struct wherry_plan plan = plan_of(input);
    int r = plan_check(&plan);
    PROPERTY(r == 0 || r == -EINVAL);
    PROPERTY(makes_sense(&plan) == (r == 0));
    if (plan.command && is_command(plan.command))
        check_words(plan.command);
    if (r < 0)
        check_sentence();
    else if (plan.umask)
        PROPERTY(plan_umask(&plan) <= 0777);
}

/* --- what stands where --------------------------------------------------- */

/* The numbers of a process: what stands there (-1: nothing), and whether it stays. */
struct table {
    int what[TABLE];
    bool stays[TABLE];
};

static int lift(struct table *table, int from, int least)
{
    int to = least;
    while (to < TABLE && table->what[to] >= 0)
        to++;
    PROPERTY(to < TABLE);
    table->what[to] = table->what[from];
    table->stays[to] = false;
    return to;
}

static void take_steps(struct table *table, const struct os_lay *steps, size_t count)
{
    int numbers[2 * LAID];
    for (size_t i = 0; i < count; i++) {
        const struct os_lay *step = &steps[i];
        int from = step->from;
        if (step->lifted >= 0) {
            PROPERTY((size_t)step->lifted < i);
            PROPERTY(steps[step->lifted].sort == OS_LAY_LIFT);
            from = numbers[step->lifted];
        }
        PROPERTY(from >= 0 && from < TABLE && table->what[from] >= 0);
        numbers[i] = step->to;
        if (step->sort == OS_LAY_LIFT) {
            numbers[i] = lift(table, from, step->to);
            continue;
        }
        PROPERTY(step->sort == OS_LAY_KEEP || from != step->to); // dup3(2) refuses that
        PROPERTY(step->sort != OS_LAY_KEEP || from == step->to);
        table->what[step->to] = table->what[from];
        table->stays[step->to] = true;
    }
}

// Rows of different numbers; a source is open, and so are other numbers, by the mask.
static void check_layout(const struct input *input)
{
    struct layout_row rows[LAID];
    struct os_lay steps[2 * LAID];
    struct table table;
    bool is_laid[TABLE] = {false};
    size_t count = 0;
    size_t stay = 0;
    for (size_t i = 0; i < input->laid_count; i++) {
        const struct wherry_laid *laid = &input->laid[i];
        if (laid->number < 0 || laid->number >= OPEN || laid->descriptor < 0 ||
            laid->descriptor >= OPEN || is_laid[laid->number])
            continue;
        is_laid[laid->number] = true;
        rows[count++] = (struct layout_row){laid->number, laid->descriptor};
    }
    for (int i = 0; i < TABLE; i++) {
        bool is_open = i < OPEN && (input->head[5 + i / 8 % 3] >> i % 8 & 1);
        table.what[i] = is_open ? i : -1;
        table.stays[i] = false;
    }
    for (size_t i = 0; i < count; i++)
        table.what[rows[i].source] = rows[i].source;
    size_t taken = layout_steps(rows, count, steps);
    PROPERTY(taken >= count && taken <= 2 * count);
    take_steps(&table, steps, taken);
    for (size_t i = 0; i < count; i++)
        PROPERTY(table.what[rows[i].number] == rows[i].source &&
                 table.stays[rows[i].number]);
    for (int i = 0; i < TABLE; i++)
        stay += table.stays[i];
    PROPERTY(stay == count);
}

/* --- its environment and its program ------------------------------------- */

static bool have_one_name(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");
    return size == strcspn(b, "=") && memcmp(a, b, size) == 0;
}

static bool is_changed(const char *const *changes, const char *entry)
{
    for (; *changes; changes++)
        if (have_one_name(*changes, entry))
            return true;
    return false;
}

/* By its name an entry has the value that the first of that name has. */
static void check_found(const char *const *made, size_t i)
{
    char name[TEXT];
    size_t size = strcspn(made[i], "=");
    memcpy(name, made[i], size);
    name[size] = 0;
    const char *value = environment_find(made, name);
    PROPERTY(!made[i][size] || value);
    PROPERTY(!value || (value[-1] == '=' && memcmp(value - size - 1, name, size) == 0));
}

/* What nobody changes, and the last change of each name if it is not taken out. */
static void check_environment(const struct input *input)
{
    const size_t half = input->word_count / 2;
    const char *base[WORDS + 1] = {NULL};
    const char *const *changes = input->words + half;
    const char *expected[WORDS + 1] = {NULL};
    size_t count = 0;
    memcpy(base, input->words, half * sizeof base[0]);
    for (size_t i = 0; base[i]; i++)
        if (!is_changed(changes, base[i]))
            expected[count++] = base[i];
    for (size_t i = 0; changes[i]; i++)
        if (strchr(changes[i], '=') && !is_changed(changes + i + 1, changes[i]))
            expected[count++] = changes[i];
    const char **made = environment_make(base, changes);
    PROPERTY(made);
    for (size_t i = 0; i <= count; i++)
        PROPERTY(made[i] == expected[i]);
    for (size_t i = 0; i < count; i++)
        check_found(made, i);
    free(made);
}

static void check_search(const struct input *input)
{
    const char *file = word(input, 0);
    const char *path = word(input, 1);
    const char *rest = path ? path : "/bin:/usr/bin";
    const char **made = search_make(file, path);
    size_t i = 0;
    PROPERTY(made);
    if (strchr(file, '/')) {
        PROPERTY(made[0] == file && !made[1]);
        free(made);
        return;
    }
    for (bool is_last = false; !is_last; i++) {
        const char *directory = *rest == ':' || !*rest ? "." : rest;
        const size_t size = strcspn(rest, ":");
        const size_t shown = size ? size : 1;
        is_last = !rest[size];
        PROPERTY(made[i] && strncmp(made[i], directory, shown) == 0);
        PROPERTY(made[i][shown] == '/' && strcmp(made[i] + shown + 1, file) == 0);
        rest += size + 1;
    }
    PROPERTY(!made[i]);
    free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input;
    if (!read_input(&input, bytes, size))
        return 0;
    check_plan(&input);
    check_layout(&input);
    check_environment(&input);
    check_search(&input);
    return 0;
}
