/* SPDX-License-Identifier: MIT */
/*
 * What is read from the kernel's text, and that no text is read wrongly.
 */
#include "look.h"

#include <stdio.h>

#include "inspect/survey.h"

TEST(the_fields_of_stat_begin_behind_the_last_bracket)
{
    struct stat_line stat;
    CHECK_INT(stat_read("7 (a) R 9 (b) S 5 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 "
                        "777 1 2\n",
                        &stat),
              0);
    CHECK_STRING(stat.name, "a) R 9 (b");
    CHECK_INT(stat.state, 'S');
    CHECK_INT(stat.parent, 5);
    CHECK_INT(stat.threads, 3);
    CHECK_INT(stat.since, 777);
    CHECK(!stat.is_kernels);
}

TEST(stat_that_is_not_whole_is_an_error)
{
    struct stat_line stat;
    static const char *const texts[] = {
        "",
        "7",
        "7 (",
        "7 (a",
        ") (",
        "7 (a)",
        "7 (a) ",
        "7 (a) S",
        "7 (a) S 5 7 7 0 -1",
        "7 (a) S 5 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 "};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_ERROR(stat_read(texts[i], &stat), -EINVAL);
}

TEST(a_field_is_found_by_its_whole_name_at_the_begin_of_a_line)
{
    uint64_t number = 0;
    const char *text = "NSpid:\t1\nPid:\t2\nx Pid:\t3\nempty:\nflags:\t0100002\n";
    CHECK(field_read(text, "Pid", 10, &number));
    CHECK_INT(number, 2);
    CHECK(field_read(text, "flags", 8, &number));
    CHECK_INT(number, 0100002);
    CHECK(!field_read(text, "Pi", 10, &number));
    CHECK(!field_read("", "Pid", 10, &number));
}

static const struct {
    const char *text;
    enum wherry_object object;
    const char *name;
    bool is_deleted;
} links[] = {
    {"pipe:[12]", WHERRY_OBJECT_PIPE, "pipe:[12]", false},
    {"socket:[12]", WHERRY_OBJECT_SOCKET, "socket:[12]", false},
    {"anon_inode:[eventfd]", WHERRY_OBJECT_EVENTFD, "anon_inode:[eventfd]", false},
    {"anon_inode:inotify", WHERRY_OBJECT_INOTIFY, "anon_inode:inotify", false},
    {"anon_inode:[io_uring]", WHERRY_OBJECT_OTHER, "anon_inode:[io_uring]", false},
    {"net:[4026531840]", WHERRY_OBJECT_NAMESPACE, "net:[4026531840]", false},
    {"net:[]", WHERRY_OBJECT_OTHER, "net:[]", false},
    {"/memfd:x (deleted)", WHERRY_OBJECT_MEMFD, "memfd:x", false},
    {"/memfd:a (deleted) (deleted)", WHERRY_OBJECT_MEMFD, "memfd:a (deleted)", false},
    {"/a/b", WHERRY_OBJECT_UNKNOWN, "/a/b", false},
    {"/a (deleted)", WHERRY_OBJECT_UNKNOWN, "/a", true},
    {" (deleted)", WHERRY_OBJECT_OTHER, " (deleted)", false},
    {"", WHERRY_OBJECT_OTHER, "", false},
};

TEST(a_link_says_what_is_there)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        struct link link;
        char name[64];
        link_read(links[i].text, &link);
        name_copy(name, sizeof(name), link.name, link.name_size);
        CHECK_INT(link.object, links[i].object);
        CHECK_STRING(name, links[i].name);
        CHECK_INT(link.is_deleted, links[i].is_deleted);
    }
}

static void check_words(enum wherry_object object, const char *fdinfo,
                        const char *expected)
{
    char text[WORDS_MOST] = "";
    struct words words = {text, sizeof(text), 0};
    object_words(object, fdinfo, &words);
    CHECK_STRING(text, expected);
}

TEST(what_fdinfo_says_stands_in_words)
{
    char many[4096] = "";
    for (int i = 0; i < 20; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many),
                 "tfd: %8d events: 19\n", i);
    check_words(
        WHERRY_OBJECT_EPOLL, many,
        "watches 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 and 4 more");
    check_words(WHERRY_OBJECT_EVENTFD, "eventfd-count: ffffffffffffffff\n",
                "count 18446744073709551615");
    check_words(WHERRY_OBJECT_PIDFD, "Pid:\t-1\n", "of a process that has ended");
    check_words(WHERRY_OBJECT_PIDFD, "Pid:\t0\n", "of a process elsewhere");
    check_words(WHERRY_OBJECT_TIMERFD, "it_value: (3, 250000000)\n", "in 3.250 s");
    check_words(WHERRY_OBJECT_TIMERFD, "it_value: (3", "");
    check_words(WHERRY_OBJECT_SIGNALFD, "sigmask:\t0\n", "takes nothing");
    check_words(WHERRY_OBJECT_INOTIFY, "inotify wd:1\n", "1 watch");
    check_words(WHERRY_OBJECT_FILE, "pos:\t0\n", "");
    check_words((enum wherry_object)99, "", "");
}

static void check_mapping(const char *line, const char *address)
{
    struct mapping mapping;
    bool is_one = mapping_read(line, strlen(line), &mapping);
    CHECK_STRING(is_one ? mapping.address : NULL, address);
}

TEST(a_mapping_is_an_address_if_it_is_an_object)
{
    check_mapping("7f00-7f10 rw-s 00000000 00:01 5   /SYSV00001234 (deleted)",
                  "shmv:0x1234");
    check_mapping("7f00-7f10 rw-s 00000000 00:01 5   /SYSV00000000 (deleted)",
                  "shmv:#5");
    check_mapping("7f00-7f10 rw-s 00000000 00:01 5   /SYSV12 (deleted)", NULL);
    check_mapping("7f00-7f10 r--s 00000000 00:19 5   /dev/shm/sem.x", "sem:/x");
    check_mapping("7f00-7f10 r--s 00000000 00:19 5   /dev/shm/a b", "shm:/a b");
    check_mapping("7f00-7f10 r--p 00000000 00:01 5   /memfd:m (deleted)", "memfd:m");
    check_mapping("7f00-7f10 r--p 00000000 08:01 5   /lib/libc.so", NULL);
    check_mapping("7f00-7f10 rw-p 00000000 00:00 0 ", NULL);
    check_mapping("7f10-7f00 rw-s 00000000 00:01 5   /SYSV00001234", NULL);
    check_mapping("", NULL);
    check_mapping("x", NULL);
}

/* --- sockets ------------------------------------------------------------- */

static const char tcp[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
    "uid\n"
    "   0: 0100007F:1F90 0100007F:A000 01 00000005:00000007 00:00000000 00000000     0"
    "        0 11 1 0\n"
    "   1: 0100007F:A000 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0"
    "        0 12 1 0\n"
    "   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0"
    "        0 13 1 0\n"
    "   3: 0100007F 00000000:0000 0A 00000000:00000000 00:0 0 0 0 14 1 0\n"
    "   4: 01:1F90 00000000:0000 0A 00000000:00000000 00:0 0 0 0 15 1 0\n"
    "garbage\n"
    "\n";

static const char tcp6[] =
    "   0: 00000000000000000000000001000000:0050 "
    "0000000000000000FFFF00000100007F:0051 01 00000000:00000000 00:0 0 0 0 21 1 0";

TEST(sockets_are_found_by_inode_and_their_peers_by_address)
{
    struct sockets sockets = {.count = 0};
    CHECK_INT(sockets_add_inet(&sockets, tcp, "tcp"), 0);
    CHECK_INT(sockets_add_inet(&sockets, tcp6, "tcp"), 0);
    CHECK_INT(sockets_sort(&sockets), 0);
    CHECK_INT(sockets.count, 4);
    const struct socket_row *row = sockets_find(&sockets, 11);
    CHECK_STRING(row->local, "tcp:127.0.0.1:8080");
    CHECK_STRING(row->remote, "tcp:127.0.0.1:40960");
    CHECK_INT(row->peer, 12);
    CHECK_INT(row->unsent, 5);
    CHECK_INT(row->unread, 7);
    CHECK_INT(sockets_find(&sockets, 12)->peer, 11);
    CHECK(sockets_find(&sockets, 13)->listens);
    CHECK_STRING(sockets_find(&sockets, 13)->remote, "");
    CHECK_STRING(sockets_find(&sockets, 21)->local, "tcp:[::1]:80");
    CHECK_STRING(sockets_find(&sockets, 21)->remote, "tcp:127.0.0.1:81");
    CHECK(sockets_find(&sockets, 14) == NULL);
    CHECK(sockets_find(&sockets, 0) == NULL);
    sockets_free(&sockets);
}

static const char unix_table[] =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "00000000f: 00000002 00000000 00010000 0001 01 31 /run/a b\n"
    "00000000e: 00000003 00000000 00000000 0005 03 32\n"
    "00000000d: 00000002 00000000 00000000 0002 01 33 @x@y\n"
    "00000000c: 00000002\n";

TEST(unix_sockets_are_read_from_text_where_there_is_nothing_better)
{
    struct sockets sockets = {.count = 0};
    CHECK_INT(sockets_add_unix(&sockets, unix_table), 0);
    CHECK_INT(sockets_sort(&sockets), 0);
    CHECK_INT(sockets.count, 3);
    CHECK_STRING(sockets_find(&sockets, 31)->local, "unix:/run/a b");
    CHECK(sockets_find(&sockets, 31)->listens);
    CHECK_STRING(sockets_find(&sockets, 32)->type, "unix packet");
    CHECK(sockets_find(&sockets, 32)->is_connected);
    CHECK_STRING(sockets_find(&sockets, 33)->local, "unix:@x@y");
    sockets_free(&sockets);
}

TEST(a_name_of_the_kernel_becomes_an_address)
{
    char text[ADDRESS_MOST] = "";
    struct words words = {text, sizeof(text), 0};
    unix_address("\0a\0b", 4, &words);
    CHECK_STRING(text, "unix:@a%00b");
    words.used = 0;
    unix_address("/a\0\0", 4, &words);
    CHECK_STRING(text, "unix:/a");
    words.used = 0;
    text[0] = 0;
    unix_address("", 0, &words);
    CHECK_STRING(text, "");
}

TEST(words_are_cut_where_there_is_no_room)
{
    char text[8] = "";
    struct words words = {text, sizeof(text), 0};
    words_add(&words, "%s", "0123456789");
    words_add(&words, "%s", "more");
    CHECK_STRING(text, "0123456");
}

TEST(what_is_no_utf8_or_means_something_stands_in_an_address_as_its_bytes)
{
    static const struct {
        const char *bytes;
        const char *rest;
    } names[] = {
        {"a b/c@", "a b/c@"},
        {"%?\n\x7f", "%25%3F%0A%7F"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa3",
         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa3"},
        {"\xc3", "%C3"},
        {"\xc3z", "%C3z"},
        {"\xe2\x82", "%E2%82"},
        {"\xc0\xaf", "%C0%AF"},
        {"\xe0\x80\xaf", "%E0%80%AF"},
        {"\xed\xa0\x80", "%ED%A0%80"},
        {"\xf4\x90\x80\x80", "%F4%90%80%80"},
        {"\xff\x80", "%FF%80"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[64] = "";
        char back[70];
        char bytes[64];
        struct words words = {text, sizeof(text), 0};
        words_add_rest(&words, names[i].bytes, strlen(names[i].bytes));
        CHECK_STRING(text, names[i].rest);
        snprintf(back, sizeof(back), "shm:%s", text);
        CHECK(rest_read(back, bytes, sizeof(bytes)));
        CHECK_STRING(bytes, names[i].bytes);
    }
}

TEST(the_rest_of_an_address_is_read_as_far_as_there_is_room)
{
    char bytes[4];
    CHECK(rest_read("shm:abc?size=1", bytes, sizeof(bytes)));
    CHECK_STRING(bytes, "abc");
    CHECK(!rest_read("shm:abcd", bytes, sizeof(bytes)));
    CHECK(!rest_read("shm:a%00", bytes, sizeof(bytes)));
    CHECK(rest_read("shm:%4", bytes, sizeof(bytes)));
    CHECK_STRING(bytes, "%4");
    CHECK(rest_read("shm:", bytes, sizeof(bytes)));
    CHECK_STRING(bytes, "");
}

/* --- System V ------------------------------------------------------------ */

TEST(a_line_of_sysvipc_is_an_object)
{
    static const char shm[] =
        "-1162167622      65538  1600   4096 501 502 2 10 11 12 13 100 101 102 0 0";
    static const char msg[] = "0 7 640 5 1 501 502 10 11 12 13 100 101 102";
    static const char sem[] = "4660 9 600 3 10 11 12 13 101 102";
    struct wherry_ipc_object object;
    char address[64];
    struct words words = {address, sizeof(address), 0};
    CHECK(sysv_read(SORT_SHMV, shm, strlen(shm), &object, &words));
    CHECK_STRING(address, "shmv:0xbabababa");
    CHECK_INT(object.inode, 65538);
    CHECK_INT(object.mode, 0600);
    CHECK_INT(object.size, 4096);
    CHECK_INT(object.count, 2);
    CHECK_INT(object.creator, 501);
    CHECK_INT(object.last_pids[0], 502);
    CHECK_INT(object.user, 10);
    CHECK_INT(object.group, 11);
    CHECK_INT(object.created, 102 * INT64_C(1000000000));
    CHECK_INT(object.is_deleted, 1);
    words.used = 0;
    CHECK(sysv_read(SORT_SYSV, msg, strlen(msg), &object, &words));
    CHECK_STRING(address, "sysv:#7");
    CHECK_INT(object.mode, 0640);
    CHECK_INT(object.size, 5);
    CHECK_INT(object.count, 1);
    CHECK_INT(object.last_pids[0], 501);
    CHECK_INT(object.last_pids[1], 502);
    words.used = 0;
    CHECK(sysv_read(SORT_SEMV, sem, strlen(sem), &object, &words));
    CHECK_STRING(address, "semv:0x1234");
    CHECK_INT(object.count, 3);
    CHECK_INT(object.size, -1);
    CHECK_INT(object.user, 10);
    // Not what is cut, and not the heading.
    for (size_t size = 0; size < sizeof(sem) - 5; size++)
        CHECK(!sysv_read(SORT_SEMV, sem, size, &object, &words));
    CHECK(!sysv_read(SORT_SHMV, "       key      shmid perms", 27, &object, &words));
}

/* --- files --------------------------------------------------------------- */

TEST(of_a_file_that_is_too_long_the_beginning_is_read_and_that_is_told)
{
    enum { ROOM = 16384 }; // the first that is tried

    const char *path = harness_path("long");
    char *text = NULL;
    FILE *file = fopen(path, "w");
    CHECK(file);
    for (int i = 0; i < ROOM; i++)
        CHECK(putc('x', file) != EOF);
    CHECK_INT(fclose(file), 0);
    CHECK_INT(proc_read_all(AT_FDCWD, path, ROOM, &text), 1);
    CHECK_INT(strlen(text), ROOM - 1);
    free(text);
    CHECK_INT(proc_read_all(AT_FDCWD, path, 4 * ROOM, &text), 0);
    CHECK_INT(strlen(text), ROOM);
    free(text);
    unlink(path);
}
