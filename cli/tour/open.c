/* SPDX-License-Identifier: MIT */
/*
 * How two processes get to talk: before they part, then in each of them.
 *
 * What the child does not use it leaves open: it ends soon, and closing a listener
 * there would take the parent's name away.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "tour/tour.h"

enum { PATIENCE = 5000 }; /* milliseconds, for the other process to be there */

void tour_address(const char *pattern, const char *directory, char out[TOUR_TEXT])
{
    const char *slash = strrchr(directory, '/');

    const struct {
        const char *mark;
        const char *value;
    } holes[] = {{"{directory}", directory}, {"{name}", slash ? slash + 1 : directory}};

    (void)snprintf(out, TOUR_TEXT, "%s", pattern);
    for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
        const char *found = strstr(pattern, holes[i].mark);
        if (found)
            (void)snprintf(out, TOUR_TEXT, "%.*s%s%s", (int)(found - pattern), pattern,
                           holes[i].value, found + strlen(holes[i].mark));
    }
}

void tour_side_close(struct tour_side *side)
{
    wherry_message_free(side->origin);
    side->origin = NULL;
    tour_guard(NULL, NULL);
    if (side->out != side->in)
        wherry_close(side->out);
    wherry_close(side->in);
    side->in = side->out = NULL;
    wherry_region_close(side->region);
    wherry_semaphore_close(side->semaphore);
    side->region = NULL;
    side->semaphore = NULL;
}

void tour_place_clear(struct tour_place *place)
{
    wherry_close_listener(place->listener);
    wherry_region_close(place->region);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            wherry_close(place->ends[i][j]);
    for (int i = 0; i < 4; i++)
        tour_close(&place->descriptors[i]);
    for (int i = 0; i < 2 && place->stays; i++)
        (void)wherry_remove(place->addresses[i]);
}

// Takes over a channel of the place, for both directions or one.
static wherry_channel *take(wherry_channel **channel)
{
    wherry_channel *taken = *channel;
    *channel = NULL;
    return taken;
}

static int interrupted_or(int r)
{
    return interrupted() ? -EINTR : r;
}

// In short waits: nothing can cancel a dial.
static int dial(const char *address, wherry_channel **out)
{
    wherry_deadline end = wherry_after(PATIENCE);
    int r;
    do
        r = wherry_dial(address, wherry_after(100), out);
    while (r == -ETIMEDOUT && !interrupted() && wherry_now() < end);
    return interrupted_or(r);
}

int tour_accept(wherry_listener *listener, const struct tour_process *process,
                wherry_channel **out)
{
    wherry_deadline end = wherry_after(PATIENCE);
    int r;
    do
        r = wherry_accept(listener, wherry_after(20), out);
    while (r == -ETIMEDOUT && !interrupted() && wherry_now() < end &&
           (!process || tour_process_lives(process)));
    return interrupted_or(r);
}

/* --- both ends at once --------------------------------------------------- */

static int pair_prepare(struct tour_place *place)
{
    struct wherry_channel_info info = {.abilities = 0};
    int r = wherry_pair(place->addresses[0], place->ends[0]);
    if (r >= 0)
        r = wherry_describe(place->ends[0][0], &info, sizeof(info));
    if (r < 0 || info.abilities & WHERRY_ABLE_SEND)
        return r;
    // One way only: a second one for the way back.
    return wherry_pair(place->addresses[0], place->ends[1]);
}

// The parent's are the first reading end and the second writing end.
static int pair_take(struct tour_place *place, int end, struct tour_side *side)
{
    bool one_way = place->ends[1][0] != NULL;
    wherry_close(take(&place->ends[0][!end]));
    wherry_channel *first = take(&place->ends[0][end]);
    wherry_close(take(&place->ends[1][end]));
    wherry_channel *second = one_way ? take(&place->ends[1][!end]) : first;
    side->in = end == 0 ? first : second;
    side->out = end == 0 ? second : first;
    return 0;
}

static int pair_parent(struct tour_place *place, struct tour_side *side)
{
    return pair_take(place, 0, side);
}

static int pair_child(struct tour_place *place, struct tour_side *side)
{
    return pair_take(place, 1, side);
}

const struct tour_opening tour_opening_pair = {pair_prepare, pair_parent, pair_child};

/* --- a queue for each direction ------------------------------------------ */

// Its name is free again once both ends are open, and nobody else finds it.
static int queue_open(const char *address, wherry_channel *ends[2])
{
    wherry_listener *listener;
    int r = wherry_listen(address, &listener);
    if (r < 0)
        return r;
    r = wherry_accept(listener, WHERRY_POLL, &ends[0]);
    if (r >= 0) {
        char there[TOUR_TEXT];
        (void)snprintf(there, sizeof(there), "%.*s", (int)strcspn(address, "?"),
                       address);
        r = wherry_dial(there, WHERRY_POLL, &ends[1]);
    }
    int removed = wherry_remove(address);
    wherry_close_listener(listener);
    return r < 0 ? r : removed;
}

static int queue_prepare(struct tour_place *place)
{
    int r = queue_open(place->addresses[0], place->ends[0]);
    return r < 0 ? r : queue_open(place->addresses[0], place->ends[1]);
}

const struct tour_opening tour_opening_queue = {queue_prepare, pair_parent, pair_child};

/* --- one listens, the other dials ---------------------------------------- */

static int named_prepare(struct tour_place *place)
{
    return wherry_listen(place->addresses[0], &place->listener);
}

static int named_parent(struct tour_place *place, struct tour_side *side)
{
    int r = tour_accept(place->listener, side->process, &side->in);
    side->out = side->in;
    return r;
}

static int named_child(struct tour_place *place, struct tour_side *side)
{
    int r = dial(wherry_listener_address(place->listener), &side->in);
    side->out = side->in;
    return r;
}

const struct tour_opening tour_opening_named = {named_prepare, named_parent,
                                                named_child};

/* --- a FIFO, a key, or a name, for each direction -------------------------------- */

static int fifo_prepare(struct tour_place *place)
{
    tour_address("fifo:{directory}/back?writers=one&framing=wherry", place->directory,
                 place->addresses[1]);
    return 0;
}

static int fifo_open(const char *in, const char *out, struct tour_side *side)
{
    wherry_listener *listener;
    int r = wherry_listen(in, &listener);
    if (r < 0)
        return r;
    r = tour_accept(listener, NULL, &side->in);
    wherry_close_listener(listener);
    return r < 0 ? r : dial(out, &side->out);
}

static int fifo_parent(struct tour_place *place, struct tour_side *side)
{
    return fifo_open(place->addresses[1], place->addresses[0], side);
}

static int fifo_child(struct tour_place *place, struct tour_side *side)
{
    return fifo_open(place->addresses[0], place->addresses[1], side);
}

const struct tour_opening tour_opening_fifo = {fifo_prepare, fifo_parent, fifo_child};

static int key_prepare(struct tour_place *place)
{
    tour_address("sysv:{directory},2", place->directory, place->addresses[1]);
    place->stays = true;
    return 0;
}

const struct tour_opening tour_opening_key = {key_prepare, fifo_parent, fifo_child};

// What a process has of it, its child has not: each opens both by their names.
static int names_prepare(struct tour_place *place)
{
    (void)snprintf(place->addresses[1], TOUR_TEXT, "%.*s-back", TOUR_TEXT - 6,
                   place->addresses[0]);
    place->stays = true;
    return 0;
}

const struct tour_opening tour_opening_names = {names_prepare, fifo_parent, fifo_child};

/* --- each process signals the other -------------------------------------- */

// The parent can be signalled from before the child is there; the child speaks first,
// once it can be.
static int process_prepare(struct tour_place *place)
{
    tour_hold_signals();
    place->parent = getpid();
    return wherry_listen(place->addresses[0], &place->listener);
}

int tour_dial_process(int64_t pid, wherry_channel **out)
{
    char address[TOUR_TEXT];
    (void)snprintf(address, sizeof(address), "signal:%lld", (long long)pid);
    return wherry_dial(address, WHERRY_POLL, out);
}

void tour_hold_signals(void)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
}

static int process_parent(struct tour_place *place, struct tour_side *side)
{
    int r = wherry_accept(place->listener, WHERRY_POLL, &side->in);
    return r < 0 ? r : tour_dial_process(side->process->pid, &side->out);
}

static int process_child(struct tour_place *place, struct tour_side *side)
{
    wherry_listener *listener;
    int r = wherry_listen(place->addresses[0], &listener);
    if (r < 0)
        return r;
    r = wherry_accept(listener, WHERRY_POLL, &side->in);
    wherry_close_listener(listener);
    return r < 0 ? r : tour_dial_process(place->parent, &side->out);
}

const struct tour_opening tour_opening_process = {process_prepare, process_parent,
                                                  process_child};

/* --- descriptors that a process finds when it starts --------------------- */

static int stdio_prepare(struct tour_place *place)
{
    int r = tour_pipe(&place->descriptors[0]);
    return r < 0 ? r : tour_pipe(&place->descriptors[2]);
}

static int dial_descriptors(int reading, int writing, struct tour_side *side)
{
    char address[TOUR_TEXT];
    (void)snprintf(address, sizeof(address), "fd:%d,%d?framing=wherry", reading,
                   writing);
    int r = wherry_dial(address, WHERRY_POLL, &side->in);
    side->out = side->in;
    return r;
}

static int stdio_parent(struct tour_place *place, struct tour_side *side)
{
    int *descriptors = place->descriptors;
    tour_close(&descriptors[0]);
    tour_close(&descriptors[3]);
    int r = dial_descriptors(descriptors[2], descriptors[1], side);
    if (r >= 0)
        descriptors[1] = descriptors[2] = -1; // the channel has closed them
    return r;
}

static int stdio_child(struct tour_place *place, struct tour_side *side)
{
    int *descriptors = place->descriptors;
    if (dup2(descriptors[0], 0) < 0 || dup2(descriptors[3], 1) < 0)
        return -errno;
    for (int i = 0; i < 4; i++)
        tour_close(&descriptors[i]);
    int r = wherry_dial(place->addresses[0], WHERRY_POLL, &side->in);
    side->out = side->in;
    return r;
}

const struct tour_opening tour_opening_stdio = {stdio_prepare, stdio_parent,
                                                stdio_child};

static int fd_prepare(struct tour_place *place)
{
    int *descriptors = place->descriptors;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        (void)fcntl(descriptors[i], F_SETFD, FD_CLOEXEC);
    return 0;
}

static int fd_take(struct tour_place *place, int end, struct tour_side *side)
{
    char address[TOUR_TEXT];
    int *descriptors = place->descriptors;
    tour_close(&descriptors[!end]);
    (void)snprintf(address, sizeof(address), "fd:%d", descriptors[end]);
    int r = wherry_dial(address, WHERRY_POLL, &side->in);
    side->out = side->in;
    if (r >= 0)
        descriptors[end] = -1; // the channel has closed it
    return r;
}

static int fd_parent(struct tour_place *place, struct tour_side *side)
{
    return fd_take(place, 0, side);
}

static int fd_child(struct tour_place *place, struct tour_side *side)
{
    return fd_take(place, 1, side);
}

const struct tour_opening tour_opening_fd = {fd_prepare, fd_parent, fd_child};

/* --- the stdin and stdout of a command ----------------------------------- */

// The command only stays until nobody has `hold` open for writing any more: what it has
// as its stdin and stdout is opened again by the child, which talks.
static int exec_prepare(struct tour_place *place)
{
    char path[TOUR_TEXT];
    (void)snprintf(path, sizeof(path), "%s/hold", place->directory);
    if (mkfifo(path, 0600) < 0)
        return -errno;
    tour_address("fifo:{directory}/hold?create=no", place->directory,
                 place->addresses[1]);
    return 0;
}

static int exec_parent(struct tour_place *place, struct tour_side *side)
{
    int r = wherry_dial(place->addresses[0], wherry_after(PATIENCE), &side->in);
    side->out = side->in;
    return r;
}

static int read_pid(const char *directory)
{
    char path[TOUR_TEXT];
    char line[32] = "";
    (void)snprintf(path, sizeof(path), "%s/pid", directory);
    FILE *file = fopen(path, "re");
    if (file && !fgets(line, sizeof(line), file))
        line[0] = 0;
    if (file)
        (void)fclose(file);
    return (int)strtol(line, NULL, 10);
}

static int open_its(int pid, int number, int flags)
{
    char path[TOUR_TEXT];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
    int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int exec_child(struct tour_place *place, struct tour_side *side)
{
    // Somebody reads there: the number was written before.
    int r = dial(place->addresses[1], &place->ends[1][0]);
    if (r < 0)
        return r;
    int pid = read_pid(place->directory);
    int in = open_its(pid, 0, O_RDONLY);
    int out = open_its(pid, 1, O_WRONLY);
    if (in < 0 || out < 0)
        return in < 0 ? in : out;
    return dial_descriptors(in, out, side);
}

const struct tour_opening tour_opening_exec = {exec_prepare, exec_parent, exec_child};
