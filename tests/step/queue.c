/* SPDX-License-Identifier: MIT */
/*
 * A message queue of ours: whoever dies, wherever, takes nobody else's message along.
 * Messages are whole or absent, in their order, each once; all of its room can be used
 * again; whoever sleeps while there is something for it is woken; and nothing of the
 * dead stays behind, no doorbell either.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wherry.h>

#include "channel/channel.h"
#include "harness.h"
#include "kernel.h"
#include "queue.h"
#include "transport/shared_queue.h"

static const char *directory;

static bool is_named(const struct step_role *role, const char *name)
{
    return role && strcmp(role->name, name) == 0;
}

/* --- opening ------------------------------------------------------------- */

static int open_out(const struct quay *quay, const char *options, wherry_channel **out)
{
    char address[2 * ADDRESS];
    snprintf(address, sizeof address, "%s%s", quay->address, options);
    return wherry_dial(address, WHERRY_POLL, out);
}

static int open_in(const struct quay *quay, wherry_channel **out)
{
    char address[2 * ADDRESS];
    wherry_listener *listener = NULL;
    snprintf(address, sizeof address, "%s?create=no", quay->address);
    int r = wherry_listen(address, &listener);
    if (r < 0)
        return r;
    r = wherry_accept(listener, WHERRY_POLL, out);
    wherry_close_listener(listener);
    return r;
}

static void open_ends(const struct quay *quay, struct ends *ends)
{
    CHECK_OK(open_out(quay, "?create=no", &ends->out));
    CHECK_OK(open_in(quay, &ends->in));
}

static const char made_with[] = "?maxsize=4&bytes=8K&handles=8";

static int how_many(const struct step_role *role)
{
    return !role                        ? 0
           : strstr(role->name, "full") ? MESSAGES
           : strstr(role->name, "take") ? 3
           : strstr(role->name, "some") ? 2
                                        : 0;
}

// In a process of its own, as all that allocates.
static void found(void *argument)
{
    struct quay *quay = argument;
    struct ends ends = {NULL, NULL};
    wherry_channel *first = NULL;
    CHECK_OK(open_out(quay, made_with, &first));
    open_ends(quay, &ends);
    for (int i = 0; i < 7; i++) { // so that its rings are in their second round
        wherry_message *message = NULL;
        CHECK_OK(queue_put(ends.out, LEAST + i, WHERRY_POLL));
        CHECK_INT(wherry_recv(ends.in, &message, WHERRY_POLL), 1);
        wherry_message_free(message);
    }
    for (int i = 0; i < quay->there; i++)
        CHECK_OK(queue_put(ends.out, LEAST + i, WHERRY_POLL));
    wherry_close(first);
    wherry_close(ends.out);
    wherry_close(ends.in);
}

static void look_into(struct quay *quay)
{
    struct stat status;
    int fd = open(quay->file, O_RDWR | O_CLOEXEC);
    CHECK_OK(fd);
    CHECK_INT(fstat(fd, &status), 0);
    quay->size = (size_t)status.st_size;
    quay->block = mmap(NULL, quay->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(quay->block != MAP_FAILED);
    close(fd);
}

// From outside, as nobody of it.
static bool look_at(const struct quay *quay, struct shared_queue *out)
{
    struct shared_queue_header *header = quay->block;
    *out =
        (struct shared_queue){.places = {.space = header ? header->common.space : 0}};
    return header && shared_queue_know(out, header, quay->size) >= 0;
}

// Dies with the locks, and a message half put and one half taken.
static void die_with_all(void *argument)
{
    struct quay *quay = argument;
    struct ends ends = {NULL, NULL};
    struct shared_queue queue;
    open_ends(quay, &ends);
    look_into(quay);
    CHECK(look_at(quay, &queue));
    const uint64_t word = atomic_load(&queue.places.all[0].word);
    const uint64_t owner = word & ((UINT64_C(1) << 54) - 1); // of place 0
    atomic_store(&queue.writers->lock, owner);
    atomic_store(&queue.readers->lock, owner);
    const uint64_t read = atomic_load(&queue.readers->read);
    const uint64_t taken = atomic_load(&queue.writers->taken);
    struct shared_queue_slot *first =
        &queue.slots[entry_at(&queue, queue.arrivals, read)];
    struct shared_queue_slot *next =
        &queue.slots[entry_at(&queue, queue.returns, taken)];
    atomic_store(&first->state, state_word(QUEUE_READING, read));
    atomic_store(&next->state,
                 state_word(QUEUE_READY, atomic_load(&queue.writers->arrived)));
    _exit(0);
}

static void clear(void *argument)
{
    const struct quay *quay = argument;
    (void)wherry_remove(quay->address);
}

static void *make(const struct step_role *role)
{
    static unsigned runs;
    if (!directory) {
        directory = getenv("WHERRY_DIR");
        CHECK_INT(chdir(directory), 0);
    }
    struct quay *quay = kernel_memory(sizeof *quay);
    snprintf(quay->address, ADDRESS, "queue:q%06u", runs);
    snprintf(quay->file, ADDRESS, "q%06u.queue", runs++);
    quay->there = how_many(role);
    if (is_named(role, "make"))
        return quay;
    CHECK_INT(harness_wait(harness_child(found, quay)), 0);
    if (role && strstr(role->name, "mend"))
        CHECK_INT(harness_wait(harness_child(die_with_all, quay)), 0);
    look_into(quay);
    return quay;
}

static void unmake(void *shared)
{
    struct quay *quay = shared;
    CHECK_INT(harness_wait(harness_child(clear, shared)), 0);
    if (quay->block)
        munmap(quay->block, quay->size);
    munmap(shared, sizeof(struct quay));
}

static uint64_t fold(uint64_t word, uint64_t more)
{
    return (word ^ more) * UINT64_C(0x100000001b3);
}

/* Who holds a lock, how far each side is, what each slot and list is. */
static uint64_t state(const struct step_scene *scene)
{
    const struct quay *quay = scene->shared;
    struct shared_queue queue;
    // A sleeper that is woken goes on at once: what it does is not in the state.
    if (!look_at(quay, &queue) ||
        (scene->role && (scene->role->sleeper || scene->role->wake)))
        return 0;
    uint64_t word =
        fold(UINT64_C(0xcbf29ce484222325), atomic_load(&queue.writers->lock) != 0);
    word = fold(word, atomic_load(&queue.readers->lock) != 0);
    word = fold(word, atomic_load(&queue.writers->arrived));
    word = fold(word, atomic_load(&queue.writers->taken));
    word = fold(word, atomic_load(&queue.writers->free_count));
    word = fold(word, atomic_load(&queue.readers->read));
    word = fold(word, atomic_load(&queue.readers->returned));
    word = fold(word, atomic_load(&queue.readers->first));
    word = fold(word, atomic_load(&queue.readers->last));
    for (uint32_t i = 0; i < MESSAGES; i++) {
        word = fold(word, atomic_load(&queue.slots[i].state));
        word = fold(word, atomic_load(&queue.slots[i].block));
        word = fold(word, atomic_load(&queue.places.all[i].word) >> 62);
    }
    return word >> 1;
}

/* --- the operations ------------------------------------------------------ */

static struct ends own;

// Otherwise a wake-up that is lost would come a tenth of a second late, and not be
// seen.
static void look_never(const wherry_channel *channel)
{
    const struct queue_end *end = channel->state;
    end->queue->looks_at = WHERRY_FOREVER;
}

static void open_own(struct step_scene *scene)
{
    open_ends(scene->shared, &own);
    look_never(own.out);
    look_never(own.in);
    scene->own = &own;
}

static void open_own_and_pass_over(struct step_scene *scene)
{
    wherry_message *message = NULL;
    open_own(scene);
    CHECK_ERROR(wherry_recv_kind(own.in, NOBODYS, &message, WHERRY_POLL), -EAGAIN);
}

static void make_one(struct step_scene *scene)
{
    wherry_channel *out = NULL;
    if (open_out(scene->shared, made_with, &out) >= 0)
        wherry_close(out);
}

static void open_one(struct step_scene *scene)
{
    wherry_channel *in = NULL;
    if (open_in(scene->shared, &in) >= 0)
        wherry_close(in);
}

static void remove_one(struct step_scene *scene)
{
    const struct quay *quay = scene->shared;
    (void)wherry_remove(quay->address);
}

static int next_number(const struct step_scene *scene)
{
    const struct quay *quay = scene->shared;
    return LEAST + quay->there;
}

static void put_next(struct step_scene *scene)
{
    (void)queue_put(own.out, next_number(scene), WHERRY_POLL);
}

static void put_two(struct step_scene *scene)
{
    (void)queue_put(own.out, next_number(scene), WHERRY_POLL);
    (void)queue_put(own.out, next_number(scene) + 1, WHERRY_POLL);
}

static void take(int64_t wanted)
{
    wherry_message *message = NULL;
    if (wherry_recv_kind(own.in, wanted, &message, WHERRY_POLL) == 1)
        wherry_message_free(message);
}

static void take_first(struct step_scene *scene)
{
    (void)scene;
    take(0);
}

static void take_last_kind(struct step_scene *scene)
{
    take(next_number(scene) - 1);
}

static void take_lowest(struct step_scene *scene)
{
    (void)scene;
    take(-LEAST - 1);
}

static void await_and_take(struct step_scene *scene)
{
    wherry_message *message = NULL;
    (void)scene;
    if (wherry_recv(own.in, &message, WHERRY_FOREVER) == 1)
        wherry_message_free(message);
}

static void await_and_put(struct step_scene *scene)
{
    (void)queue_put(own.out, next_number(scene), WHERRY_FOREVER);
}

static void close_own(struct step_scene *scene)
{
    (void)scene;
    wherry_close(own.out);
    wherry_close(own.in);
}

// Not closed: whoever wakes it may be so slow that it is about to ring only now.
static void open_and_await_message(struct step_scene *scene)
{
    open_own(scene);
    await_and_take(scene);
}

static void open_and_await_room(struct step_scene *scene)
{
    open_own(scene);
    await_and_put(scene);
}

static void put_by_another(void *argument)
{
    struct step_scene *scene = argument;
    struct ends ends = {NULL, NULL};
    open_ends(scene->shared, &ends);
    (void)queue_put(ends.out, LEAST, WHERRY_POLL);
    wherry_close(ends.in);
    wherry_close(ends.out);
}

static void put_for_the_sleeping(struct step_scene *scene)
{
    CHECK_INT(harness_wait(harness_child(put_by_another, scene)), 0);
}

/* --- the judgement ------------------------------------------------------- */

static int count_names(void)
{
    DIR *list = opendir(directory);
    int count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    if (list)
        closedir(list);
    return count;
}

// Whoever sleeps may sleep on where there is nothing for it.
static struct step_finding judge_sleeper(const struct step_scene *scene,
                                         const struct haul *haul)
{
    const struct step_role *role = scene->role;
    if (!role || !role->sleeper || scene->sleeper_is_back)
        return step_find(STEP_WHOLE, "nobody sleeps");
    const bool is_reader = role->sleeper == open_and_await_message;
    const int there = haul->count + haul->visitors; // who may have taken its room
    if (is_reader ? there > 0 : there < MESSAGES)
        return step_find(STEP_HUNG, "the sleeper sleeps on, with %d messages there",
                         there);
    return step_find(STEP_WHOLE, "it may sleep on");
}

static struct step_finding judge(const struct step_scene *scene,
                                 const struct ends *ends)
{
    struct haul haul;
    queue_empty(ends->in, &haul);
    if (haul.is_stuck)
        return step_find(STEP_LOST, "what is there cannot be had: %s",
                         wherry_error_text());
    struct step_finding sleeper = judge_sleeper(scene, &haul);
    struct step_finding finding = queue_judge_haul(scene, &haul);
    const bool is_alone = !(scene->role && scene->role->sleeper);
    if (!is_alone) // and it may take, or put, one
        finding = haul.is_torn ? finding : sleeper;
    if (finding.verdict > STEP_ABSENT || !is_alone)
        return finding;
    struct step_finding room = queue_judge_room(ends);
    return room.verdict > STEP_ABSENT ? room : finding;
}

static struct step_finding check(struct step_scene *scene)
{
    const struct quay *quay = scene->shared;
    struct ends ends = {NULL, NULL};
    int r = open_out(quay, "?create=no", &ends.out);
    if (r >= 0)
        r = open_in(quay, &ends.in);
    if (r < 0 && r != -ENOENT)
        return step_find(STEP_TORN, "opening: %s", wherry_error_text());
    struct step_finding finding =
        r < 0 ? step_find(STEP_ABSENT, "there is none") : judge(scene, &ends);
    if (r < 0 && !is_named(scene->role, "make") && !is_named(scene->role, "remove"))
        finding = step_find(STEP_LOST, "it is gone");
    wherry_close(ends.out);
    wherry_close(ends.in);
    if (finding.verdict > STEP_ABSENT)
        return finding;
    if (r >= 0 && wherry_remove(quay->address) < 0)
        return step_find(STEP_HUNG, "removing: %s", wherry_error_text());
    if (!(scene->role && scene->role->sleeper) && count_names() > 0)
        return step_find(STEP_LOST, "%d files stay behind", count_names());
    return finding;
}

// Whoever is stopped may hold both locks; the deadlines are met.
static struct step_finding meet(struct step_scene *scene)
{
    const struct quay *quay = scene->shared;
    struct ends ends = {NULL, NULL};
    wherry_message *message = NULL;
    int r = open_out(quay, made_with, &ends.out);
    if (r >= 0)
        r = open_in(quay, &ends.in);
    if (r < 0) {
        wherry_close(ends.out);
        return is_named(scene->role, "remove")
                   ? step_find(STEP_ABSENT, "it was removed meanwhile")
                   : step_find(STEP_HUNG, "opening: %s", wherry_error_text());
    }
    int sent = wherry_write(ends.out, "visitor", 7, VISITORS, 0, wherry_after(20));
    int got = wherry_recv_kind(ends.in, NOBODYS, &message, wherry_after(20));
    wherry_close(ends.out);
    wherry_close(ends.in);
    if (got != -ETIMEDOUT || (sent != 0 && sent != -ETIMEDOUT))
        return step_find(STEP_TORN, "%d, %d: %s", sent, got, wherry_error_text());
    return sent == 0 ? step_find(STEP_WHOLE, "there was room")
                     : step_find(STEP_ABSENT, "the deadline was met");
}

static void recover(struct step_scene *scene)
{
    wherry_message *message = NULL;
    if (!scene->own && open_out(scene->shared, "?create=no", &own.out) >= 0 &&
        open_in(scene->shared, &own.in) >= 0)
        scene->own = &own;
    if (!scene->own)
        return;
    (void)wherry_write(own.out, "visitor", 7, VISITORS, 0, WHERRY_POLL);
    (void)wherry_recv_kind(own.in, NOBODYS, &message, WHERRY_POLL);
}

static void mend_both(struct step_scene *scene)
{
    recover(scene);
}

/* --- load ---------------------------------------------------------------- */

static void turn(struct step_scene *scene)
{
    wherry_message *message = NULL;
    static int number = LEAST;
    (void)scene;
    int r = queue_put(own.out, number++ % 100 + LEAST, wherry_after(5));
    if (r < 0 && r != -ETIMEDOUT)
        _exit(1);
    r = number % 7
            ? wherry_recv(own.in, &message, wherry_after(5))
            : wherry_recv_kind(own.in, number % 100 + LEAST, &message, WHERRY_POLL);
    if (r < 0 && r != -ETIMEDOUT && r != -EAGAIN)
        _exit(2);
    if (r == 1 && queue_number_of(message) < 0)
        _exit(3);
    if (r == 1)
        wherry_message_free(message);
}

static struct step_finding settle(struct step_scene *scene)
{
    const struct quay *quay = scene->shared;
    struct ends ends = {NULL, NULL};
    struct haul haul;
    open_ends(quay, &ends);
    queue_empty(ends.in, &haul);
    struct step_finding finding = queue_judge_room(&ends);
    if (haul.is_torn || haul.is_stuck)
        finding = step_find(STEP_TORN, "a message is torn, or cannot be had");
    wherry_close(ends.out);
    wherry_close(ends.in);
    if (wherry_remove(quay->address) < 0)
        return step_find(STEP_HUNG, "removing: %s", wherry_error_text());
    return finding;
}

static const struct step_role roles[] = {
    {.name = "make", .run = make_one},
    {.name = "open", .run = open_one},
    {.name = "remove", .run = remove_one},
    {.name = "put-into-empty", .prepare = open_own, .run = put_two},
    {.name = "put-behind-some", .prepare = open_own, .run = put_two},
    {.name = "put-into-full", .prepare = open_own, .run = put_next},
    {.name = "take-first", .prepare = open_own, .run = take_first},
    {.name = "take-last-kind", .prepare = open_own, .run = take_last_kind},
    {.name = "take-lowest", .prepare = open_own, .run = take_lowest},
    {.name = "take-passed-over",
     .prepare = open_own_and_pass_over,
     .run = take_last_kind},
    {.name = "take-from-full", .prepare = open_own, .run = take_first},
    {.name = "mend-with-some", .prepare = open_own, .run = mend_both},
    {.name = "close", .prepare = open_own, .run = close_own},
    {.name = "await-one",
     .prepare = open_own,
     .run = await_and_take,
     .wake = put_for_the_sleeping},
    {.name = "put-to-a-sleeper",
     .prepare = open_own,
     .run = put_next,
     .sleeper = open_and_await_message},
    {.name = "take-full-before-a-sleeper",
     .prepare = open_own,
     .run = take_first,
     .sleeper = open_and_await_room},
};

static const struct step_subject queue = {
    .name = "queue",
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .state = state,
    .recover = recover,
    .check = check,
    .meet = meet,
    .attach = open_own,
    .turn = turn,
    .settle = settle,
};

void harness_register(void)
{
    step_add(&queue);
}
