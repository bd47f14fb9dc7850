/* SPDX-License-Identifier: MIT */
/*
 * The tour's checks find whatever is not as it was sent.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tour/tour.h"

enum { SIZE = 1000 };

static const struct tour_sample sample = {.seed = 7, .size = SIZE, .kind = 5};

static bool finds(const struct tour_fault *fault, const char *words)
{
    if (strstr(fault->text, words))
        return true;
    FAIL("\"%s\" does not say \"%s\"", fault->text, words);
}

/* --- bytes --------------------------------------------------------------- */

TEST(the_bytes_that_were_sent_are_right)
{
    uint8_t bytes[SIZE];
    struct tour_fault fault = {""};
    tour_sample_fill(&sample, bytes);
    CHECK(tour_check_bytes(&sample, bytes, SIZE, &fault));
    CHECK_STRING(fault.text, "");
}

TEST(every_single_flipped_bit_is_found_and_its_place_named)
{
    uint8_t bytes[SIZE];
    tour_sample_fill(&sample, bytes);
    for (size_t i = 0; i < (size_t)SIZE * 8; i++) {
        struct tour_fault fault = {""};
        char place[64];
        (void)snprintf(place, sizeof(place), "byte %zu of 1000", i / 8);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        CHECK(!tour_check_bytes(&sample, bytes, SIZE, &fault));
        CHECK(finds(&fault, place));
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

TEST(a_byte_too_few_or_too_many_is_found)
{
    uint8_t bytes[SIZE + 1] = {0};
    struct tour_fault fewer = {""}, more = {""};
    tour_sample_fill(&sample, bytes);
    CHECK(!tour_check_bytes(&sample, bytes, SIZE - 1, &fewer));
    CHECK(finds(&fewer, "999 bytes arrived where 1000 were sent"));
    CHECK(!tour_check_bytes(&sample, bytes, SIZE + 1, &more));
    CHECK(finds(&more, "1001 bytes arrived where 1000 were sent"));
}

TEST(bytes_moved_by_one_are_found)
{
    uint8_t bytes[SIZE];
    struct tour_fault fault = {""};
    tour_sample_fill(&sample, bytes);
    memmove(bytes, bytes + 1, SIZE - 1);
    CHECK(!tour_check_bytes(&sample, bytes, SIZE, &fault));
}

TEST(the_bytes_of_any_other_message_are_found)
{
    uint8_t bytes[SIZE];
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct tour_sample other = {.seed = seed, .size = SIZE};
        struct tour_fault fault = {""};
        tour_sample_fill(&other, bytes);
        CHECK_INT(tour_check_bytes(&sample, bytes, SIZE, &fault), seed == 7);
    }
}

TEST(a_message_of_one_byte_is_checked_too)
{
    struct tour_sample one = {.seed = 1, .size = 1};
    struct tour_fault fault = {""};
    uint8_t byte;
    tour_sample_fill(&one, &byte);
    CHECK(tour_check_bytes(&one, &byte, 1, &fault));
    byte ^= 1;
    CHECK(!tour_check_bytes(&one, &byte, 1, &fault));
}

TEST(a_text_has_nothing_but_letters_digits_comma_and_stop)
{
    struct tour_sample text = {.seed = 3, .size = SIZE, .text = true};
    char bytes[SIZE + 1] = {0};
    tour_sample_fill(&text, bytes);
    CHECK_INT(strspn(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                            "0123456789.,"),
              SIZE);
}

TEST(the_first_fault_stands)
{
    struct tour_fault fault = {""};
    CHECK(!tour_wrong(&fault, "the cause"));
    CHECK(!tour_wrong(&fault, "what came of it"));
    CHECK_STRING(fault.text, "the cause");
}

/* --- kinds, senders ------------------------------------------------------ */

TEST(a_wrong_kind_is_found)
{
    struct tour_fault right = {""}, wrong = {""};
    CHECK(tour_check_kind(&sample, 5, &right));
    CHECK(!tour_check_kind(&sample, 6, &wrong));
    CHECK(finds(&wrong, "kind 6 arrived where 5 was sent"));
}

static struct wherry_peer ourselves(void)
{
    return (struct wherry_peer){.trust = WHERRY_TRUST_KERNEL,
                                .pid = getpid(),
                                .uid = (int64_t)getuid(),
                                .gid = (int64_t)getgid()};
}

TEST(a_sender_whom_the_kernel_names_rightly_is_right)
{
    struct wherry_peer peer = ourselves();
    struct tour_fault fault = {""};
    CHECK(tour_check_sender(&peer, getpid(), &fault));
}

TEST(another_process_as_the_sender_is_found)
{
    struct wherry_peer peer = ourselves();
    struct tour_fault fault = {""};
    CHECK(!tour_check_sender(&peer, getpid() + 1, &fault));
    CHECK(finds(&fault, "is named as the sender"));
}

TEST(another_user_as_the_sender_is_found)
{
    struct wherry_peer peer = ourselves();
    struct tour_fault fault = {""};
    peer.uid++;
    CHECK(!tour_check_sender(&peer, getpid(), &fault));
    CHECK(finds(&fault, "user"));
}

TEST(a_sender_for_whom_the_kernel_does_not_vouch_is_found)
{
    struct wherry_peer peer = ourselves();
    struct tour_fault fault = {""};
    peer.trust = WHERRY_TRUST_CREATOR;
    CHECK(!tour_check_sender(&peer, getpid(), &fault));
    CHECK(finds(&fault, "vouch"));
}

/* --- open files ---------------------------------------------------------- */

static const struct tour_sample three_files = {.seed = 9, .size = 8, .files = 3};

static wherry_message *with_files(const struct tour_sample *made)
{
    struct tour_fault fault = {""};
    wherry_message *message = NULL;
    CHECK_OK(wherry_message_new(made->size, &message));
    tour_sample_fill(made, wherry_message_data(message));
    CHECK(tour_sample_attach(made, harness_directory(), message, &fault));
    return message;
}

TEST(the_open_files_that_were_sent_are_right)
{
    struct tour_fault fault = {""};
    wherry_message *message = with_files(&three_files);
    CHECK(tour_check_files(&three_files, message, &fault));
    wherry_message_free(message);
}

TEST(a_missing_open_file_is_found)
{
    struct tour_fault fault = {""};
    struct tour_sample two = three_files;
    two.files = 2;
    wherry_message *message = with_files(&two);
    CHECK(!tour_check_files(&three_files, message, &fault));
    CHECK(finds(&fault, "2 open files arrived where 3 were sent"));
    wherry_message_free(message);
}

TEST(an_open_file_too_many_is_found)
{
    struct tour_fault fault = {""};
    wherry_message *message = with_files(&three_files);
    struct tour_sample none = three_files;
    none.files = 0;
    CHECK(!tour_check_files(&none, message, &fault));
    CHECK(finds(&fault, "3 open files arrived where 0 were sent"));
    wherry_message_free(message);
}

TEST(open_files_in_another_order_are_found)
{
    struct tour_fault fault = {""};
    wherry_message *message = with_files(&three_files), *turned = NULL;
    CHECK_OK(wherry_message_new(8, &turned));
    for (size_t i = 3; i-- > 0;)
        CHECK_OK(wherry_message_attach(turned, wherry_message_file(message, i)));
    CHECK(!tour_check_files(&three_files, turned, &fault));
    CHECK(finds(&fault, "open file 1 of 3"));
    wherry_message_free(turned);
    wherry_message_free(message);
}

TEST(a_changed_byte_in_an_open_file_is_found)
{
    struct tour_fault fault = {""};
    wherry_message *message = with_files(&three_files);
    CHECK_INT(pwrite(wherry_message_file(message, 1), "", 1, 50), 1);
    CHECK(!tour_check_files(&three_files, message, &fault));
    CHECK(finds(&fault, "in open file 2 of 3: byte 50 of"));
    wherry_message_free(message);
}

TEST(a_byte_added_to_an_open_file_is_found)
{
    struct tour_fault fault = {""};
    struct tour_sample inside;
    wherry_message *message = with_files(&three_files);
    tour_sample_file(&three_files, 2, &inside);
    CHECK_INT(pwrite(wherry_message_file(message, 2), "", 1, (off_t)inside.size), 1);
    CHECK(!tour_check_files(&three_files, message, &fault));
    CHECK(finds(&fault, "in open file 3 of 3"));
    wherry_message_free(message);
}

/* --- the whole ----------------------------------------------------------- */

TEST(only_what_was_right_is_counted)
{
    struct tour_proof proof = {.messages = 0};
    wherry_message *message = with_files(&three_files);
    CHECK(tour_check_message(&three_files, message, -1, &proof));
    CHECK_INT(proof.messages, 1);
    CHECK_INT(proof.bytes, 8);
    CHECK_INT(proof.files, 3);
    CHECK_INT(proof.kinds, 0);
    CHECK_INT(proof.senders, 0);
    // Made here, so nobody has sent it.
    CHECK(!tour_check_message(&three_files, message, getpid(), &proof));
    CHECK_INT(proof.messages, 1);
    CHECK(proof.fault.text[0]);
    wherry_message_free(message);
}

TEST(the_median_and_the_99th_percentile_are_of_sorted_times)
{
    int64_t nanoseconds[100];
    struct tour_time sum = {.size = 64};
    for (int i = 0; i < 100; i++)
        nanoseconds[i] = (i * 37) % 100;
    tour_time_sum_up(nanoseconds, 100, &sum);
    CHECK_INT(sum.rounds, 100);
    CHECK_INT(sum.median, 50);
    CHECK_INT(sum.p99, 99);
}

TEST(numbers_are_written_for_people)
{
    char text[TOUR_NUMBER];
    CHECK_STRING(tour_count_text(0, text), "0");
    CHECK_STRING(tour_count_text(999, text), "999");
    CHECK_STRING(tour_count_text(1000, text), "1,000");
    CHECK_STRING(tour_count_text(UINT64_MAX, text), "18,446,744,073,709,551,615");
    CHECK_STRING(tour_size_text(1, text), "1 B");
    CHECK_STRING(tour_size_text(65536, text), "64 KiB");
    CHECK_STRING(tour_size_text(16 << 20, text), "16 MiB");
    CHECK_STRING(tour_size_text(65491, text), "65,491 B");
    CHECK_STRING(tour_time_text(6123, "u", text), "6.1 us");
    CHECK_STRING(tour_time_text(123456, "u", text), "123 us");
    CHECK_STRING(tour_time_text(999600, "u", text), "1.0 ms");
    CHECK_STRING(tour_time_text(1234567890, "u", text), "1235 ms");
}

TEST(a_failed_guest_makes_the_stop_fail)
{
    struct tour_stop stop = {.result = TOUR_RIGHT, .visit_count = 2};
    stop.visits[0].result = TOUR_MISSING;
    CHECK(tour_stop_is_right(&stop));
    stop.visits[1].result = TOUR_WRONG;
    CHECK(!tour_stop_is_right(&stop));
    struct tour_stop missing = {.result = TOUR_MISSING};
    CHECK(tour_stop_is_right(&missing));
    struct tour_stop wrong = {.result = TOUR_WRONG};
    CHECK(!tour_stop_is_right(&wrong));
}

static char *page_of(const struct tour_stop *stop)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    const struct tour_found found = {.stops = stop, .stop_count = 1};
    CHECK(file);
    tour_html_write(file, &found);
    CHECK_INT(fclose(file), 0);
    return text;
}

TEST(the_page_escapes_what_it_quotes)
{
    static const struct tour_way way = {.name = "<&>\"", .purpose = "<b>"};
    struct tour_stop stop = {.way = &way, .result = TOUR_WRONG};
    tour_wrong(&stop.proof.fault, "<script>");
    char *page = page_of(&stop);
    CHECK_CONTAINS(page, "&lt;&amp;&gt;&quot;");
    CHECK_CONTAINS(page, "&lt;b&gt;");
    CHECK_CONTAINS(page, "&lt;script&gt;");
    CHECK(!strstr(page, "<script>"));
    free(page);
}

TEST(a_stop_at_a_semaphore_says_what_a_death_costs_and_has_no_round_trips)
{
    static const struct tour_way way = {
        .name = "way", .purpose = "for", .talk = &tour_talk_turns};
    struct tour_stop stop = {
        .way = &way, .proof.turns = 2000, .came_after = INT64_C(234000)};
    char text[2 * TOUR_TEXT];
    tour_stop_text(&stop, "u", text, sizeof(text));
    CHECK_CONTAINS(text, "2,000 turns at one counter, each counted");
    CHECK_CONTAINS(text, "the permit came to one that slept after 234 us");
    stop.came_after = -1;
    tour_stop_text(&stop, "u", text, sizeof(text));
    CHECK_CONTAINS(text, "the permit is gone for good");
    char *page = page_of(&stop);
    CHECK_CONTAINS(page, "no round trips");
    free(page);
}

// Where the dot of this class stands.
static double dot(const char *page, const char *class)
{
    char mark[64];
    (void)snprintf(mark, sizeof(mark), "<g class=\"%s\">", class);
    const char *group = strstr(page, mark);
    CHECK(group);
    const char *circle = strstr(group, "cx=\"");
    CHECK(circle);
    return strtod(circle + 4, NULL);
}

TEST(the_chart_is_logarithmic)
{
    static const struct tour_way way = {.name = "way", .purpose = "for"};
    struct tour_stop stop = {.way = &way,
                             .limit = 1 << 20,
                             .times = {{64, 10, 1000, 1000},
                                       {65536, 10, 31623, 31623},
                                       {1 << 20, 10, 1000000, 1000000}},
                             .time_count = 3};
    char *page = page_of(&stop);
    double low = dot(page, "small"), middle = dot(page, "medium"),
           high = dot(page, "limit");
    CHECK_RANGE(10 * (middle - low), 10 * (high - middle) - 20,
                10 * (high - middle) + 20);
    CHECK(high > low + 300);
    free(page);
}
