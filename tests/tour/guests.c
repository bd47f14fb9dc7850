/* SPDX-License-Identifier: MIT */
/*
 * Guests that lie, fail, or are not there; and processes that do not want to end.
 */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "tour/tour.h"

static void visit(const struct tour_peer *peer, enum tour_result result,
                  const char *finds)
{
    struct tour_visit found = {.program = NULL};
    if (peer->program[0] != '?' && !harness_have_program(peer->program))
        SKIP("%s is not installed", peer->program);
    tour_visit_run(peer, harness_directory(), &found);
    (void)unlink(harness_path("errors"));
    harness_note("%s", found.text);
    CHECK_INT(found.result, result);
    CHECK_CONTAINS(found.text, finds);
}

static const struct tour_peer child = {
    .way = "fd", .largest = 4095, .text = true, .ends = true, .meet = tour_meet_child};

TEST(a_guest_that_sends_back_what_it_hears_is_right)
{
    struct tour_peer peer = child;
    peer.program = peer.argv[0] = "cat";
    visit(&peer, TOUR_RIGHT, "1 B to 4,095 B there and back");
}

TEST(a_guest_that_changes_letters_is_found)
{
    struct tour_peer peer = child;
    peer.program = peer.argv[0] = "sed";
    peer.argv[1] = "-u";
    peer.argv[2] = "y/abcdefghijklmnopqrstuvwxyz/bcdefghijklmnopqrstuvwxyza/";
    visit(&peer, TOUR_WRONG, "byte");
}

TEST(a_guest_that_says_nothing_and_ends_is_found)
{
    struct tour_peer peer = child;
    peer.program = peer.argv[0] = "true";
    visit(&peer, TOUR_WRONG, "");
}

TEST(a_guest_that_ends_with_a_failure_is_found)
{
    struct tour_peer peer = child;
    peer.program = peer.argv[0] = "sh";
    peer.argv[1] = "-c";
    peer.argv[2] = "cat; echo sour >&2; exit 3";
    visit(&peer, TOUR_WRONG, "it ended with 3 instead of 0: sour");
}

TEST(a_guest_that_is_not_installed_is_missing)
{
    struct tour_peer peer = child;
    peer.program = peer.argv[0] = "?no-such-program";
    peer.package = "nothing";
    visit(&peer, TOUR_MISSING, "Debian has it in nothing");
}

TEST(a_guest_that_never_comes_is_missing_with_its_complaint)
{
    struct tour_peer peer = {.way = "unix stream",
                             .program = "sh",
                             .address =
                                 "unix:{directory}/peer?type=stream&framing=line",
                             .largest = 64,
                             .text = true,
                             .meet = tour_meet_dialler,
                             .argv = {"sh", "-c", "echo broken >&2; exit 1"}};
    visit(&peer, TOUR_MISSING, "did not start: broken");
}

TEST(a_filter_that_changes_letters_is_found)
{
    struct tour_peer peer = child;
    peer.meet = tour_meet_filter;
    peer.program = peer.argv[0] = "sed";
    peer.argv[1] = "-u";
    peer.argv[2] = "y/abcdefghijklmnopqrstuvwxyz/bcdefghijklmnopqrstuvwxyza/";
    visit(&peer, TOUR_WRONG, "byte");
}

/* --- the table ----------------------------------------------------------- */

TEST(every_guest_has_a_way_and_no_way_too_many_guests)
{
    for (const struct tour_way *way = tour_ways; way->scheme; way++) {
        int count = 0;
        for (const struct tour_peer *peer = tour_peers; peer->way; peer++)
            count += strcmp(peer->way, way->name) == 0;
        CHECK_RANGE(count, 0, TOUR_PEERS);
    }
    for (const struct tour_peer *peer = tour_peers; peer->way; peer++) {
        bool known = false;
        for (const struct tour_way *way = tour_ways; way->scheme; way++)
            known |= strcmp(peer->way, way->name) == 0;
        CHECK(known);
    }
}

// What is always cut in Wherry's own framing nobody else speaks.
static bool is_spoken_by_others(const struct wherry_mechanism *mechanism)
{
    return !mechanism->framing || mechanism->abilities & WHERRY_ABLE_FRAMING;
}

TEST(every_mechanism_that_is_open_to_strangers_has_a_guest)
{
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++) {
        bool has_way = false, has_guest = false;
        if (mechanism->absent || mechanism->abilities & WHERRY_ABLE_TESTS_ONLY)
            continue;
        for (const struct tour_way *way = tour_ways; way->scheme; way++) {
            if (strcmp(way->scheme, mechanism->scheme) != 0)
                continue;
            has_way = true;
            for (const struct tour_peer *peer = tour_peers; peer->way; peer++)
                has_guest |= strcmp(peer->way, way->name) == 0;
        }
        if (!has_way)
            FAIL("the tour has no way through %s:", mechanism->scheme);
        // Its memory is as Wherry makes it, and nobody else reads that.
        if (strcmp(mechanism->scheme, "queue") == 0)
            continue;
        // A guest sends back what it hears: in memory, and of turns, it hears nothing.
        if (!(mechanism->traits & (WHERRY_TRAIT_MEMORY | WHERRY_TRAIT_TURNS)) &&
            (mechanism->abilities & WHERRY_ABLE_STRANGERS) &&
            is_spoken_by_others(mechanism) && !has_guest)
            FAIL("nobody is the guest of %s:", mechanism->scheme);
    }
}

/* --- processes ----------------------------------------------------------- */

TEST(a_process_that_does_not_end_is_killed_and_reaped)
{
    static const char *const argv[] = {"cat", NULL};
    struct tour_process process;
    int ends[2];
    CHECK_OK(tour_pipe(ends));
    CHECK_OK(tour_process_exec(&process, argv, ends, harness_path("errors")));
    CHECK(tour_process_lives(&process));
    CHECK_INT(tour_process_end(&process, 20, NULL, 0), -SIGKILL);
    tour_close(&ends[0]);
    tour_close(&ends[1]);
    (void)unlink(harness_path("errors"));
}

TEST(a_program_that_cannot_be_started_ends_with_127)
{
    static const char *const argv[] = {"/nowhere/to/be/found", NULL};
    struct tour_process process;
    const int in_out[2] = {0, 1};
    CHECK_OK(tour_process_exec(&process, argv, in_out, harness_path("errors")));
    CHECK_INT(tour_process_end(&process, HARNESS_PATIENCE, NULL, 0), 127);
    (void)unlink(harness_path("errors"));
}

TEST(what_a_child_reports_is_read_to_its_end)
{
    struct tour_process process;
    char report[8] = "";
    int out;
    int r = tour_process_fork(&process, &out);
    CHECK_OK(r);
    if (r == 0) {
        bool right = write(out, "ab", 2) == 2 && write(out, "cde", 3) == 3;
        _exit(right ? 5 : 6);
    }
    CHECK_INT(tour_process_end(&process, HARNESS_PATIENCE, report, sizeof(report)), 5);
    CHECK_STRING(report, "abcde");
}

TEST(the_directory_is_removed_with_what_is_in_it)
{
    char path[SCRATCH_PATH], inside[SCRATCH_PATH + 8];
    CHECK_INT(scratch_make("tour", path), 0);
    (void)snprintf(inside, sizeof(inside), "%s/file", path);
    int fd = open(inside, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK_OK(fd);
    CHECK_INT(close(fd), 0);
    scratch_remove(path);
    CHECK_INT(access(path, F_OK), -1);
}
