/* SPDX-License-Identifier: MIT */
/*
 * A program that tells on its stdout what it finds itself with, or does as it is told.
 *
 *   told fds               the descriptors that are open, "0 1 2"
 *   told words A B …       its arguments from argv[0] on, a line each
 *   told environment       its environment, a line each
 *   told standing          directory, umask, nice, limit of descriptors, whether it
 *                          leads a group or a session, user, group, groups
 *   told signals           which signals are blocked and ignored
 *   told seek              moves descriptor 3 by 5 bytes and tells where 4 stands
 *   told where             device, inode and place of descriptor 3
 *   told wait              until its stdin ends
 *   told stubborn          ignores SIGTERM, says "ready", sleeps until it is killed
 *   told family            has a child that has a child; each says its number; they
 *                          sleep until they are killed
 *   told descendants       has a child, that one another, and that one a third in a
 *                          session of its own whose parent has ended; each says its
 *                          number; they sleep until they are killed
 *   told lineages          has children that each go on as a child of their own, whose
 *                          parent has ended, without end, faster than one could look;
 *                          says its number
 *   told bomb              says its number, and is as many as it may be
 *   told crash             has no limit of core files, and crashes
 *   told jobs              has children in groups of their own, as a shell with job
 *                          control, that start another each when they are hung up;
 *                          says "ready" when all are there; they sleep until killed
 *   told parent            answers each message of its parent's channel by the same
 *                          with "said " before it, until that ends
 *   told echo              the same without anything before it
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wherry.h>

enum { GROUPS = 64, SIGNALS = 64, JOBS = 40, LINEAGES = 8 };

static int tell_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    int most = 0;
    if (!directory) {
        printf("/proc/self/fd: %s\n", strerror(errno));
        return 2;
    }
    char open_ones[1024] = "";
    while ((entry = readdir(directory))) {
        int number = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && number != dirfd(directory) &&
            number < (int)sizeof(open_ones)) {
            open_ones[number] = 1;
            most = number > most ? number : most;
        }
    }
    closedir(directory);
    for (int i = 0; i <= most; i++)
        if (open_ones[i])
            printf("%s%d", i == 0 ? "" : " ", i);
    printf("\n");
    return 0;
}

static int tell_standing(void)
{
    char here[4096] = "";
    struct rlimit files = {0};
    gid_t groups[GROUPS];
    mode_t mask = umask(0);
    int count = getgroups(GROUPS, groups);
    getrlimit(RLIMIT_NOFILE, &files);
    printf("directory %s\numask %03o\nnice %d\n", getcwd(here, sizeof(here)),
           (unsigned)mask, getpriority(PRIO_PROCESS, 0));
    printf("nofile %llu %llu\n", (unsigned long long)files.rlim_cur,
           (unsigned long long)files.rlim_max);
    printf("leads %s\n", getsid(0) == getpid()    ? "a session"
                         : getpgid(0) == getpid() ? "a group"
                                                  : "nothing");
    printf("user %d %d group %d %d\n", (int)getuid(), (int)geteuid(), (int)getgid(),
           (int)getegid());
    printf("groups");
    for (int i = 0; i < count; i++)
        printf(" %d", (int)groups[i]);
    printf("\n");
    return 0;
}

static int tell_signals(void)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int i = 1; i <= SIGNALS; i++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        if (sigismember(&blocked, i) == 1)
            printf("blocked %d\n", i);
        if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            printf("ignored %d\n", i);
    }
    printf("that is all\n");
    return 0;
}

static int seek(void)
{
    if (lseek(3, 5, SEEK_CUR) < 0)
        return 2;
    printf("%lld\n", (long long)lseek(4, 0, SEEK_CUR));
    return 0;
}

static int tell_where(void)
{
    struct stat status;
    if (fstat(3, &status) < 0)
        return 2;
    printf("inode %llu:%llu at %lld\n", (unsigned long long)status.st_dev,
           (unsigned long long)status.st_ino, (long long)lseek(3, 0, SEEK_CUR));
    return 0;
}

static int wait_for_end(void)
{
    char byte;
    ssize_t n;
    do
        n = read(0, &byte, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? 2 : 0;
}

static _Noreturn int be_stubborn(void)
{
    signal(SIGTERM, SIG_IGN);
    printf("ready\n");
    fflush(stdout);
    for (;;)
        pause();
}

static _Noreturn int have_family(void)
{
    for (int generation = 0; generation < 2; generation++) {
        printf("%d\n", (int)getpid());
        fflush(stdout);
        if (fork() > 0)
            break;
    }
    printf("%d\n", (int)getpid());
    fflush(stdout);
    for (;;)
        pause();
}

static void say_number(void)
{
    printf("%d\n", (int)getpid());
    fflush(stdout);
}

static _Noreturn int have_descendants(void)
{
    say_number();
    if (fork() == 0) {
        say_number();
        if (fork() == 0) {
            say_number();
            if (fork() == 0) {
                setsid();
                if (fork() > 0)
                    _exit(0);
                say_number();
            }
        }
    }
    for (;;)
        pause();
}

static _Noreturn int have_lineages(void)
{
    for (int i = 0; i < LINEAGES; i++) {
        if (fork() > 0)
            continue;
        setsid();
        for (;;)
            if (fork() > 0)
                _exit(0);
    }
    say_number();
    for (;;)
        pause();
}

static _Noreturn int explode(void)
{
    say_number();
    for (;;)
        (void)fork();
}

static int crash(void)
{
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL); // sanitizers have one
    raise(SIGSEGV);
    return 0;
}

static void start_another(int number)
{
    (void)number;
    if (fork() == 0) {
        setsid();
        signal(SIGHUP, SIG_IGN);
        for (;;)
            pause();
    }
}

static _Noreturn int have_jobs(void)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready) < 0)
        _exit(2);
    for (int i = 0; i < JOBS; i++) {
        if (fork() > 0)
            continue;
        setpgid(0, 0);
        signal(SIGHUP, start_another);
        if (write(ready[1], &byte, 1) != 1)
            _exit(2);
        for (;;)
            pause();
    }
    for (int i = 0; i < JOBS; i++)
        if (read(ready[0], &byte, 1) != 1)
            _exit(2);
    printf("ready\n");
    fflush(stdout);
    for (;;)
        pause();
}

static int answer(wherry_channel *parent, const char *before)
{
    wherry_message *message = NULL;
    int r;
    while ((r = wherry_recv(parent, &message, WHERRY_FOREVER)) == 1) {
        char text[256];
        int size = snprintf(text, sizeof(text), "%s%.*s", before,
                            (int)wherry_message_size(message),
                            (const char *)wherry_message_data(message));
        r = wherry_write(parent, text, (size_t)size, wherry_message_kind(message), 0,
                         WHERRY_FOREVER);
        wherry_message_free(message);
        if (r < 0)
            break;
    }
    if (r < 0)
        fprintf(stderr, "# told: %s\n", wherry_error_text());
    return r < 0 ? 3 : 0;
}

static int talk_to_parent(const char *before)
{
    wherry_channel *parent = NULL;
    int r = wherry_parent(&parent);
    if (r < 0) {
        printf("%s\n", wherry_error_text());
        return 2;
    }
    if (getenv("WHERRY_CHANNEL") || getenv("NODE_CHANNEL_FD"))
        return 4;
    r = answer(parent, before);
    wherry_close(parent);
    return r;
}

static int answer_parent(void)
{
    return talk_to_parent("said ");
}

static int echo_parent(void)
{
    return talk_to_parent("");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } tasks[] = {
        {"fds", tell_descriptors}, {"standing", tell_standing},
        {"signals", tell_signals}, {"seek", seek},
        {"where", tell_where},     {"wait", wait_for_end},
        {"stubborn", be_stubborn}, {"family", have_family},
        {"jobs", have_jobs},       {"parent", answer_parent},
        {"echo", echo_parent},     {"descendants", have_descendants},
        {"crash", crash},          {"lineages", have_lineages},
        {"bomb", explode},
    };

    const char *task = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
        if (strcmp(task, tasks[i].name) == 0)
            return tasks[i].run();
    if (strcmp(task, "words") == 0)
        for (int i = 0; i < argc; i++)
            printf("%s\n", argv[i]);
    if (strcmp(task, "environment") == 0)
        for (char **each = environ; *each; each++)
            printf("%s\n", *each);
    return 0;
}
