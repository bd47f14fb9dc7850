/* SPDX-License-Identifier: MIT */
/*
 * The values of options: every type at each of its bounds and one past it, and the
 * sentences.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <wherry/channel.h>

#include "message/message.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define ZEROES "0000000000000000"

static const struct wherry_option backlog = {
    "backlog", WHERRY_OPTION_NUMBER, "128", 1, 4096, NULL, "."};
static const struct wherry_option any_number = {
    "any", WHERRY_OPTION_NUMBER, NULL, INT64_MIN, INT64_MAX, NULL, "."};
static const struct wherry_option below = {
    "below", WHERRY_OPTION_NUMBER, "-1", -20, -1, NULL, "."};
static const struct wherry_option message_size = {
    "message", WHERRY_OPTION_SIZE, "16M", 1, INT64_C(1) << 30, NULL, "."};
static const struct wherry_option any_size = {
    "any", WHERRY_OPTION_SIZE, NULL, 0, INT64_MAX, NULL, "."};
static const struct wherry_option handshake = {
    "handshake", WHERRY_OPTION_DURATION, "2s", MILLISECOND, 60 * SECOND, NULL, "."};
static const struct wherry_option any_duration = {
    "any", WHERRY_OPTION_DURATION, NULL, 0, INT64_MAX, NULL, "."};
static const struct wherry_option few = {"few", WHERRY_OPTION_NUMBER, NULL, 2, 3, NULL,
                                         "."};
static const struct wherry_option many = {
    "many", WHERRY_OPTION_SIZE, "1K", 1, INT64_MAX, NULL, "."};
static const struct wherry_option keep = {"keep", WHERRY_OPTION_FLAG, "no", 0, 0, NULL,
                                          "."};
static const struct wherry_option full = {
    "full", WHERRY_OPTION_CHOICE, "block", 0, 0, "block|fail|drop-oldest|latest", "."};
static const struct wherry_option only = {
    "only", WHERRY_OPTION_CHOICE, NULL, 0, 0, "one", "."};
static const struct wherry_option bind_path = {
    "bind", WHERRY_OPTION_TEXT, NULL, 1, 107, NULL, "."};
static const struct wherry_option free_text = {
    "free", WHERRY_OPTION_TEXT, "", 0, INT64_MAX, NULL, "."};

static const struct {
    const struct wherry_option *option;
    const char *text;
    int64_t value;
} read[] = {
    {&backlog, "1", 1},
    {&backlog, "4096", 4096},
    {&backlog, "0128", 128},
    {&any_number, "-9223372036854775808", INT64_MIN},
    {&any_number, "9223372036854775807", INT64_MAX},
    {&any_number, "-0", 0},
    {&any_number, "0", 0},
    {&below, "-20", -20},
    {&below, "-1", -1},
    {&message_size, "1", 1},
    {&message_size, "1G", INT64_C(1) << 30},
    {&message_size, "1024M", INT64_C(1) << 30},
    {&message_size, "64k", 65536},
    {&message_size, "16m", 1 << 24},
    {&message_size, "4096", 4096},
    {&any_size, "0", 0},
    {&any_size, "0K", 0},
    {&any_size, "8589934591G", INT64_C(8589934591) << 30},
    {&any_size, "9223372036854775807", INT64_MAX},
    {&handshake, "1ms", MILLISECOND},
    {&handshake, "1000us", MILLISECOND},
    {&handshake, "1000000ns", MILLISECOND},
    {&handshake, "60s", 60 * SECOND},
    {&handshake, "1min", 60 * SECOND},
    {&handshake, "20MS", 20 * MILLISECOND},
    {&any_duration, "0", 0},
    {&any_duration, "0s", 0},
    {&any_duration, "1ns", 1},
    {&any_duration, "153722867min", INT64_C(153722867) * 60 * SECOND},
    {&keep, "no", 0},
    {&keep, "yes", 1},
    {&keep, "0", 0},
    {&keep, "1", 1},
    {&full, "block", 0},
    {&full, "fail", 1},
    {&full, "drop-oldest", 2},
    {&full, "latest", 3},
    {&only, "one", 0},
    {&bind_path, "x", 0},
    {&free_text, "", 0},
    {&free_text, "any text = & ?", 0},
};

TEST(every_type_is_read_up_to_its_bounds)
{
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        int64_t value = -77;
        CHECK_INT(option_read(read[i].option, read[i].text, &value), 0);
        CHECK_INT(value, read[i].value);
    }
}

static const struct {
    const struct wherry_option *option;
    const char *text;
    const char *told;
} refused[] = {
    {&backlog, "0",
     "backlog=0 is out of bounds; it is a number from 1 to 4096, for example "
     "backlog=128"},
    {&backlog, "4097", "backlog=4097 is out of bounds"},
    {&backlog, "-1", "out of bounds"},
    {&backlog, "99999999999999999999", "out of bounds"},
    {&backlog, "18446744073709551617", "out of bounds"},
    {&backlog, "", "backlog= is not understood; it is a number from 1 to 4096"},
    {&backlog, "x", "not understood"},
    {&backlog, "1x", "not understood"},
    {&backlog, "1K", "not understood"},
    {&backlog, " 1", "not understood"},
    {&backlog, "+1", "not understood"},
    {&backlog, "0x10", "not understood"},
    {&backlog, "1.5", "not understood"},
    {&backlog, "-", "not understood"},
    {&any_number, "9223372036854775808", "out of bounds"},
    {&any_number, "-9223372036854775809", "out of bounds"},
    {&any_number, "x",
     "it is a number of at least -9223372036854775808, for example "
     "any=-9223372036854775808"},
    {&few, "1", "it is a number from 2 to 3, for example few=2"},
    {&few, "4", "out of bounds"},
    {&many, "0", "it is a size in bytes of at least 1, for example many=1K"},
    {&any_duration, "18446744073709551616", "not understood"},
    // Its last 64 bits are 0, and 0 alone goes without a unit.
    {&any_duration, "1" ZEROES ZEROES ZEROES ZEROES, "not understood"},
    {&below, "-21", "a number from -20 to -1, for example below=-1"},
    {&below, "0", "out of bounds"},
    {&message_size, "0",
     "message=0 is out of bounds; it is a size in bytes from 1 to 1G, "
     "for example message=16M"},
    {&message_size, "1073741825", "out of bounds"},
    {&message_size, "2G", "message=2G is out of bounds"},
    {&message_size, "9223372036854775807G", "out of bounds"},
    {&message_size, "64KB", "message=64KB is not understood"},
    {&message_size, "64T", "not understood"},
    {&message_size, "64[", "not understood"},
    {&message_size, "64+", "not understood"},
    {&handshake, "20m", "not understood"},
    {&handshake, "20mS ", "not understood"},
    {&message_size, "K", "not understood"},
    {&any_size, "-1", "any=-1 is out of bounds; it is a size in bytes of at least 0"},
    {&any_size, "8589934592G", "out of bounds"},
    {&handshake, "999us",
     "handshake=999us is out of bounds; it is a duration with its unit "
     "from 1ms to 1min, for example handshake=2s"},
    {&handshake, "60001ms", "out of bounds"},
    {&handshake, "61s", "out of bounds"},
    {&handshake, "0", "out of bounds"},
    {&handshake, "2", "handshake=2 is not understood; it is a duration with its unit"},
    {&handshake, "2m", "not understood"},
    {&handshake, "s", "not understood"},
    {&handshake, "1.5s", "not understood"},
    {&handshake, "2 s", "not understood"},
    {&any_duration, "153722868min", "out of bounds"},
    {&keep, "", "keep= is not understood; it is yes or no, for example keep=yes"},
    {&keep, "Yes", "not understood"},
    {&keep, "true", "not understood"},
    {&keep, "2", "not understood"},
    {&full, "blok",
     "full=blok is not understood; it is one of "
     "block|fail|drop-oldest|latest; did you mean full=block?"},
    {&full, "zzz",
     "it is one of block|fail|drop-oldest|latest, for example full=block"},
    {&full, "", "not understood"},
    {&full, "block|fail", "not understood"},
    {&full, "bloc", "did you mean full=block?"},
    {&full, "blocks", "did you mean full=block?"},
    {&full, "drop_oldest", "did you mean full=drop-oldest?"},
    {&only, "qqq", "it is one of one, for example only=one"},
    {&bind_path, "", "bind= is out of bounds; it has 0 bytes, from 1 to 107 are taken"},
};

TEST(every_type_refuses_what_is_past_its_bounds_and_says_what_would_do)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        int64_t value = -77;
        CHECK_ERROR(option_read(refused[i].option, refused[i].text, &value), -EINVAL);
        CHECK_INT(value, -77);
        CHECK_CONTAINS(wherry_error_text(), refused[i].told);
    }
}

TEST(a_text_is_bounded_by_its_length)
{
    char text[109];
    int64_t value = -77;
    memset(text, 'x', sizeof text);
    text[107] = '\0';
    CHECK_INT(option_read(&bind_path, text, &value), 0);
    CHECK_INT(value, 0);
    text[107] = 'x';
    text[108] = '\0';
    CHECK_ERROR(option_read(&bind_path, text, &value), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "it has 108 bytes, from 1 to 107 are taken");
}

TEST(a_long_wrong_value_is_shown_in_part)
{
    char text[200];
    int64_t value;
    memset(text, '7', sizeof text);
    text[64] = '\0';
    CHECK_ERROR(option_read(&backlog, text, &value), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "777 is out");
    text[64] = '7';
    text[65] = '\0';
    CHECK_ERROR(option_read(&backlog, text, &value), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "777... is out");
}

TEST(control_bytes_of_a_value_are_escaped)
{
    int64_t value;
    CHECK_ERROR(option_read(&keep, "\x1b[31m", &value), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "keep=\\x1B[31m is");
}

static const struct {
    const struct wherry_option *option;
    int64_t value;
    const char *text;
} printed[] = {
    {&backlog, 128, "128"},
    {&any_number, INT64_MIN, "-9223372036854775808"},
    {&any_number, INT64_MAX, "9223372036854775807"},
    {&any_number, 0, "0"},
    {&any_number, 1024, "1024"},
    {&any_size, 0, "0"},
    {&any_size, 1, "1"},
    {&any_size, 1023, "1023"},
    {&any_size, 1024, "1K"},
    {&any_size, 1025, "1025"},
    {&any_size, 65536, "64K"},
    {&any_size, 1 << 24, "16M"},
    {&any_size, INT64_C(3) << 30, "3G"},
    {&any_size, (1 << 20) + 1024, "1025K"},
    {&any_size, INT64_MAX, "9223372036854775807"},
    {&any_duration, 0, "0"},
    {&any_duration, 1, "1ns"},
    {&any_duration, 1000, "1us"},
    {&any_duration, 1500, "1500ns"},
    {&any_duration, 20 * MILLISECOND, "20ms"},
    {&any_duration, 2 * SECOND, "2s"},
    {&any_duration, 1500 * MILLISECOND, "1500ms"},
    {&any_duration, 60 * SECOND, "1min"},
    {&any_duration, 90 * SECOND, "90s"},
    {&keep, 0, "no"},
    {&keep, 1, "yes"},
    {&full, 0, "block"},
    {&full, 2, "drop-oldest"},
    {&full, 3, "latest"},
};

TEST(a_value_is_written_as_one_would_write_it)
{
    for (size_t i = 0; i < sizeof printed / sizeof *printed; i++) {
        char text[64];
        int64_t again = -77;
        option_print(printed[i].option, printed[i].value, text, sizeof text);
        CHECK_STRING(text, printed[i].text);
        CHECK_INT(option_read(printed[i].option, text, &again), 0);
        CHECK_INT(again, printed[i].value);
    }
}

TEST(what_is_no_choice_and_what_is_text_is_written_as_nothing)
{
    char text[64] = "x";
    option_print(&full, 4, text, sizeof text);
    CHECK_STRING(text, "");
    option_print(&full, -1, text, sizeof text);
    CHECK_STRING(text, "");
    option_print(&bind_path, 0, text, sizeof text);
    CHECK_STRING(text, "");
}

TEST(a_value_is_written_into_the_room_there_is)
{
    char text[4] = "abc";
    option_print(&any_number, 123456, text, sizeof text);
    CHECK_STRING(text, "123");
    option_print(&full, 2, text, sizeof text);
    CHECK_STRING(text, "dro");
}

static const struct wherry_option table[] = {
    {"keep", WHERRY_OPTION_FLAG, "no", 0, 0, NULL, "."},
    {"full", WHERRY_OPTION_CHOICE, "block", 0, 0, "block|fail", "."},
    {NULL, WHERRY_OPTION_NUMBER, NULL, 0, 0, NULL, NULL},
};

TEST(an_option_is_found_by_its_whole_name)
{
    CHECK(option_find(table, "keep") == &table[0]);
    CHECK(option_find(table, "full") == &table[1]);
    CHECK(!option_find(table, "ful"));
    CHECK(!option_find(table, "fulll"));
    CHECK(!option_find(table, ""));
}

TEST(of_very_many_choices_the_first_ones_are_suggested)
{
    enum { MANY = 40, EACH = 4 };

    char choices[MANY * EACH] = "";
    int64_t value = -77;
    for (int i = 0; i < MANY; i++)
        snprintf(choices + strlen(choices), EACH, "%sv%c", i ? "|" : "", '0' + i);
    struct wherry_option option = full;
    option.choices = choices;
    CHECK_ERROR(option_read(&option, "v1v", &value), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "did you mean full=v1?");
    CHECK_INT(value, -77);
    CHECK_INT(option_read(&option, "vW", &value), 0);
    CHECK_INT(value, MANY - 1);
}

TEST(a_choice_is_known_by_its_place)
{
    CHECK(option_is(&full, 0, "block"));
    CHECK(option_is(&full, 2, "drop-oldest"));
    CHECK(option_is(&full, 3, "latest"));
    CHECK(!option_is(&full, 1, "block"));
    CHECK(!option_is(&full, 0, "black"));
    CHECK(!option_is(&full, 0, "bloc"));
    CHECK(!option_is(&full, 0, "blocks"));
    CHECK(!option_is(&full, 0, "block|fail"));
    CHECK(!option_is(&full, 4, "latest"));
    CHECK(!option_is(&full, -1, "block"));
    CHECK(!option_is(&keep, 0, "no"));
}
