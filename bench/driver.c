/* SPDX-License-Identifier: MIT */
/*
 * The two processes of a contest, and the orders they get: contest.h.
 *
 * The driver was started by `wherry bench --peers` and reads its stdin; the responder
 * is its child and dies with it.  Who cannot go on says why on stdout and ends: nothing
 * is tried again.
 */
#define _GNU_SOURCE
#include "contest.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SAMPLES = 3,  /* the descriptor of their memory */
    ANSWERS = 10, /* and from here on, of what was stdout */
    PAGE = 4096,
    WORDS = 5,
    LINE = 128,
    DIRECTORY = 4096,
    PATIENCE = 30,    /* seconds, for one order */
    IDLE_MOST = 60000 /* milliseconds */
};

const char *const contest_workloads[CONTEST_WORKLOADS] = {
    [CONTEST_ROUND] = "round", [CONTEST_TIMED] = "timed", [CONTEST_LENT] = "lent",
    [CONTEST_PUSH] = "push",   [CONTEST_MANY] = "many",   [CONTEST_FOUR] = "four",
    [CONTEST_EIGHT] = "eight",
};

/* What the command line says. */
struct task {
    const struct contest_entrant *entrant;
    enum contest_workload workload;
    size_t size;
    bool is_pinned;
    int cores[2];
    const char *address;
    char directory[DIRECTORY];
};

/* --- for entrants -------------------------------------------------------- */

int64_t contest_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void *contest_share(size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    memset(memory, 0, size);
    return memory;
}

int contest_fail(struct contest_end *end, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(end->sentence, sizeof(end->sentence), format, arguments);
    va_end(arguments);
    return error;
}

/* --- answers ------------------------------------------------------------- */

static int answers;

static void answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void answer(const char *format, ...)
{
    char line[CONTEST_SENTENCE + LINE];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    const size_t whole =
        (size_t)size < sizeof(line) - 1 ? (size_t)size : sizeof(line) - 2;
    line[whole] = '\n';
    if (write(answers, line, whole + 1) < 0)
        _exit(EXIT_FAILURE);
}

// Libraries say things on stdout, too: those go where errors go.
static void take_stdout(void)
{
    answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, ANSWERS);
    if (answers < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(EXIT_FAILURE);
}

// Of both processes whoever comes first: the other one dies, or has died.
__attribute__((noreturn)) static void give_up(const struct contest_pair *pair,
                                              int error)
{
    struct contest_end *end = pair->end;
    const bool is_unfit = error == -ENOTSUP || error == -EMSGSIZE;
    answer("%s %s", is_unfit ? "unfit" : "failed",
           end->sentence[0] ? end->sentence : strerrordesc_np(-error));
    if (end->side == 0 && end->state && pair->entrant->close)
        pair->entrant->close(end); // what it has named is not to stay
    _exit(EXIT_FAILURE);
}

__attribute__((noreturn)) static void be_unfit(const char *why)
{
    answer("unfit %s", why);
    _exit(EXIT_SUCCESS);
}

/* --- words between the two ----------------------------------------------- */

void contest_hear(const struct contest_pipes *pipes, void *word, size_t size)
{
    if (read(pipes->from, word, size) != (ssize_t)size)
        _exit(EXIT_FAILURE);
}

void contest_tell(const struct contest_pipes *pipes, const void *word, size_t size)
{
    if (write(pipes->to, word, size) != (ssize_t)size)
        _exit(EXIT_FAILURE);
}

static void tell_ready(const struct contest_pair *pair)
{
    contest_tell(&pair->pipes, "o", 1);
}

static void hear_ready(const struct contest_pair *pair)
{
    char word;
    contest_hear(&pair->pipes, &word, 1);
}

/* --- the ends ------------------------------------------------------------ */

static void pin(const struct task *task, int side)
{
    cpu_set_t set;
    if (!task->is_pinned)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)task->cores[side], &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

static int call(int (*function)(struct contest_end *), struct contest_end *end)
{
    return function ? function(end) : 0;
}

// Touched: a page that is new costs microseconds.
static void lay_bytes(struct contest_pair *pair)
{
    const size_t lanes = (size_t)CONTEST_LANES * CONTEST_LANE;
    const size_t size = ((pair->end->size + lanes) / PAGE + 3) * PAGE;
    pair->end->bytes = aligned_alloc(PAGE, size);
    if (!pair->end->bytes)
        give_up(pair, -ENOMEM);
    memset(pair->end->bytes, 'w', size);
}

/* What a child does once it is open. */
typedef int contest_life(struct contest_pair *pair);

__attribute__((noreturn)) static void
be_child(const struct task *task, struct contest_pair *pair, contest_life *life)
{
    pin(task, pair->end->side);
    lay_bytes(pair);
    hear_ready(pair);
    int r = call(task->entrant->open, pair->end);
    if (r < 0)
        give_up(pair, r);
    tell_ready(pair);
    r = life(pair);
    if (r < 0)
        give_up(pair, r);
    if (task->entrant->close)
        task->entrant->close(pair->end);
    exit(EXIT_SUCCESS); // NOLINT(concurrency-mt-unsafe): libraries take their leave
}

// A child of that side; pair->pipes and pair->other lead to the other one of the two.
static int part(const struct task *task, struct contest_pair *pair, int side,
                contest_life *life)
{
    int there[2];
    int back[2];
    if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
        return -errno;
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0)
        return -errno;
    pair->other = child > 0 ? child : parent;
    pair->pipes = child > 0 ? (struct contest_pipes){back[0], there[1]}
                            : (struct contest_pipes){there[0], back[1]};
    close(child > 0 ? there[0] : there[1]);
    close(child > 0 ? back[1] : back[0]);
    if (child > 0)
        return 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    pair->end->side = side;
    be_child(task, pair, life);
}

static int open_both(const struct task *task, struct contest_pair *pair)
{
    int r = call(task->entrant->prepare, pair->end);
    if (r >= 0)
        r = part(task, pair, 1, contest_respond);
    if (r < 0)
        return r;
    pin(task, 0);
    lay_bytes(pair);
    r = call(task->entrant->open, pair->end);
    if (r < 0)
        return r;
    tell_ready(pair);
    hear_ready(pair);
    r = call(task->entrant->meet, pair->end);
    return r < 0 ? r : contest_verify(pair);
}

// One after the other, so that whoever makes the queue is alone with that.
static int open_crowd(const struct task *task, struct contest_pair *pair,
                      struct contest_member *members)
{
    const struct contest_crowd *crowd = &contest_crowds[task->workload];
    const int children = crowd->readers + crowd->writers - 1;
    int r = call(task->entrant->prepare, pair->end);
    for (int i = 0; i < children && r >= 0; i++) {
        r = part(task, pair, i < crowd->readers ? 1 : 0, contest_join);
        if (r < 0)
            return r;
        members[i] = (struct contest_member){.pid = pair->other, .pipes = pair->pipes};
        tell_ready(pair);
        hear_ready(pair);
    }
    if (r < 0)
        return r;
    pin(task, 0);
    lay_bytes(pair);
    return call(task->entrant->open, pair->end);
}

/* --- orders -------------------------------------------------------------- */

// The numbers behind the first word of a line; false: there are fewer, or one is < 0.
static bool read_numbers(const char *line, uint64_t *numbers, size_t count)
{
    const char *at = strchr(line, ' ');
    for (size_t i = 0; i < count; i++) {
        char *end = NULL;
        const long long number = at ? strtoll(at, &end, 10) : -1;
        if (end == at || number < 0)
            return false;
        numbers[i] = (uint64_t)number;
        at = end;
    }
    return true;
}

static int64_t go_round(struct contest_pair *pair, const char *line,
                        const struct contest_samples *samples)
{
    uint64_t numbers[3]; // count, batch, think
    if (!read_numbers(line, numbers, 3) || numbers[1] == 0)
        return -EINVAL;
    return contest_round(pair, numbers[0], numbers[1], (int64_t)numbers[2], samples);
}

static int64_t push(struct contest_pair *pair, const char *line,
                    const struct contest_member *members)
{
    uint64_t count;
    if (!read_numbers(line, &count, 1) || count == 0)
        return -EINVAL;
    return members ? contest_push_together(pair, members, count)
                   : contest_push(pair, count);
}

static int idle(struct contest_pair *pair, const char *line)
{
    uint64_t milliseconds;
    int64_t cpu = 0;
    int64_t wakes = 0;
    if (!read_numbers(line, &milliseconds, 1) || milliseconds > IDLE_MOST)
        return -EINVAL;
    (void)alarm(PATIENCE + (unsigned)milliseconds / 1000);
    int r = contest_idle(pair, (int)milliseconds, &cpu, &wakes);
    if (r >= 0)
        answer("idle %lld %lld", (long long)cpu, (long long)wakes);
    return r;
}

// `members`: of a crowd, which is only told to push; else NULL.
static void obey(struct contest_pair *pair, const char *line,
                 const struct contest_samples *samples,
                 const struct contest_member *members)
{
    int64_t r = -EINVAL;
    if (strncmp(line, "idle ", 5) == 0 && !members)
        r = idle(pair, line);
    else if (strncmp(line, "round ", 6) == 0 && samples->most > 0 && !members)
        r = go_round(pair, line, samples);
    else if (strncmp(line, "push ", 5) == 0)
        r = push(pair, line, members);
    if (r < 0)
        give_up(pair, (int)r);
    if (strncmp(line, "idle ", 5) != 0)
        answer("took %lld", (long long)r);
}

static struct contest_samples map_samples(void)
{
    struct contest_samples samples = {.values = NULL};
    struct stat file;
    if (fstat(SAMPLES, &file) < 0 || file.st_size < (off_t)sizeof(float))
        return samples;
    void *memory = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                        SAMPLES, 0);
    if (memory != MAP_FAILED)
        samples = (struct contest_samples){
            .values = memory, .most = (size_t)file.st_size / sizeof(float)};
    return samples;
}

static void quit(struct contest_pair *pair, const struct contest_member *members)
{
    const struct contest_order end = {.job = CONTEST_QUIT};
    (void)alarm(PATIENCE);
    if (members)
        contest_quit_together(pair, members);
    else
        contest_tell(&pair->pipes, &end, sizeof(end));
    if (pair->entrant->close)
        pair->entrant->close(pair->end);
    while (wait(NULL) > 0)
        ;
}

static void drive(const struct task *task, struct contest_pair *pair)
{
    char line[LINE];
    struct contest_member room[CONTEST_MEMBERS];
    const struct contest_samples samples = map_samples();
    const bool is_crowd = contest_crowds[task->workload].writers > 0;
    struct contest_member *members = is_crowd ? room : NULL;
    // Who hangs dies; the others with it.
    (void)alarm(PATIENCE);
    int r = is_crowd ? open_crowd(task, pair, members) : open_both(task, pair);
    if (r < 0)
        give_up(pair, r);
    answer("ready %s", task->entrant->settings);
    for ((void)alarm(0); fgets(line, sizeof(line), stdin); (void)alarm(0)) {
        (void)alarm(PATIENCE);
        obey(pair, line, &samples, members);
    }
    quit(pair, members);
}

/* --- the command line ---------------------------------------------------- */

static const struct contest_entrant *find_entrant(const char *name)
{
    const struct contest_entrant *entrant = contest_entrants;
    while (entrant->name && strcmp(entrant->name, name) != 0)
        entrant++;
    return entrant->name ? entrant : NULL;
}

static bool read_task(int count, char **words, struct task *out)
{
    unsigned workload = 0;
    if (count < WORDS - 1 || count > WORDS)
        return false;
    out->entrant = find_entrant(words[0]);
    while (workload < CONTEST_WORKLOADS &&
           strcmp(contest_workloads[workload], words[1]) != 0)
        workload++;
    out->workload = (enum contest_workload)workload;
    out->size = (size_t)strtoull(words[2], NULL, 10);
    const char *comma = strchr(words[3], ',');
    out->is_pinned = comma != NULL;
    out->cores[0] = (int)strtol(words[3], NULL, 10);
    out->cores[1] = comma ? (int)strtol(comma + 1, NULL, 10) : 0;
    out->address = words[4];
    return out->entrant && workload < CONTEST_WORKLOADS && out->size >= CONTEST_LEAST &&
           out->size <= CONTEST_LARGEST &&
           getcwd(out->directory, sizeof(out->directory)) != NULL;
}

static void check_fitness(const struct task *task)
{
    const struct contest_entrant *entrant = task->entrant;
    char why[LINE];
    if (!(entrant->workloads & 1u << task->workload))
        be_unfit("it has no such way to move messages");
    if (entrant->is_awake && (!task->is_pinned || task->cores[0] == task->cores[1]))
        be_unfit("it never sleeps: each end needs a core of its own");
    snprintf(why, sizeof(why), "its messages have at most %zu bytes", entrant->most);
    if (entrant->most > 0 && task->size > entrant->most)
        be_unfit(why);
}

int main(int count, char **words)
{
    struct task task = {.entrant = NULL};
    if (count == 2 && strcmp(words[1], "serve") == 0 && contest_serve)
        return contest_serve();
    if (!read_task(count - 1, words + 1, &task)) {
        (void)fputs("started by `wherry bench --peers`, as bench/contest.h says\n",
                    stderr);
        return 2;
    }
    take_stdout();
    check_fitness(&task);
    struct contest_end end = {.workload = task.workload,
                              .size = task.size,
                              .address = task.address,
                              .directory = task.directory};
    struct contest_pair pair = {.entrant = task.entrant, .end = &end};
    snprintf(end.name, sizeof(end.name), "wherry-bench-%d", (int)getpid());
    (void)signal(SIGPIPE, SIG_IGN);
    drive(&task, &pair);
    return 0;
}
