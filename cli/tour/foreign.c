/* SPDX-License-Identifier: MIT */
/*
 * Meeting programs that know nothing of Wherry.
 *
 * We open our end as any program of Wherry's would, start the foreign one, send it
 * messages and compare what it sends back.  One that is not installed, or cannot even
 * start, is missing; one that was met and then was wrong is a failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "tour/tour.h"

enum {
    MEETING_SECONDS = 10,
    START_MILLISECONDS = 8000, // an interpreter on a slow machine
    END_MILLISECONDS = 3000,
    LOOK_MILLISECONDS = 20 // between two looks whether it still lives
};

/* --- its command --------------------------------------------------------- */

struct command_line {
    const char *argv[8];
    char room[8][TOUR_TEXT];
};

static void replace_all(const char *text, const char *mark, const char *by,
                        char out[TOUR_TEXT])
{
    size_t used = 0;
    size_t length = strlen(mark);
    while (*text && used + strlen(by) + 2 < TOUR_TEXT) {
        if (strncmp(text, mark, length) != 0) {
            out[used++] = *text++;
            continue;
        }
        used += (size_t)snprintf(out + used, TOUR_TEXT - used, "%s", by);
        text += length;
    }
    out[used] = 0;
}

static void fill_in(const struct tour_peer *peer, const char *directory,
                    const char *port, struct command_line *line)
{
    for (size_t i = 0; peer->argv[i]; i++) {
        const char *text = peer->argv[i];
        char half[TOUR_TEXT] = "";
        line->argv[i] = text;
        line->argv[i + 1] = NULL;
        if (!strchr(text, '{') || strchr(text, '\n') || strchr(text, ' '))
            continue; // a script
        tour_address(text, directory, half);
        replace_all(half, "{port}", port, line->room[i]);
        line->argv[i] = line->room[i];
    }
}

// "tcp:127.0.0.1:4000?…": "4000"
static void port_of(const char *address, char port[TOUR_NUMBER])
{
    size_t length = strcspn(address, "?");
    size_t start = length;
    while (start > 0 && address[start - 1] != ':')
        start--;
    (void)snprintf(port, TOUR_NUMBER, "%.*s", (int)(length - start), address + start);
}

static int start(const struct tour_peer *peer, const char *directory, const char *port,
                 const int in_out[2], struct tour_process *process)
{
    char errors[TOUR_TEXT];
    struct command_line line;
    fill_in(peer, directory, port, &line);
    (void)snprintf(errors, sizeof(errors), "%s/errors", directory);
    return tour_process_exec(process, line.argv, in_out, errors);
}

/* --- what is said -------------------------------------------------------- */

static bool chat(const struct tour_peer *peer, struct tour_side *side)
{
    const size_t sizes[] = {1, 64, peer->largest};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct tour_sample sample = {.seed = 64 + i,
                                     .size = peer->numbers ? peer->largest : sizes[i],
                                     .text = peer->text};
        if (!tour_say(side, &sample) || !tour_hear(side, &sample))
            return false;
    }
    return true;
}

static bool finish(struct tour_side *side)
{
    struct wherry_channel_info info;
    if (wherry_describe(side->out, &info, sizeof(info)) < 0)
        return tour_refused(&side->proof.fault, "describing the channel");
    if (!(info.abilities & WHERRY_ABLE_FINISH))
        return true;
    if (wherry_finish(side->out) < 0)
        return tour_refused(&side->proof.fault, "telling the end");
    return true;
}

void tour_complaint(const char *directory, char out[TOUR_TEXT])
{
    char path[TOUR_TEXT];
    (void)snprintf(path, sizeof(path), "%s/errors", directory);
    out[0] = 0;
    FILE *file = fopen(path, "re");
    char line[TOUR_TEXT];
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0])
            (void)snprintf(out, TOUR_TEXT, "%s", line);
    }
    if (file)
        (void)fclose(file);
}

// What came of it.
static bool conclude(const struct tour_peer *peer, const char *directory,
                     struct tour_side *side, int status, struct tour_visit *visit)
{
    char number[TOUR_NUMBER];
    char complaint[TOUR_TEXT];
    struct tour_fault *fault = &side->proof.fault;
    if (fault->text[0] && tour_is_late()) {
        struct tour_fault late = {""};
        tour_wrong(&late, "it sent nothing back for %d seconds", MEETING_SECONDS);
        *fault = late;
    }
    tour_complaint(directory, complaint);
    if (!fault->text[0] && peer->ends && status != 0)
        tour_wrong(fault, "it ended with %d instead of 0%s%.150s", status,
                   complaint[0] ? ": " : "", complaint);
    visit->result = fault->text[0] ? TOUR_WRONG : TOUR_RIGHT;
    if (fault->text[0])
        (void)snprintf(visit->text, sizeof(visit->text), "%s", fault->text);
    else
        (void)snprintf(visit->text, sizeof(visit->text), "%s %s there and back, whole",
                       peer->numbers ? "numbers of" : "1 B to",
                       tour_size_text(peer->largest, number));
    return visit->result != TOUR_WRONG;
}

// It ended before it was met.
static bool never_came(const char *directory, struct tour_visit *visit)
{
    char complaint[TOUR_TEXT];
    tour_complaint(directory, complaint);
    visit->result = TOUR_MISSING;
    (void)snprintf(visit->text, sizeof(visit->text), "did not start%s%.200s",
                   complaint[0] ? ": " : "", complaint);
    return true;
}

static bool could_not_open(struct tour_side *side, const char *what, int error,
                           struct tour_visit *visit)
{
    tour_wrong(&side->proof.fault, "%s: %s", what,
               wherry_error_text()[0] ? wherry_error_text() : strerror(-error));
    visit->result = TOUR_WRONG;
    (void)snprintf(visit->text, sizeof(visit->text), "%s", side->proof.fault.text);
    return false;
}

/* --- it dials what we listen at ------------------------------------------ */

// Its stdin and stdout: one pipe, or nothing.
static int open_stdio(const struct tour_peer *peer, int in_out[2])
{
    if (!peer->loops) {
        in_out[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        in_out[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
        return in_out[0] < 0 || in_out[1] < 0 ? -errno : 0;
    }
    int r = tour_pipe(in_out);
    if (r >= 0 && peer->greets && write(in_out[1], "hello", 5) != 5)
        r = -errno;
    return r;
}

static bool may_wait(const struct tour_process *process, wherry_deadline end)
{
    return tour_process_lives(process) && !interrupted() && wherry_now() < end;
}

// Its first word said that it can be signalled.
static int dial_process(const struct tour_process *process, struct tour_side *side)
{
    wherry_message_free(side->origin);
    side->origin = NULL;
    return tour_dial_process(process->pid, &side->out);
}

static int wait_for_it(const struct tour_peer *peer, const struct tour_process *process,
                       wherry_listener *listener, struct tour_side *side)
{
    wherry_deadline end = wherry_after(START_MILLISECONDS);
    int r;
    do
        r = wherry_accept(listener, wherry_after(LOOK_MILLISECONDS), &side->in);
    while (r == -ETIMEDOUT && may_wait(process, end));
    side->out = side->in;
    if (r < 0 || !peer->greets)
        return r;
    do
        r = wherry_recv(side->in, &side->origin, wherry_after(LOOK_MILLISECONDS));
    while (r == -ETIMEDOUT && may_wait(process, end));
    return r >= 0 && peer->numbers ? dial_process(process, side) : r;
}

static bool talk_to(const struct tour_peer *peer, struct tour_side *side)
{
    tour_guard_seconds(MEETING_SECONDS);
    tour_guard(side->in, side->out);
    bool right = chat(peer, side) && finish(side);
    tour_side_close(side);
    tour_guard_seconds(0);
    return right;
}

bool tour_meet_dialler(const struct tour_peer *peer, const char *directory,
                       struct tour_visit *visit)
{
    char address[TOUR_TEXT];
    char port[TOUR_NUMBER];
    struct tour_side side = {.directory = directory};
    wherry_listener *listener = NULL;
    struct tour_process process = {-1, -1};
    int in_out[2] = {-1, -1};
    tour_address(peer->address, directory, address);
    if (peer->numbers)
        tour_hold_signals();
    int r = wherry_listen(address, &listener);
    if (r >= 0)
        r = open_stdio(peer, in_out);
    if (r >= 0) {
        port_of(wherry_listener_address(listener), port);
        r = start(peer, directory, port, in_out, &process);
    }
    tour_close(&in_out[0]);
    tour_close(&in_out[1]);
    if (r >= 0)
        r = wait_for_it(peer, &process, listener, &side);
    bool came = r >= 0;
    bool ended = process.pid > 0 && !tour_process_lives(&process);
    if (came)
        talk_to(peer, &side);
    tour_side_close(&side);
    wherry_close_listener(listener);
    int status = tour_process_end(&process, peer->ends ? END_MILLISECONDS : 0, NULL, 0);
    if (came)
        return conclude(peer, directory, &side, status, visit);
    return ended ? never_came(directory, visit)
                 : could_not_open(&side, "opening", r, visit);
}

/* --- two FIFOs ----------------------------------------------------------- */

static int dial_reader(const char *address, const struct tour_process *process,
                       wherry_channel **out)
{
    wherry_deadline end = wherry_after(START_MILLISECONDS);
    int r;
    do
        r = wherry_dial(address, wherry_after(LOOK_MILLISECONDS), out);
    while (r == -ETIMEDOUT && may_wait(process, end));
    return r;
}

static int open_fifos(const struct tour_peer *peer, const char *directory,
                      struct tour_process *process, struct tour_side *side)
{
    char there[TOUR_TEXT];
    char back[TOUR_TEXT];
    char path[TOUR_PATH + 16];
    wherry_listener *listener = NULL;
    int in_out[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC),
                     open("/dev/null", O_WRONLY | O_CLOEXEC)};
    (void)snprintf(path, sizeof(path), "%s/there", directory);
    (void)snprintf(there, sizeof(there), "fifo:%s", path);
    (void)snprintf(back, sizeof(back), "fifo:%s/back", directory);
    int r = mkfifo(path, 0600) < 0 ? -errno : 0;
    if (r >= 0)
        r = wherry_listen(back, &listener);
    if (r >= 0)
        r = wherry_accept(listener, WHERRY_POLL, &side->in);
    if (r >= 0)
        r = start(peer, directory, "", in_out, process);
    if (r >= 0)
        r = dial_reader(there, process, &side->out);
    wherry_close_listener(listener);
    tour_close(&in_out[0]);
    tour_close(&in_out[1]);
    return r;
}

bool tour_meet_fifo(const struct tour_peer *peer, const char *directory,
                    struct tour_visit *visit)
{
    struct tour_side side = {.directory = directory};
    struct tour_process process = {-1, -1};
    int r = open_fifos(peer, directory, &process, &side);
    if (r >= 0)
        talk_to(peer, &side);
    tour_side_close(&side);
    int status = tour_process_end(&process, END_MILLISECONDS, NULL, 0);
    return r >= 0 ? conclude(peer, directory, &side, status, visit)
                  : could_not_open(&side, "opening", r, visit);
}

/* --- two queues, there and back ------------------------------------------ */

static int open_queues(const struct tour_peer *peer, const char *directory,
                       const char *addresses[2], struct tour_process *process,
                       struct tour_side *side)
{
    wherry_listener *listener = NULL;
    int in_out[2] = {-1, -1};
    int r = wherry_listen(addresses[1], &listener);
    if (r >= 0)
        r = wherry_accept(listener, WHERRY_POLL, &side->in);
    if (r >= 0)
        r = wherry_dial(addresses[0], WHERRY_POLL, &side->out);
    if (r >= 0)
        r = open_stdio(peer, in_out);
    if (r >= 0)
        r = start(peer, directory, "", in_out, process);
    wherry_close_listener(listener);
    tour_close(&in_out[0]);
    tour_close(&in_out[1]);
    return r;
}

bool tour_meet_queue(const struct tour_peer *peer, const char *directory,
                     struct tour_visit *visit)
{
    char there[TOUR_TEXT];
    char back[TOUR_TEXT];
    const char *addresses[2] = {there, back};
    struct tour_side side = {.directory = directory};
    struct tour_process process = {-1, -1};
    tour_address(peer->address, directory, there);
    tour_address(peer->back, directory, back);
    int r = open_queues(peer, directory, addresses, &process, &side);
    if (r >= 0)
        talk_to(peer, &side);
    tour_side_close(&side);
    int status = tour_process_end(&process, 0, NULL, 0);
    // Not before: it looks for them by name.
    for (int i = 0; i < 2; i++)
        (void)wherry_remove(addresses[i]);
    return r >= 0 ? conclude(peer, directory, &side, status, visit)
                  : could_not_open(&side, "opening", r, visit);
}

/* --- a child on a socket ------------------------------------------------- */

static int dial_numbers(const char *numbers, struct tour_side *side)
{
    char address[TOUR_TEXT];
    (void)snprintf(address, sizeof(address), "fd:%s?framing=line", numbers);
    int r = wherry_dial(address, WHERRY_POLL, &side->in);
    side->out = side->in;
    return r;
}

bool tour_meet_child(const struct tour_peer *peer, const char *directory,
                     struct tour_visit *visit)
{
    int ends[2] = {-1, -1};
    char numbers[TOUR_NUMBER];
    struct tour_side side = {.directory = directory};
    struct tour_process process = {-1, -1};
    int r = socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? -errno : 0;
    for (int i = 0; i < 2 && r >= 0; i++)
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    if (r >= 0)
        r = start(peer, directory, "", (const int[2]){ends[1], ends[1]}, &process);
    tour_close(&ends[1]);
    (void)snprintf(numbers, sizeof(numbers), "%d", ends[0]);
    if (r >= 0)
        r = dial_numbers(numbers, &side);
    if (r < 0)
        tour_close(&ends[0]); // else the channel has taken it
    else
        talk_to(peer, &side);
    int status = tour_process_end(&process, END_MILLISECONDS, NULL, 0);
    return r >= 0 ? conclude(peer, directory, &side, status, visit)
                  : could_not_open(&side, "opening", r, visit);
}

/* --- program | a process of ours | program ------------------------------- */

static _Noreturn void be_filter(const int in_out[2], int report)
{
    struct tour_side side = {.in = NULL};
    bool right = dup2(in_out[0], 0) == 0 && dup2(in_out[1], 1) == 1;
    if (right && wherry_dial("stdio:", WHERRY_POLL, &side.in) < 0)
        right = tour_refused(&side.proof.fault, "opening");
    side.out = side.in;
    int r;
    while (right && (r = tour_return(&side)) != 0)
        right = r > 0;
    struct tour_fault fault = side.proof.fault;
    tour_side_close(&side);
    // Less than PIPE_BUF: whole or not at all.
    bool reported = write(report, &fault, sizeof(fault)) == (ssize_t)sizeof(fault);
    _exit(right && reported ? 0 : 1);
}

/* pipes: to the first program, to ours, to the last one, back. */
struct filter {
    int pipes[4][2];
    struct tour_process first, ours, last;
};

static int start_filter(const struct tour_peer *peer, const char *directory,
                        struct filter *filter)
{
    int(*pipes)[2] = filter->pipes;
    int report;
    int r = 0;
    for (int i = 0; i < 4 && r >= 0; i++)
        r = tour_pipe(pipes[i]);
    if (r < 0)
        return r;
    r = start(peer, directory, "", (const int[2]){pipes[0][0], pipes[1][1]},
              &filter->first);
    if (r >= 0)
        r = start(peer, directory, "", (const int[2]){pipes[2][0], pipes[3][1]},
                  &filter->last);
    if (r < 0)
        return r;
    r = tour_process_fork(&filter->ours, &report);
    if (r != 0)
        return r;
    const int in_out[2] = {pipes[1][0], pipes[2][1]};
    // What it kept open of the others' would keep them from hearing an end.
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++)
            if (pipes[i][j] != in_out[0] && pipes[i][j] != in_out[1])
                tour_close(&pipes[i][j]);
    be_filter(in_out, report);
}

static int open_filter(const struct tour_peer *peer, const char *directory,
                       struct filter *filter, struct tour_side *side)
{
    char numbers[TOUR_NUMBER];
    int(*pipes)[2] = filter->pipes;
    int r = start_filter(peer, directory, filter);
    (void)snprintf(numbers, sizeof(numbers), "%d,%d", pipes[3][0], pipes[0][1]);
    if (r >= 0)
        r = dial_numbers(numbers, side);
    if (r >= 0)
        pipes[3][0] = pipes[0][1] = -1; // the channel has taken them
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++)
            tour_close(&pipes[i][j]);
    return r;
}

bool tour_meet_filter(const struct tour_peer *peer, const char *directory,
                      struct tour_visit *visit)
{
    struct filter filter = {.pipes = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}},
                            .first = {-1, -1},
                            .ours = {-1, -1},
                            .last = {-1, -1}};
    struct tour_side side = {.directory = directory};
    struct tour_fault fault = {""};
    int r = open_filter(peer, directory, &filter, &side);
    if (r >= 0)
        talk_to(peer, &side);
    int statuses[] = {
        tour_process_end(&filter.first, END_MILLISECONDS, NULL, 0),
        tour_process_end(&filter.ours, END_MILLISECONDS, &fault, sizeof(fault)),
        tour_process_end(&filter.last, END_MILLISECONDS, NULL, 0)};
    if (r < 0)
        return could_not_open(&side, "opening", r, visit);
    if (fault.text[0])
        side.proof.fault = fault;
    int status = statuses[0] ? statuses[0] : statuses[1] ? statuses[1] : statuses[2];
    return conclude(peer, directory, &side, status, visit);
}

/* --- all of them --------------------------------------------------------- */

void tour_visit_run(const struct tour_peer *peer, const char *directory,
                    struct tour_visit *visit)
{
    visit->program = peer->program;
    visit->means = peer->means;
    if (tour_program_is_there(peer->program)) {
        peer->meet(peer, directory, visit);
        return;
    }
    visit->result = TOUR_MISSING;
    visit->package = peer->package;
    (void)snprintf(visit->text, sizeof(visit->text),
                   "is not on this machine; Debian has it in %s", peer->package);
}
