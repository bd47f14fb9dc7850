/* SPDX-License-Identifier: MIT */
/*
 * The table of mechanisms: complete, every option bounded as it says, and what is
 * absent said to be so by whoever is asked for it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "talk.h"

/* An address of each scheme that is right but for the option under test: before it and
 * behind it. */
static const struct {
    const char *scheme;
    const char *before;
    const char *behind;
    const char *text; /* what a text may be made of, again and again */
} frames[] = {
    {"pipe", "pipe:?", "", "x"},          {"fifo", "fifo:/x?", "", "x"},
    {"stdio", "stdio:?", "", "x"},        {"fd", "fd:3?", "", "x"},
    {"pair", "pair:?", "", "x"},          {"local", "local:x?", "", "x"},
    {"unix", "unix:/x?", "", "x"},        {"tcp", "tcp:127.0.0.1:1?", "", "x"},
    {"udp", "udp:127.0.0.1:1?", "", "x"}, {"mq", "mq:/x?", "", "x"},
    {"sysv", "sysv:1?", "", "x"},         {"queue", "queue:x?", "", "x"},
    {"signal", "signal:self?", "", "1,"}, {"exec", "exec?", ":true", "x"},
    {"memfd", "memfd:?", "", "x"},        {"shm", "shm:/x?", "", "x"},
    {"shmv", "shmv:1?", "", "x"},         {"file", "file:/x?", "", "x"},
    {"lease", "lease:x?", "", "x"},       {"sem", "sem:/x?", "", "x"},
    {"semv", "semv:1?", "", "0,"},        {"fault", "fault?", ":pair:", "x"},
};

enum { FRAMES = sizeof(frames) / sizeof(frames[0]) };

typedef void each_option(size_t frame, const struct wherry_option *);

static void for_each_option(each_option *check)
{
    for (size_t i = 0; i < FRAMES; i++) {
        const struct wherry_mechanism *mechanism =
            wherry_mechanism_find(frames[i].scheme);
        const struct wherry_option *option;
        CHECK(mechanism != NULL);
        for (size_t j = 0; (option = wherry_mechanism_option(mechanism, j)); j++)
            check(i, option);
    }
}

static int check_value(size_t frame, const char *name, const char *value)
{
    char address[1024];
    snprintf(address, sizeof(address), "%s%s=%s%s", frames[frame].before, name, value,
             frames[frame].behind);
    return wherry_address_check(address);
}

static void takes(size_t frame, const char *name, const char *value)
{
    if (check_value(frame, name, value) < 0)
        FAIL("%s: %s=%s is refused: %s", frames[frame].scheme, name, value,
             wherry_error_text());
}

static void refuses(size_t frame, const char *name, const char *value)
{
    if (check_value(frame, name, value) != -EINVAL)
        FAIL("%s: %s=%s is taken", frames[frame].scheme, name, value);
    CHECK_CONTAINS(wherry_error_text(), name);
}

static const char *number(char text[32], int64_t value, const char *unit)
{
    snprintf(text, 32, "%" PRId64 "%s", value, unit);
    return text;
}

static void check_bounds(size_t frame, const struct wherry_option *option)
{
    bool is_time = option->type == WHERRY_OPTION_DURATION;
    const char *unit = is_time ? "ns" : "";
    char text[32];
    takes(frame, option->name, number(text, option->least, unit));
    takes(frame, option->name, number(text, option->most, unit));
    refuses(frame, option->name, number(text, option->least - 1, unit));
    refuses(frame, option->name, number(text, option->most + 1, unit));
    refuses(frame, option->name, "much");
}

static void check_choices(size_t frame, const struct wherry_option *option)
{
    char choices[256];
    snprintf(choices, sizeof(choices), "%s", option->choices);
    for (char *end, *word = choices; word; word = end ? end + 1 : NULL) {
        end = strchr(word, '|');
        if (end)
            *end = 0;
        takes(frame, option->name, word);
    }
    refuses(frame, option->name, "no-such-choice");
    refuses(frame, option->name, "");
}

static void check_flag(size_t frame, const struct wherry_option *option)
{
    static const char *const right[] = {"yes", "no", "1", "0"};
    for (int i = 0; i < 4; i++)
        takes(frame, option->name, right[i]);
    refuses(frame, option->name, "perhaps");
}

static void check_text(size_t frame, const struct wherry_option *option)
{
    char text[600];
    CHECK_RANGE(option->most, 1, (int64_t)sizeof(text) - 2);
    const char *of = frames[frame].text;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = of[i % strlen(of)];
    text[option->most + 1] = 0;
    refuses(frame, option->name, text);
    text[option->most] = 0;
    takes(frame, option->name, text);
    text[option->least] = 0;
    takes(frame, option->name, text);
}

static void check_option(size_t frame, const struct wherry_option *option)
{
    static each_option *const checks[] = {
        [WHERRY_OPTION_NUMBER] = check_bounds,   [WHERRY_OPTION_SIZE] = check_bounds,
        [WHERRY_OPTION_DURATION] = check_bounds, [WHERRY_OPTION_FLAG] = check_flag,
        [WHERRY_OPTION_CHOICE] = check_choices,  [WHERRY_OPTION_TEXT] = check_text,
    };

    checks[option->type](frame, option);
    if (option->standard)
        takes(frame, option->name, option->standard);
}

TEST(every_bound_of_every_option_holds)
{
    for_each_option(check_option);
}

static void check_help(size_t frame, const struct wherry_option *option)
{
    size_t size = option->help ? strlen(option->help) : 0;
    if (size < 10 || option->help[size - 1] != '.')
        FAIL("%s: %s has no sentence of help", frames[frame].scheme, option->name);
}

TEST(every_option_has_a_sentence_of_help)
{
    for_each_option(check_help);
}

static void check_single(size_t frame, const struct wherry_option *option)
{
    const struct wherry_mechanism *mechanism =
        wherry_mechanism_find(frames[frame].scheme);
    const struct wherry_option *other;
    for (size_t i = 0; (other = wherry_mechanism_option(mechanism, i)); i++)
        if (other != option && strcmp(other->name, option->name) == 0)
            FAIL("%s: %s is there twice", frames[frame].scheme, option->name);
}

TEST(no_option_is_there_twice)
{
    for_each_option(check_single);
}

TEST(every_mechanism_is_described)
{
    const struct wherry_mechanism *mechanism;
    size_t count = 0;
    for (; (mechanism = wherry_mechanism_at(count)) && !mechanism->absent; count++) {
        CHECK(mechanism->instead == NULL);
        CHECK(!(mechanism->traits & WHERRY_TRAIT_ELSEWHERE));
        bool is_channel =
            !(mechanism->traits & (WHERRY_TRAIT_MEMORY | WHERRY_TRAIT_TURNS));
        CHECK(is_channel ==
              !!(mechanism->abilities & (WHERRY_ABLE_DIAL | WHERRY_ABLE_PAIR)));
        CHECK(is_channel == !!(mechanism->abilities & WHERRY_ABLE_SEND));
        CHECK(is_channel == !!(mechanism->abilities & WHERRY_ABLE_RECV));
        if (mechanism->example)
            CHECK_ERROR(wherry_address_check(mechanism->example), 0);
    }
    CHECK_INT(count, FRAMES);
}

TEST(every_row_of_the_table_is_whole)
{
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++) {
        CHECK(mechanism == wherry_mechanism_find(mechanism->scheme));
        CHECK_CONTAINS(mechanism->usage, mechanism->scheme);
        CHECK(strlen(mechanism->mechanism) > 0);
        CHECK(strlen(mechanism->limit) > 0);
        CHECK(strlen(mechanism->systems) > 0);
        CHECK(strchr(mechanism->summary, 0)[-1] == '.');
    }
}

/* --- what is absent ------------------------------------------------------ */

static const struct wherry_mechanism *absent_at(size_t index)
{
    const struct wherry_mechanism *mechanism = wherry_mechanism_at(FRAMES + index);
    if (mechanism && !mechanism->absent)
        FAIL("%s: stands behind the first that is absent", mechanism->scheme);
    return mechanism;
}

TEST(every_mechanism_of_the_design_has_a_row_of_its_own)
{
    static const char *const schemes[] = {
        "local",   "queue", "exec", "tls",  "ws",    "http", "nats", "npipe",
        "streams", "lease", "sem",  "semv", "memfd", "shm",  "shmv", "file"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (!wherry_mechanism_find(schemes[i]))
            FAIL("%s: has no row", schemes[i]);
}

// Whatever one says to take instead begins with a scheme, which can be opened.
TEST(what_to_take_instead_of_an_absent_one_is_there)
{
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = absent_at(i)); i++) {
        char scheme[32];
        size_t size = strcspn(mechanism->instead, ":");
        CHECK_RANGE(size, 1, sizeof(scheme) - 1);
        snprintf(scheme, sizeof(scheme), "%.*s", (int)size, mechanism->instead);
        const struct wherry_mechanism *instead = wherry_mechanism_find(scheme);
        if (!instead || instead->absent)
            FAIL("%s: %s: is not there either", mechanism->scheme, scheme);
    }
    CHECK(wherry_mechanism_at(FRAMES) != NULL);
}

static void check_refusal(const struct wherry_mechanism *mechanism, int result)
{
    CHECK_ERROR(result, -ENOTSUP);
    CHECK_CONTAINS(wherry_error_text(), mechanism->scheme);
    CHECK_CONTAINS(wherry_error_text(), mechanism->absent);
    CHECK_CONTAINS(wherry_error_text(), mechanism->instead);
}

TEST(whoever_opens_what_is_absent_hears_why_and_what_to_take)
{
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = absent_at(i)); i++) {
        wherry_channel *ends[2];
        wherry_listener *listener;
        char address[64];
        snprintf(address, sizeof(address), "%s:x", mechanism->scheme);
        check_refusal(mechanism, wherry_address_check(address));
        check_refusal(mechanism, wherry_dial(address, WHERRY_POLL, &ends[0]));
        check_refusal(mechanism, wherry_listen(address, &listener));
        check_refusal(mechanism, wherry_pair(address, ends));
        check_refusal(mechanism, wherry_remove(address));
        CHECK(wherry_mechanism_option(mechanism, 0) == NULL);
    }
}

TEST(the_grammar_of_what_is_absent_is_no_matter)
{
    FAILS(wherry_address_check("ws:host:80/%zz?x"), -ENOTSUP, "ws: is not there");
    FAILS(wherry_address_check("fault?delay=1ms:ws:x"), -ENOTSUP, "tcp:");
    FAILS(wherry_address_check("leese:"), -EINVAL, "did you mean \"lease:\"");
}

static bool has_way(const char *address, unsigned ability)
{
    wherry_channel *ends[2] = {NULL, NULL};
    wherry_listener *listener = NULL;
    int r;
    if (ability == WHERRY_ABLE_PAIR)
        r = wherry_pair(address, ends);
    else if (ability == WHERRY_ABLE_LISTEN)
        r = wherry_listen(address, &listener);
    else
        r = wherry_dial(address, WHERRY_POLL, &ends[0]);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
    wherry_close_listener(listener);
    return r != -ENOTSUP;
}

TEST(the_ways_to_open_are_those_that_the_table_says)
{
    static const unsigned ways[] = {WHERRY_ABLE_DIAL, WHERRY_ABLE_LISTEN,
                                    WHERRY_ABLE_PAIR};
    const char *const addresses[] = {"pipe:",
                                     address_in_directory("fifo", "f"),
                                     "stdio:",
                                     "pair:",
                                     address_in_directory("unix", "s"),
                                     "tcp:127.0.0.1:0",
                                     "udp:127.0.0.1:0",
                                     "memfd:?size=4096"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        char scheme[16] = "";
        memcpy(scheme, addresses[i], strcspn(addresses[i], ":"));
        const struct wherry_mechanism *mechanism = wherry_mechanism_find(scheme);
        for (int way = 0; way < 3; way++)
            if (has_way(addresses[i], ways[way]) !=
                !!(mechanism->abilities & ways[way]))
                FAIL("%s: way %d is not as the table says", scheme, way);
    }
}

TEST(past_the_end_and_for_strangers_there_is_nothing)
{
    size_t count = FRAMES;
    while (wherry_mechanism_at(count))
        count++;
    CHECK(wherry_mechanism_at(count + 1) == NULL);
    CHECK(wherry_mechanism_at(SIZE_MAX) == NULL);
    CHECK(wherry_mechanism_find("nothing") == NULL);
    CHECK(wherry_mechanism_find("") == NULL);
    CHECK(wherry_mechanism_find(NULL) == NULL);
    CHECK(wherry_mechanism_option(NULL, 0) == NULL);
    CHECK(wherry_mechanism_option(wherry_mechanism_find("pipe"), SIZE_MAX) == NULL);
}

TEST(an_unknown_scheme_names_the_nearest_and_all)
{
    FAILS(wherry_address_check("pipr:"), -EINVAL, "did you mean \"pipe:\"");
    FAILS(wherry_address_check("unix-socket:/x"), -EINVAL, "no scheme \"unix-socket\"");
    for (size_t i = 0; i < FRAMES; i++)
        CHECK_CONTAINS(wherry_error_text(), frames[i].scheme);
    FAILS(wherry_address_check(""), -EINVAL, "empty");
    FAILS(wherry_address_check(NULL), -EINVAL, "NULL");
}

TEST(an_unknown_option_names_the_nearest)
{
    FAILS(wherry_address_check("unix:/x?bakclog=3"), -EINVAL, "backlog");
    FAILS(wherry_address_check("tcp:h:1?mode=600"), -EINVAL, "nodelay");
    FAILS(wherry_address_check("pipe:?duplex=1&duplex=1"), -EINVAL, "twice");
}
