/* SPDX-License-Identifier: MIT */
/*
 * Plans: which make sense, and the sentence of every refusal.
 */
#include "harness.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <wherry/channel.h>
#include <wherry/process.h>

#include "process/process.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void check_fine(const struct wherry_plan *plan)
{
    if (plan_check(plan) != 0)
        FAIL("a good plan is refused: %s", wherry_error_text());
}

static void check_refused(const struct wherry_plan *plan, const char *sentence)
{
    int r = plan_check(plan);
    if (r == 0)
        FAIL("nothing is refused, instead of: %s", sentence);
    CHECK_ERROR(r, -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), sentence);
}

/* --- the program --------------------------------------------------------- */

TEST(a_plan_names_a_program_or_a_line)
{
    check_fine(&(struct wherry_plan){.file = "ls"});
    check_fine(&(struct wherry_plan){.file = "./a b"});
    check_fine(&(struct wherry_plan){.line = "ls | wc"});
    check_fine(&(struct wherry_plan){.command = "ls -l 'a b'"});
}

TEST(a_plan_names_one_of_them_and_no_more)
{
    static const char sentence[] = "a plan names a program (file), its words (command) "
                                   "or a line for sh(1) (line), one of the three";
    check_refused(&(struct wherry_plan){.file = NULL}, sentence);
    check_refused(&(struct wherry_plan){.file = "ls", .line = "ls"}, sentence);
    check_refused(&(struct wherry_plan){.file = "", .line = "ls"}, sentence);
    check_refused(&(struct wherry_plan){.file = "ls", .line = ""}, sentence);
    check_refused(&(struct wherry_plan){.file = "ls", .command = "ls"}, sentence);
    check_refused(&(struct wherry_plan){.line = "ls", .command = "ls"}, sentence);
    check_refused(&(struct wherry_plan){.command = "ls 'a"}, "a quote in it");
}

TEST(a_program_has_a_name)
{
    check_refused(&(struct wherry_plan){.file = ""},
                  "the program to start has an empty name");
    check_fine(&(struct wherry_plan){.line = ""}); // the shell has nothing to do
}

/* --- the environment ----------------------------------------------------- */

static void check_environment_refused(const char *entry, const char *sentence)
{
    const char *const alone[] = {entry, NULL};
    const char *const last[] = {"A=1", "B=", entry, NULL};
    check_refused(&(struct wherry_plan){.file = "ls", .environment = alone}, sentence);
    check_refused(&(struct wherry_plan){.file = "ls", .environment = last}, sentence);
}

static void check_change_refused(const char *change, const char *sentence)
{
    const char *const alone[] = {change, NULL};
    const char *const last[] = {"A=1", "B", change, NULL};
    check_refused(&(struct wherry_plan){.file = "ls", .changes = alone}, sentence);
    check_refused(&(struct wherry_plan){.line = "ls", .changes = last}, sentence);
}

TEST(an_environment_has_names_with_values)
{
    static const char *const good[] = {"A=1", "B=", "C==", "D=a=b", " =", NULL};
    static const char *const none[] = {NULL};
    check_fine(&(struct wherry_plan){.file = "ls", .environment = good});
    check_fine(&(struct wherry_plan){.file = "ls", .environment = none});
    check_environment_refused("C", "environment: \"C\" is not NAME=VALUE");
    check_environment_refused("=C", "environment: \"=C\" is not NAME=VALUE");
    check_environment_refused("=", "environment: \"=\" is not NAME=VALUE");
    check_environment_refused("", "environment: \"\" is not NAME=VALUE");
}

TEST(a_change_has_a_name)
{
    static const char *const good[] = {"A=1", "B=", "C", "D==", "A", NULL};
    static const char *const none[] = {NULL};
    check_fine(&(struct wherry_plan){.file = "ls", .changes = good});
    check_fine(&(struct wherry_plan){.file = "ls", .changes = none});
    check_change_refused("", "changes: \"\" is neither NAME=VALUE nor NAME");
    check_change_refused("=1", "changes: \"=1\" is neither NAME=VALUE nor NAME");
}

/* --- what it has open ---------------------------------------------------- */

enum { ROWS = 4 };

// Only that there is one is looked at.
static char some_channel;
#define CHANNEL ((wherry_channel *)(void *)&some_channel)

static const struct {
    size_t count;
    struct wherry_laid laid[ROWS];
} good_layouts[] = {
    {1, {{.number = 0, .from = WHERRY_FROM_PARENT}}},
    {1, {{.number = PROCESS_NUMBER_MOST, .from = WHERRY_FROM_PARENT}}},
    {1, {{.number = 1, .from = WHERRY_FROM_NULL}}},
    {1, {{.number = 1, .from = WHERRY_FROM_NOTHING}}},
    {1, {{.number = 3, .from = WHERRY_FROM_MESSAGES}}},
    {1, {{.number = 0, .from = WHERRY_FROM_MESSAGES}}},
    {1, {{.number = 3, .from = WHERRY_FROM_CHANNEL, .channel = CHANNEL}}},
    {1, {{3, WHERRY_FROM_CHANNEL, WHERRY_ACCESS_READ, 0, NULL, CHANNEL}}},
    {1, {{0, WHERRY_FROM_CHANNEL, WHERRY_ACCESS_WRITE, 0, NULL, CHANNEL}}},
    {1, {{.number = 3, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 0}}},
    {1, {{.number = 3, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 3}}},
    {1, {{.number = 3, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = INT_MAX}}},
    {1, {{.number = 0, .from = WHERRY_FROM_PIPE}}},
    {1, {{.number = 0, .from = WHERRY_FROM_PIPE, .access = WHERRY_ACCESS_WRITE}}},
    {1, {{.number = 1, .from = WHERRY_FROM_PIPE, .access = WHERRY_ACCESS_READ}}},
    {1, {{.number = 1, .from = WHERRY_FROM_FILE, .path = "/x"}}},
    {1, {{1, WHERRY_FROM_FILE, WHERRY_ACCESS_READ, 0, "x", NULL}}},
    {1, {{1, WHERRY_FROM_FILE, WHERRY_ACCESS_WRITE, 0, "x", NULL}}},
    {1, {{1, WHERRY_FROM_FILE, WHERRY_ACCESS_APPEND, 0, "x", NULL}}},
    // What a row does not use is not looked at.
    {1, {{1, WHERRY_FROM_PIPE, WHERRY_ACCESS_USUAL, -1, "", NULL}}},
    // One descriptor at two numbers.
    {2,
     {{.number = 3, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 9},
      {.number = 4, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 9}}},
    // 2>&1, of one that is laid out and of one that is not.
    {2,
     {{.number = 1, .from = WHERRY_FROM_PIPE},
      {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1}}},
    {2,
     {{.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1},
      {.number = 1, .from = WHERRY_FROM_PIPE}}},
    {1, {{.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1}}},
    {1, {{.number = 1, .from = WHERRY_FROM_NUMBER, .descriptor = 2}}},
    {1, {{.number = 9, .from = WHERRY_FROM_NUMBER, .descriptor = 0}}},
    // 2>&1 1>&-
    {2,
     {{.number = 1, .from = WHERRY_FROM_NOTHING},
      {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1}}},
    // Chains, in whichever order, onto something of its own and onto none.
    {4,
     {{.number = 5, .from = WHERRY_FROM_NUMBER, .descriptor = 4},
      {.number = 4, .from = WHERRY_FROM_NUMBER, .descriptor = 3},
      {.number = 3, .from = WHERRY_FROM_NUMBER, .descriptor = 6},
      {.number = 6, .from = WHERRY_FROM_NULL}}},
    {4,
     {{.number = 6, .from = WHERRY_FROM_NUMBER, .descriptor = 5},
      {.number = 4, .from = WHERRY_FROM_NUMBER, .descriptor = 3},
      {.number = 5, .from = WHERRY_FROM_NUMBER, .descriptor = 4},
      {.number = 3, .from = WHERRY_FROM_NUMBER, .descriptor = 2}}},
    {4,
     {{.number = 1, .from = WHERRY_FROM_NUMBER, .descriptor = 0},
      {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 0},
      {.number = 3, .from = WHERRY_FROM_NUMBER, .descriptor = 1},
      {.number = 4, .from = WHERRY_FROM_NUMBER, .descriptor = 1}}},
};

TEST(what_can_be_laid_out_is_taken)
{
    for (size_t i = 0; i < COUNT(good_layouts); i++) {
        const struct wherry_plan plan = {.file = "ls",
                                         .laid = good_layouts[i].laid,
                                         .laid_count = good_layouts[i].count};
        if (plan_check(&plan) != 0)
            FAIL("layout %zu is refused: %s", i, wherry_error_text());
    }
}

static const struct {
    size_t count;
    struct wherry_laid laid[ROWS];
    const char *sentence;
} bad_layouts[] = {
    {1, {{.number = -1}}, "-1 is no number for an open file: 0 to 1048576"},
    {1, {{.number = INT_MIN}}, "is no number for an open file: 0 to 1048576"},
    {1, {{.number = INT_MAX}}, "is no number for an open file: 0 to 1048576"},
    {1,
     {{.number = PROCESS_NUMBER_MOST + 1}},
     "1048577 is no number for an open file: 0 to 1048576"},
    {2, {{.number = 0}, {.number = -2}}, "-2 is no number for an open file"},
    {1,
     {{.number = 3, .from = (enum wherry_from)(WHERRY_FROM_NOTHING + 1)}},
     "number 3: it comes from nowhere known (from=10)"},
    {1,
     {{.number = 3, .from = (enum wherry_from)(-1)}},
     "number 3: it comes from nowhere known (from=-1)"},
    {2, {{.number = 3}, {.number = 3}}, "number 3 is laid out twice"},
    {4,
     {{.number = 0},
      {.number = 7},
      {.number = 1},
      {.number = 7, .from = WHERRY_FROM_NULL}},
     "number 7 is laid out twice"},
    {1, {{.number = 1, .from = WHERRY_FROM_FILE}}, "number 1: a file needs a path"},
    {1,
     {{.number = 1, .from = WHERRY_FROM_FILE, .path = ""}},
     "number 1: a file needs a path"},
    {1,
     {{.number = 4, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = -1}},
     "number 4: -1 is no descriptor"},
    {1, {{.number = 5, .from = WHERRY_FROM_CHANNEL}}, "number 5: which channel?"},
    {1,
     {{.number = 1, .from = WHERRY_FROM_PIPE, .access = WHERRY_ACCESS_APPEND}},
     "number 1: only a file has something to append to"},
    {1,
     {{3, WHERRY_FROM_CHANNEL, WHERRY_ACCESS_APPEND, 0, NULL, CHANNEL}},
     "number 3: only a file has something to append to"},
    {2,
     {{.number = 3, .from = WHERRY_FROM_MESSAGES},
      {.number = 4, .from = WHERRY_FROM_MESSAGES}},
     "a process has one channel for messages to its parent, not 2"},
    {4,
     {{.number = 3, .from = WHERRY_FROM_MESSAGES},
      {.number = 4, .from = WHERRY_FROM_MESSAGES},
      {.number = 0, .from = WHERRY_FROM_NULL},
      {.number = 1, .from = WHERRY_FROM_MESSAGES}},
     "a process has one channel for messages to its parent, not 3"},
    // Onto what neither is laid out nor is there in every process.
    {1,
     {{.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 3}},
     "number 2 is to be the same as 3, which is not laid out"},
    {1,
     {{.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = -1}},
     "number 2 is to be the same as -1, which is not laid out"},
    {1,
     {{.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = INT_MAX}},
     "number 2 is to be the same as 2147483647, which is not laid out"},
    {3,
     {{.number = 0, .from = WHERRY_FROM_PIPE},
      {.number = 1, .from = WHERRY_FROM_NUMBER, .descriptor = 2},
      {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 4}},
     "number 1 is to be the same as 4, which is not laid out"},
};

TEST(what_cannot_be_laid_out_is_refused)
{
    for (size_t i = 0; i < COUNT(bad_layouts); i++) {
        const struct wherry_plan plan = {.line = ":",
                                         .laid = bad_layouts[i].laid,
                                         .laid_count = bad_layouts[i].count};
        check_refused(&plan, bad_layouts[i].sentence);
    }
}

TEST(access_is_for_files_pipes_and_channels_alone)
{
    static const char sentence[] = "number 6: access is for files, pipes and channels";

    static const enum wherry_from without[] = {
        WHERRY_FROM_PARENT, WHERRY_FROM_NULL,     WHERRY_FROM_DESCRIPTOR,
        WHERRY_FROM_NUMBER, WHERRY_FROM_MESSAGES, WHERRY_FROM_NOTHING};

    for (size_t i = 0; i < COUNT(without); i++) {
        struct wherry_laid laid = {.number = 6, .from = without[i], .descriptor = 1};
        const struct wherry_plan plan = {.file = "ls", .laid = &laid, .laid_count = 1};
        check_fine(&plan);
        laid.access = WHERRY_ACCESS_READ;
        check_refused(&plan, sentence);
        laid.access = WHERRY_ACCESS_WRITE;
        check_refused(&plan, sentence);
        laid.access = WHERRY_ACCESS_APPEND;
        check_refused(&plan, sentence);
    }
}

TEST(an_access_that_is_none_is_refused)
{
    for (int from = WHERRY_FROM_PARENT; from <= WHERRY_FROM_NOTHING; from++) {
        struct wherry_laid laid = {
            6, (enum wherry_from)from, WHERRY_ACCESS_USUAL, 1, "x", CHANNEL};
        const struct wherry_plan plan = {.file = "ls", .laid = &laid, .laid_count = 1};
        check_fine(&plan);
        laid.access = (enum wherry_access)(WHERRY_ACCESS_APPEND + 1);
        check_refused(&plan, "number 6: access");
        laid.access = (enum wherry_access)(-1);
        check_refused(&plan, "number 6: access");
    }
}

// Number 10 is the same as 11, and so on, and the last the same as 10.
static void make_ring(struct wherry_laid *laid, int count)
{
    for (int i = 0; i < count; i++)
        laid[i] = (struct wherry_laid){.number = 10 + i,
                                       .from = WHERRY_FROM_NUMBER,
                                       .descriptor = 10 + (i + 1) % count};
}

TEST(a_ring_of_numbers_is_refused_whatever_its_length)
{
    struct wherry_laid laid[64];
    for (int count = 1; count <= (int)COUNT(laid); count++) {
        make_ring(laid, count);
        check_refused(
            &(struct wherry_plan){
                .file = "ls", .laid = laid, .laid_count = (size_t)count},
            "number 10 is to be the same as others that are the same as others");
    }
}

TEST(a_chain_has_sixteen_links_and_no_more)
{
    struct wherry_laid laid[18];
    struct wherry_plan plan = {.file = "ls", .laid = laid, .laid_count = 17};
    make_ring(laid, 17);
    laid[16].from = WHERRY_FROM_NULL;
    check_fine(&plan);
    plan.laid_count = 18;
    make_ring(laid, 18);
    laid[17].from = WHERRY_FROM_NULL;
    check_refused(&plan, "number 10 is to be the same as others");
}

TEST(a_ring_that_is_open_somewhere_is_a_chain)
{
    struct wherry_laid laid[16];
    const int count = COUNT(laid);
    const struct wherry_plan plan = {
        .file = "ls", .laid = laid, .laid_count = COUNT(laid)};
    for (int open = 0; open < count; open++) {
        make_ring(laid, count);
        laid[open].from = WHERRY_FROM_NULL;
        check_fine(&plan);
        make_ring(laid, count);
        laid[open].descriptor = open % 3; // which need not be laid out
        check_fine(&plan);
        laid[open].descriptor = 3;
        check_refused(&plan, "which is not laid out");
    }
}

TEST(a_chain_into_a_ring_is_refused)
{
    struct wherry_laid laid[] = {
        {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 3},
        {.number = 3, .from = WHERRY_FROM_NUMBER, .descriptor = 4},
        {.number = 4, .from = WHERRY_FROM_NUMBER, .descriptor = 5},
        {.number = 5, .from = WHERRY_FROM_NUMBER, .descriptor = 4},
    };
    const struct wherry_plan plan = {
        .file = "ls", .laid = laid, .laid_count = COUNT(laid)};
    check_refused(&plan, "the same as others, in a ring or more than 16 times");
    laid[3].descriptor = 5;
    check_refused(&plan, "the same as others, in a ring or more than 16 times");
    laid[3].descriptor = 1;
    check_fine(&plan);
}

TEST(so_many_numbers_are_laid_out_and_no_more)
{
    static struct wherry_laid laid[PROCESS_LAID_MOST + 1];
    struct wherry_plan plan = {.file = "ls", .laid = laid};
    for (int i = 0; i <= PROCESS_LAID_MOST; i++)
        laid[i] = (struct wherry_laid){.number = i, .from = WHERRY_FROM_NULL};
    plan.laid_count = PROCESS_LAID_MOST;
    check_fine(&plan);
    plan.laid_count++;
    check_refused(&plan, "1025 numbers are laid out, at most 1024 can be");
    plan.laid_count = SIZE_MAX;
    check_refused(&plan, "numbers are laid out, at most 1024 can be");
    // The two that are furthest apart are seen to be the same.
    plan.laid_count = PROCESS_LAID_MOST;
    laid[PROCESS_LAID_MOST - 1].number = 0;
    check_refused(&plan, "number 0 is laid out twice");
}

TEST(a_count_needs_a_list_and_a_list_may_be_empty)
{
    static const struct wherry_laid laid[] = {{.number = -1}};
    static const struct wherry_limit limits[] = {{"none", 1, 0}};
    check_fine(&(struct wherry_plan){.file = "ls", .laid = laid, .limits = limits});
    check_refused(&(struct wherry_plan){.file = "ls", .laid_count = 2},
                  "laid_count is 2, and there is no list");
    check_refused(&(struct wherry_plan){.file = "ls", .limit_count = 3},
                  "limit_count is 3, and there is no list");
}

TEST(what_is_laid_out_is_found_by_its_number)
{
    static const struct wherry_laid laid[] = {{.number = 7}, {.number = 0}};
    const struct wherry_plan plan = {
        .file = "ls", .laid = laid, .laid_count = COUNT(laid)};
    const struct wherry_plan short_plan = {.file = "ls", .laid = laid, .laid_count = 1};
    const struct wherry_plan empty = {.file = "ls"};
    CHECK(plan_find(&plan, 7) == &laid[0]);
    CHECK(plan_find(&plan, 0) == &laid[1]);
    CHECK(!plan_find(&plan, 1));
    CHECK(!plan_find(&plan, -1));
    CHECK(!plan_find(&short_plan, 0));
    CHECK(!plan_find(&empty, 0));
}

/* --- what it is ---------------------------------------------------------- */

static const struct {
    const char *text;
    uint32_t umask;
} umasks[] = {
    {"0", 0},
    {"00", 0},
    {"7", 07},
    {"07", 07},
    {"10", 010},
    {"22", 022},
    {"077", 077},
    {"0077", 077},
    {"123", 0123},
    {"456", 0456},
    {"777", 0777},
    {"0777", 0777},
    {"000000000000000000000000000000000777", 0777},
};

TEST(a_umask_is_read_as_octal)
{
    for (size_t i = 0; i < COUNT(umasks); i++) {
        const struct wherry_plan plan = {.file = "ls", .umask = umasks[i].text};
        check_fine(&plan);
        CHECK_INT(plan_umask(&plan), umasks[i].umask);
    }
}

TEST(what_is_no_umask_is_refused)
{
    static const char *const wrong[] = {
        "", "8", "9", "08", "1000", "01000", "7777", "-1", "+7", " 7", "7 ", "0x7",
        "0o77", "u=rw", "rwx", "77a", "7.0",
        // What would be 077 if digits were lost above 32 or 64 bits.
        "40000000077", "2000000000000000000077", "77777777777777777777777777777777"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char sentence[96];
        snprintf(sentence, sizeof(sentence), "umask: \"%s\" is not octal, 0 to 777",
                 wrong[i]);
        check_refused(&(struct wherry_plan){.file = "ls", .umask = wrong[i]}, sentence);
    }
}

TEST(niceness_goes_from_one_end_of_it_to_the_other)
{
    static const int good[] = {-40, -39, -1, 0, 1, 20, 39, 40};
    for (size_t i = 0; i < COUNT(good); i++)
        check_fine(&(struct wherry_plan){.file = "ls", .nice = good[i]});
    check_refused(&(struct wherry_plan){.file = "ls", .nice = 41},
                  "nice: 41 is not from -40 to 40");
    check_refused(&(struct wherry_plan){.file = "ls", .nice = -41},
                  "nice: -41 is not from -40 to 40");
    check_refused(&(struct wherry_plan){.file = "ls", .nice = INT_MIN},
                  "nice: -2147483648 is not from -40 to 40");
    check_refused(&(struct wherry_plan){.file = "ls", .nice = INT_MAX},
                  "nice: 2147483647 is not from -40 to 40");
}

TEST(the_signal_at_the_death_of_the_parent_is_one)
{
    for (int signal = 0; signal < OS_SIGNALS; signal++)
        check_fine(&(struct wherry_plan){.file = "ls", .death_signal = signal});
    check_refused(&(struct wherry_plan){.file = "ls", .death_signal = -1},
                  "death_signal: there is no signal -1");
    check_refused(&(struct wherry_plan){.file = "ls", .death_signal = 65},
                  "death_signal: there is no signal 65");
    check_fine(&(struct wherry_plan){.file = "ls", .guarded = 1});
    check_refused(&(struct wherry_plan){.file = "ls", .guarded = 1, .death_signal = 15},
                  "guarded and death_signal: one of the two");
}

TEST(there_are_three_places)
{
    check_fine(&(struct wherry_plan){.file = "ls", .place = WHERRY_GROUP_PARENT});
    check_fine(&(struct wherry_plan){.file = "ls", .place = WHERRY_GROUP_OWN});
    check_fine(&(struct wherry_plan){.file = "ls", .place = WHERRY_GROUP_SESSION});
    check_refused(&(struct wherry_plan){.file = "ls", .place = (enum wherry_group)3},
                  "place: 3 is none");
    check_refused(&(struct wherry_plan){.file = "ls", .place = (enum wherry_group)(-1)},
                  "place: -1 is none");
}

/* --- limits -------------------------------------------------------------- */

TEST(limits_have_the_names_of_prlimit)
{
    static const char *const names[] = {"as",       "core",   "cpu",        "data",
                                        "fsize",    "locks",  "memlock",    "stack",
                                        "msgqueue", "nice",   "nofile",     "nproc",
                                        "rss",      "rtprio", "sigpending", "rttime"};
    struct wherry_limit limits[COUNT(names)];
    for (size_t i = 0; i < COUNT(names); i++)
        limits[i] = (struct wherry_limit){names[i], i, i + i};
    check_fine(&(struct wherry_plan){
        .file = "ls", .limits = limits, .limit_count = COUNT(limits)});
}

TEST(a_soft_limit_is_at_most_the_hard_one)
{
    static const struct wherry_limit good[] = {{"core", 0, 0},
                                               {"core", 0, UINT64_MAX},
                                               {"core", UINT64_MAX, UINT64_MAX},
                                               {"core", 1, 2}};

    static const struct {
        struct wherry_limit limit;
        const char *sentence;
    } bad[] = {
        {{"core", 2, 1}, "limit core: the soft one (2) is over the hard one (1)"},
        {{"nofile", 1, 0}, "limit nofile: the soft one (1) is over the hard one (0)"},
        {{"as", UINT64_MAX, UINT64_MAX - 1},
         "limit as: the soft one (18446744073709551615) is over the hard one "
         "(18446744073709551614)"},
    };

    check_fine(&(struct wherry_plan){
        .file = "ls", .limits = good, .limit_count = COUNT(good)});
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct wherry_limit limits[] = {{"core", 0, 0}, bad[i].limit};
        check_refused(&(struct wherry_plan){.file = "ls",
                                            .limits = limits,
                                            .limit_count = COUNT(limits)},
                      bad[i].sentence);
    }
}

TEST(a_limit_without_a_known_name_is_refused)
{
    static const char *const wrong[] = {"",        "NOFILE", "nofiles",    "nofil",
                                        "nofile ", "core=0", "RLIMIT_CORE"};
    struct wherry_limit limits[] = {{"core", 0, 0}, {NULL, 0, 0}};
    const struct wherry_plan plan = {.file = "ls", .limits = limits, .limit_count = 2};
    check_refused(&plan, "there is no limit \"\": they are called as prlimit(1) calls "
                         "them, \"nofile\"");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char sentence[64];
        snprintf(sentence, sizeof(sentence), "there is no limit \"%s\"", wrong[i]);
        limits[1].name = wrong[i];
        check_refused(&plan, sentence);
    }
}

TEST(one_wrong_part_of_a_whole_plan_is_told)
{
    static const char *const list[] = {"A=1", NULL};
    static const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1}};
    static const struct wherry_limit limits[] = {{"nofile", 16, 32}};
    struct wherry_plan plan = {.file = "ls",
                               .name = "-ls",
                               .arguments = list,
                               .environment = list,
                               .changes = list,
                               .directory = "/",
                               .user = "nobody",
                               .umask = "077",
                               .limits = limits,
                               .limit_count = COUNT(limits),
                               .place = WHERRY_GROUP_SESSION,
                               .nice = 5,
                               .death_signal = 15,
                               .laid = laid,
                               .laid_count = COUNT(laid)};
    check_fine(&plan);
    plan.nice = 50;
    check_refused(&plan, "nice: 50 is not");
    plan.nice = 5;
    plan.umask = "888";
    check_refused(&plan, "umask: \"888\" is not");
}
