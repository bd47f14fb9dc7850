/* SPDX-License-Identifier: MIT */
/*
 * The sentence of the last failure: whole, per thread, harmless to a terminal.
 */
#include "harness.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <wherry/channel.h>

#include "base/base.h"

enum { LONGEST = FAILURE_TEXT - 1 - 3 }; // a NUL, and room for the mark of a cut

TEST(there_is_no_sentence_before_the_first_failure)
{
    CHECK_STRING(wherry_error_text(), "");
}

TEST(a_failure_keeps_its_sentence_and_returns_its_error)
{
    CHECK_ERROR(failure(-EPIPE, "unix:%s: %d of %d", "/x", 3, 4), -EPIPE);
    CHECK_STRING(wherry_error_text(), "unix:/x: 3 of 4");
    CHECK_ERROR(failure(-EINVAL, "other"), -EINVAL);
    CHECK_STRING(wherry_error_text(), "other");
}

TEST(a_plain_failure_says_what_the_error_means)
{
    CHECK_ERROR(failure_plain(-ETIMEDOUT, "tcp:host:80"), -ETIMEDOUT);
    CHECK_STRING(wherry_error_text(), "tcp:host:80: the deadline passed");
}

TEST(a_prefix_stands_before_the_sentence)
{
    failure(-EPROTO, "broken\x01record");
    CHECK_ERROR(failure_prefix(-EMSGSIZE, "tcp:%s:%d", "host", 80), -EMSGSIZE);
    CHECK_STRING(wherry_error_text(), "tcp:host:80: broken\\x01record");
}

TEST(a_prefix_without_a_sentence_says_what_the_error_means)
{
    failure_prefix(-EPIPE, "here");
    CHECK_STRING(wherry_error_text(), "here: the peer is gone");
}

TEST(a_long_prefix_is_cut_and_the_sentence_with_it)
{
    char text[2 * FAILURE_TEXT];
    memset(text, 'p', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    failure(-EPIPE, "sentence");
    failure_prefix(-EPIPE, "%s", text);
    CHECK_INT(strlen(wherry_error_text()), FAILURE_TEXT - 1);
    CHECK_CONTAINS(wherry_error_text(), "ppp\xe2\x80\xa6");
}

TEST(a_sentence_may_be_made_of_the_last_one)
{
    failure(-EPIPE, "first");
    failure(-EPIPE, "second after %s", wherry_error_text());
    CHECK_STRING(wherry_error_text(), "second after first");
}

TEST(every_single_byte_is_shown_or_escaped)
{
    for (int byte = 1; byte < 256; byte++) {
        char expected[32];
        bool is_plain = byte >= ' ' && byte < 0x7f;
        snprintf(expected, sizeof expected, is_plain ? "<%c>" : "<\\x%02X>", byte);
        failure(-EINVAL, "<%c>", byte);
        CHECK_STRING(wherry_error_text(), expected);
    }
}

static const char *const whole_characters[] = {
    "\xc2\xa0",         "\xc3\xa9",         "\xdf\xbf",         "\xe0\xa0\x80",
    "\xe2\x80\xa6",     "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbf",
    "\xf0\x90\x80\x80", "\xf0\x9f\x9b\xb6", "\xf4\x8f\xbf\xbf",
};

TEST(characters_of_utf_8_are_kept)
{
    for (size_t i = 0; i < sizeof whole_characters / sizeof *whole_characters; i++) {
        failure(-EINVAL, "%s", whole_characters[i]);
        CHECK_STRING(wherry_error_text(), whole_characters[i]);
    }
}

static const struct {
    const char *bytes;
    const char *shown;
} broken_characters[] = {
    {"\xc2\x9b", "\\xC2\\x9B"},                   // a control character of 8 bits
    {"\xc2", "\\xC2"},                            // cut
    {"\xe2\x80", "\\xE2\\x80"},                   // cut
    {"\xf0\x9f\x9b", "\\xF0\\x9F\\x9B"},          // cut
    {"\xc3x", "\\xC3x"},                          // not continued
    {"\xe2\x80x", "\\xE2\\x80x"},                 // not continued
    {"\xc0\xaf", "\\xC0\\xAF"},                   // overlong
    {"\xc1\xbf", "\\xC1\\xBF"},                   // overlong
    {"\xe0\x9f\xbf", "\\xE0\\x9F\\xBF"},          // overlong
    {"\xf0\x8f\xbf\xbf", "\\xF0\\x8F\\xBF\\xBF"}, // overlong
    {"\xed\xa0\x80", "\\xED\\xA0\\x80"},          // a surrogate
    {"\xed\xbf\xbf", "\\xED\\xBF\\xBF"},          // a surrogate
    {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"}, // past the last
    {"\xf5\x80\x80\x80", "\\xF5\\x80\\x80\\x80"}, // past the last
    {"\x80", "\\x80"},                            // a continuation alone
};

TEST(what_is_no_utf_8_is_escaped)
{
    for (size_t i = 0; i < sizeof broken_characters / sizeof *broken_characters; i++) {
        failure(-EINVAL, "%s", broken_characters[i].bytes);
        CHECK_STRING(wherry_error_text(), broken_characters[i].shown);
    }
}

TEST(the_longest_sentence_is_kept_whole)
{
    char text[LONGEST + 2];
    memset(text, 'a', sizeof text);
    text[LONGEST] = '\0';
    failure(-EINVAL, "%s", text);
    CHECK_STRING(wherry_error_text(), text);
}

TEST(a_longer_sentence_is_cut_and_says_so)
{
    char text[2 * FAILURE_TEXT];
    for (size_t size = LONGEST + 1; size < sizeof text; size++) {
        memset(text, 'a', size);
        text[size] = '\0';
        failure(-EINVAL, "%s", text);
        CHECK_INT(strlen(wherry_error_text()), LONGEST + 3);
        CHECK_STRING(wherry_error_text() + LONGEST, "\xe2\x80\xa6");
    }
}

TEST(a_cut_goes_through_no_character_and_no_escape)
{
    char text[FAILURE_TEXT + 8];
    for (size_t plain = LONGEST - 5; plain <= LONGEST; plain++) {
        memset(text, 'a', plain);
        strcpy(text + plain, "\xf0\x9f\x9b\xb6 more");
        failure(-EINVAL, "%s", text);
        bool fits = plain + 4 <= LONGEST;
        CHECK_INT(strncmp(wherry_error_text() + plain, "\xf0\x9f\x9b\xb6", 4) == 0,
                  fits);
        strcpy(text + plain, "\x1b more");
        failure(-EINVAL, "%s", text);
        CHECK_INT(strncmp(wherry_error_text() + plain, "\\x1B", 4) == 0, fits);
        const char *end = wherry_error_text() + strlen(wherry_error_text());
        CHECK_STRING(end - 3, "\xe2\x80\xa6");
    }
}

static void *fail_elsewhere(void *argument)
{
    CHECK_STRING(wherry_error_text(), "");
    failure(-EPIPE, "theirs");
    CHECK_STRING(wherry_error_text(), "theirs");
    return argument;
}

TEST(each_thread_has_its_own_sentence)
{
    pthread_t thread;
    failure(-EPIPE, "ours");
    CHECK_INT(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_STRING(wherry_error_text(), "ours");
}

TEST(another_library_makes_the_sentence_likewise)
{
    char long_one[2 * FAILURE_TEXT];
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = 0;
    CHECK_ERROR(wherry_error_set(-EBUSY, "%s %d\n", "watch", 7), -EBUSY);
    CHECK_STRING(wherry_error_text(), "watch 7\\x0A");
    CHECK_ERROR(wherry_error_set(-EIO, "%s", long_one), -EIO);
    CHECK(strlen(wherry_error_text()) < FAILURE_TEXT);
}

TEST(a_failure_asks_for_no_memory)
{
    harness_fail_allocation(1, true);
    failure(-ENOMEM, "%s %d", "no memory", 1);
    failure_prefix(-ENOMEM, "%s", "here");
    failure_plain(-ENOMEM, "x");
    CHECK_INT(harness_failed_allocations(), 0);
    harness_fail_allocation(0, false);
}

TEST(every_error_has_words)
{
    static const int known[] = {
        EPERM,      ENOENT,    EAGAIN,     ENOMEM,   EACCES,  EINVAL,    EMFILE,
        ENFILE,     EPIPE,     EPROTO,     EMSGSIZE, ENOTSUP, ETIMEDOUT, ECONNREFUSED,
        ECONNRESET, ECANCELED, EOWNERDEAD, E2BIG,    EBADMSG, EALREADY};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        CHECK(strncmp(error_words(known[i]), "error ", 6) != 0);
        CHECK_STRING(error_words(-known[i]), error_words(known[i]));
    }
    for (int error = 0; error < 200; error++)
        CHECK(strlen(error_words(error)) > 3);
    CHECK_STRING(error_words(0), "no error");
}

TEST(an_unknown_error_is_told_by_its_number)
{
    CHECK_STRING(error_words(99999), "error 99999");
    CHECK_STRING(error_words(-99999), "error 99999");
    CHECK_STRING(error_words(INT_MAX), "error 2147483647");
    CHECK_STRING(error_words(INT_MIN), "error 2147483648");
}
