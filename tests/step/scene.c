/* SPDX-License-Identifier: MIT */
/*
 * The processes around the one that is stepped: who sleeps meanwhile, who wakes it, who
 * comes next and judges.  Every one dies with the process that started it, and none is
 * waited for longer than it takes to see that it sleeps for good.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "parts.h"

enum {
    HUNG_MILLISECONDS = 100,   // asleep in one call for so long: for ever
    ROUSE_MILLISECONDS = 10,   // of a sleeper: what wakes it has happened
    LIMIT_MILLISECONDS = 2000, // awake, and never done
};

/* What is named there then ends with the last process of the test, and what others have
 * does not count.  Where that may not be done, it is as it is. */
static void have_shared_memory_alone(void)
{
    if (unshare(CLONE_NEWNS) == 0 &&
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        (void)mount("wherry-step", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, NULL);
}

const sigset_t *scene_signals(void)
{
    static sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return &set;
}

void scene_enter(bool is_in_turns)
{
    if (is_in_turns)
        harness_share_one_processor();
    have_shared_memory_alone();
    pthread_sigmask(SIG_BLOCK, scene_signals(), NULL);
}

pid_t scene_fork(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        FAIL("fork: %s", harness_errno_name(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1);
    pthread_sigmask(SIG_UNBLOCK, scene_signals(), NULL);
    return 0;
}

bool scene_sleeps(pid_t pid, char call[CALL_SIZE])
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    harness_read_file(path, text, sizeof text);
    const char *state = strrchr(text, ')');
    if (!state || state[2] != 'S')
        return false;
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    return harness_read_file(path, call, CALL_SIZE) > 0 && *call >= '0' && *call <= '9';
}

/* True once it has ended; else after so many milliseconds, at the latest. */
static bool has_ended(pid_t pid, int milliseconds, int *status)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    poll(&end, 1, fd < 0 ? 1 : milliseconds);
    if (fd >= 0)
        close(fd);
    return waitpid(pid, status, WNOHANG) == pid;
}

enum wait_end scene_wait(pid_t pid, int milliseconds, int *status)
{
    char before[CALL_SIZE] = "";
    char now[CALL_SIZE];
    int64_t end =
        harness_now() + (int64_t)harness_stretch(LIMIT_MILLISECONDS) * 1000000;
    while (!has_ended(pid, harness_stretch(milliseconds), status)) {
        bool is_asleep = scene_sleeps(pid, now);
        if (is_asleep && strcmp(before, now) == 0)
            return WAIT_ASLEEP;
        snprintf(before, sizeof before, "%s", is_asleep ? now : "");
        if (harness_now() > end)
            return WAIT_LATE;
    }
    return WAIT_ENDED;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    reap(pid);
}

static struct {
    pid_t pids[8];
    int count;
} unburied;

void scene_bury(pid_t pid)
{
    bool has_room = unburied.count < (int)(sizeof unburied.pids / sizeof(pid_t));
    if (step_options.is_unreaped && has_room)
        unburied.pids[unburied.count++] = pid;
    else
        reap(pid);
}

struct step_finding step_find(enum step_verdict verdict, const char *format, ...)
{
    struct step_finding finding = {.verdict = verdict, .count = 1};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding.sentence, sizeof finding.sentence, format, arguments);
    va_end(arguments);
    return finding;
}

static void judge_alone(struct step_scene *scene,
                        struct step_finding (*judge)(struct step_scene *),
                        struct step_finding *said)
{
    int before = harness_descriptors();
    *said = judge(scene);
    said->leaks = harness_descriptors() - before;
    harness_exit(0);
}

struct step_finding scene_ask(struct step_scene *scene,
                              struct step_finding (*judge)(struct step_scene *))
{
    int status = 0;
    struct step_finding *said = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (said == MAP_FAILED)
        FAIL("no memory for a judge: %s", harness_errno_name(errno));
    pid_t pid = scene_fork();
    if (pid == 0)
        judge_alone(scene, judge, said);
    enum wait_end how = scene_wait(pid, HUNG_MILLISECONDS, &status);
    if (how != WAIT_ENDED)
        end(pid);
    struct step_finding finding = *said;
    munmap(said, sizeof *said);
    if (how != WAIT_ENDED)
        return step_find(STEP_HUNG, "the next one %s for ever",
                         how == WAIT_ASLEEP ? "sleeps" : "runs");
    if (status != 0)
        return step_find(STEP_TORN, "the next one ended with status %#x",
                         (unsigned)status);
    return finding;
}

void scene_do(struct step_scene *scene, void (*run)(struct step_scene *))
{
    int status = 0;
    pid_t pid = scene_fork();
    if (pid == 0) {
        run(scene);
        harness_exit(0);
    }
    if (scene_wait(pid, HUNG_MILLISECONDS, &status) != WAIT_ENDED)
        end(pid);
}

void stage_open(struct stage *stage, const struct step_subject *subject,
                const struct step_role *role)
{
    *stage = (struct stage){.subject = subject, .before = leaks_count()};
    stage->scene.role = role;
    stage->scene.shared = subject->make(role);
}

static bool is_deep(void *argument)
{
    const struct stage *stage = argument;
    return stage->scene.role->is_deep(&stage->scene);
}

/* Who is there anyway has no end of its own here. */
static pid_t start_sleeper(struct stage *stage)
{
    const struct step_scene *scene = &stage->scene;
    if (!scene->role->sleeper)
        return stage->subject->company ? stage->subject->company(scene) : 0;
    stage->sleeper = scene_fork();
    if (stage->sleeper == 0) {
        scene->role->sleeper(&stage->scene);
        harness_exit(0);
    }
    return stage->sleeper;
}

pid_t stage_lull(struct stage *stage)
{
    pid_t pid = start_sleeper(stage);
    if (pid == 0)
        return 0;
    harness_wait_blocked(pid);
    if (stage->scene.role->is_deep)
        harness_until(is_deep, stage);
    return pid;
}

void stage_rouse(struct stage *stage)
{
    int status = 0;
    if (!stage->sleeper)
        return;
    enum wait_end how = scene_wait(stage->sleeper, ROUSE_MILLISECONDS, &status);
    stage->scene.sleeper_is_back = how == WAIT_ENDED && status == 0;
    if (how != WAIT_ENDED)
        end(stage->sleeper);
    stage->sleeper = 0;
}

int stage_close(struct stage *stage)
{
    if (stage->sleeper)
        end(stage->sleeper);
    stage->subject->unmake(stage->scene.shared);
    while (unburied.count)
        reap(unburied.pids[--unburied.count]);
    return leaks_since(stage->before);
}
